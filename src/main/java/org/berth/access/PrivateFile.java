package org.berth.access;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import org.berth.error.HostException;
import org.berth.files.OwnFiles;
import org.berth.files.Reason;

/** Writes files with secrets: mode 0600 from their first byte, whole or not at all. */
final class PrivateFile {
    private PrivateFile() {}

    /** What is there is replaced; where it is a link to a file, that file is. */
    static void write(Path named, byte[] bytes) {
        try {
            Path path = Files.exists(named) ? named.toRealPath() : named;
            Path folder = Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file lies in a folder");
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            OwnFiles.write(path, 0600, bytes);
        } catch (IOException e) {
            throw new HostException("could not write %s: %s".formatted(named, Reason.of(e)), e);
        }
    }
}
