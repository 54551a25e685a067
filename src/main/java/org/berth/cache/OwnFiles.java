package org.berth.cache;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.berth.error.HostException;

/** Files of images outside the cache: copies that appear whole, and temporary ones. */
public final class OwnFiles {
    private static final int BUFFER = 128 << 10;
    private static final PosixFilePermission[] BITS = {
        PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE,
        PosixFilePermission.GROUP_READ, PosixFilePermission.GROUP_WRITE, PosixFilePermission.GROUP_EXECUTE,
        PosixFilePermission.OTHERS_READ, PosixFilePermission.OTHERS_WRITE, PosixFilePermission.OTHERS_EXECUTE
    };

    private OwnFiles() {}

    /**
     * Copies a file; the copy appears by rename when it is complete and on the disk.
     *
     * <p>The kernel shares the blocks where the file system can.
     *
     * @param mode permission bits of the copy
     * @throws HostException if there is no room, or it cannot be written
     */
    public static void copy(Path from, Path to, int mode) {
        Path folder = Objects.requireNonNull(to.toAbsolutePath().getParent(), "a file lies in a folder");
        String prefix = ".berth-copy-" + to.getFileName() + "-";
        removeLeftovers(folder, prefix);
        Path part = folder.resolve(
                prefix + Long.toHexString(ThreadLocalRandom.current().nextLong()));
        try {
            try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ)) {
                Space.require(folder, in.size());
                try (FileChannel out =
                        FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                    lock(out);
                    long position = 0;
                    while (position < in.size()) {
                        position += in.transferTo(position, in.size() - position, out);
                    }
                    out.force(true);
                }
                Files.setPosixFilePermissions(part, permissions(mode));
                Files.move(part, to, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);
            }
        } catch (IOException e) {
            throw new HostException("could not write %s: %s".formatted(to, e.getMessage()), e);
        }
    }

    /** What copies to this name left whose makers were killed: the system took their locks away. */
    private static void removeLeftovers(Path folder, String prefix) {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(
                folder, path -> String.valueOf(path.getFileName()).startsWith(prefix))) {
            for (Path path : left) {
                try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                    if (lock(channel)) {
                        Files.deleteIfExists(path);
                    }
                }
            }
        } catch (IOException e) {
            // A folder that cannot be listed, or another user's file: the copy itself will tell what matters.
        }
    }

    private static boolean lock(FileChannel channel) {
        try {
            return channel.tryLock() != null;
        } catch (IOException | OverlappingFileLockException e) {
            return false;
        }
    }

    /** An empty file of the caller's alone. */
    public static Path temporary(Path directory, String prefix, String suffix) {
        try {
            return Files.createTempFile(directory, prefix, suffix);
        } catch (IOException e) {
            throw new HostException("could not make a temporary file in %s: %s".formatted(directory, e.getMessage()), e)
                    .hint("set APPTAINER_TMPDIR to a directory that can be written");
        }
    }

    /**
     * Fills a file and brings it to the disk.
     *
     * @param size that is to come
     * @throws HostException if there is no room
     */
    public static void write(InputStream in, Path file, long size) throws IOException {
        Space.require(Folder.parent(file), size);
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            byte[] buffer = new byte[BUFFER];
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                try {
                    ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, count);
                    while (bytes.hasRemaining()) {
                        out.write(bytes);
                    }
                } catch (IOException e) {
                    throw Space.writeFailure(file, size, e);
                }
            }
            out.force(true);
        }
    }

    public static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new HostException("could not remove %s: %s".formatted(file, e.getMessage()), e);
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
