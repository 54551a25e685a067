package org.berth.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;
import org.berth.error.HostException;

/** Files that appear whole, under whatever permissions, and temporary ones. */
public final class OwnFiles {
    private static final PosixFilePermission[] BITS = {
        PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE,
        PosixFilePermission.GROUP_READ, PosixFilePermission.GROUP_WRITE, PosixFilePermission.GROUP_EXECUTE,
        PosixFilePermission.OTHERS_READ, PosixFilePermission.OTHERS_WRITE, PosixFilePermission.OTHERS_EXECUTE
    };

    private OwnFiles() {}

    /** A new file, open for reading and writing. */
    public record Made(FileChannel channel) {}

    /** Writes a new file from its start. */
    public interface Maker {
        void make(Made file) throws IOException;
    }

    /**
     * Makes a file that appears by rename when it is complete and on the disk; what has its name is replaced.
     *
     * @param mode permission bits
     * @throws HostException if it cannot be written
     */
    public static void make(Path to, int mode, Maker maker) {
        try {
            made(to, mode, maker);
        } catch (IOException e) {
            throw new HostException("could not write %s: %s".formatted(to, Reason.of(e)), e);
        }
    }

    private static void made(Path to, int mode, Maker maker) throws IOException {
        try (Unfinished part = Unfinished.beside(to)) {
            try (FileChannel out = FileChannel.open(
                    part.path(),
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                maker.make(new Made(out));
                out.force(true);
            }
            Files.setPosixFilePermissions(part.path(), permissions(mode));
            part.publish();
        }
    }

    /**
     * The same with these bytes.
     *
     * @throws IOException if it cannot be written
     */
    public static void write(Path to, int mode, byte[] bytes) throws IOException {
        made(to, mode, file -> OutputFiles.writeAll(file.channel(), ByteBuffer.wrap(bytes)));
    }

    /** An empty file of the caller's alone. */
    public static Path temporary(Path directory, String prefix, String suffix) {
        try {
            return Files.createTempFile(directory, prefix, suffix);
        } catch (IOException e) {
            throw new HostException("could not make a temporary file in %s: %s".formatted(directory, Reason.of(e)), e)
                    .hint("set APPTAINER_TMPDIR to a directory that can be written");
        }
    }

    public static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new HostException("could not remove %s: %s".formatted(file, Reason.of(e)), e);
        }
    }

    private static Set<PosixFilePermission> permissions(int mode) {
        Set<PosixFilePermission> set = EnumSet.noneOf(PosixFilePermission.class);
        for (int i = 0; i < BITS.length; i++) {
            if ((mode & (0400 >> i)) != 0) {
                set.add(BITS[i]);
            }
        }
        return set;
    }
}
