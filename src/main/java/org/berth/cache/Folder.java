package org.berth.cache;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.berth.files.OutputFiles;
import org.berth.files.Unfinished;
import org.berth.host.Owners;

/** What the cache does with directories and files: private, durable, never half written. */
public final class Folder {
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private Folder() {}

    static FileChannel createFile(Path file) throws IOException {
        return FileChannel.open(file, Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW), PRIVATE_FILE);
    }

    /** Writes a small file whole, and removes what killed writers of it left. */
    static void write(Path file, byte[] bytes) throws IOException {
        try (Unfinished part = Unfinished.of(file)) {
            try (FileChannel channel = createFile(part.path())) {
                OutputFiles.writeAll(channel, ByteBuffer.wrap(bytes));
                channel.force(true);
            }
            publish(part.path(), file);
        }
        deleteAbandoned(OutputFiles.folder(file), file.getFileName().toString());
    }

    /** Gives a written and synchronised file its name; after that it survives a crash of the machine, too. */
    static void publish(Path part, Path file) throws IOException {
        try {
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (NoSuchFileException e) {
            // Whoever took over from us, because we seemed to be dead, has written the same.
            if (!isFile(file)) {
                throw e;
            }
        }
        try (FileChannel directory = FileChannel.open(OutputFiles.folder(file), StandardOpenOption.READ)) {
            directory.force(true);
        } catch (IOException e) {
            // Some network file systems refuse to synchronise a directory; the name is there all the same.
            if (!Files.exists(file)) {
                throw e;
            }
        }
    }

    static boolean isFile(Path file) {
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
    }

    /** Whether there is a file that nobody else can have written. */
    static boolean isTrusted(Path file, Owners owners) {
        try {
            return owners.objection(file, Owners.Kind.FILE).isEmpty();
        } catch (IOException e) {
            return false;
        }
    }

    /** The entries of a directory that match a glob, sorted by name; none if the directory is missing. */
    static List<Path> list(Path directory, String glob) throws IOException {
        List<Path> paths = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, glob)) {
            stream.forEach(paths::add);
        } catch (NoSuchFileException e) {
            return List.of();
        }
        paths.sort(null);
        return paths;
    }

    /** Removes the unfinished files of a name that nobody writes any more. */
    static void deleteAbandoned(Path directory, String name) throws IOException {
        for (Path part : Unfinished.abandoned(directory, name)) {
            Files.deleteIfExists(part);
        }
    }
}
