package org.berth.host;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.berth.error.HostException;

/** Directory trees of our own making. */
public final class Trees {
    private Trees() {}

    /** Removes a tree, without following links; folders that are closed to their owner are opened on the way. */
    public static void remove(Path directory) {
        try {
            delete(directory);
        } catch (IOException e) {
            throw new HostException("could not remove %s: %s".formatted(directory, Host.reason(e)), e);
        }
    }

    private static void delete(Path path) throws IOException {
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            // Before it is read: a walk of the library's would read it first.
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
                for (Path entry : entries) {
                    delete(entry);
                }
            }
        }
        Files.delete(path);
    }
}
