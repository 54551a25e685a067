package org.berth.cache;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.berth.error.HostException;

/**
 * A file that is being written beside its destination, and appears there by rename.
 *
 * <p>Whoever writes it holds a lock on it, which the system takes away when the process is killed; then the next one that
 * writes into the folder removes it. The name says the host, since on some file systems locks are seen on one host only.
 */
public final class Unfinished implements AutoCloseable {
    private static final String PREFIX = ".berth-part-";
    private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");

    private final Path destination;
    private final Path path;

    private Unfinished(Path destination, Path path) {
        this.destination = destination;
        this.path = path;
    }

    /** Chooses a name, and removes what killed writers left in the folder. */
    public static Unfinished beside(Path destination) {
        Path folder = Objects.requireNonNull(destination.toAbsolutePath().getParent(), "a file lies in a folder");
        String ours = PREFIX + hostName() + "-";
        removeLeftovers(folder, ours);
        return new Unfinished(
                destination,
                folder.resolve(
                        ours + Long.toHexString(ThreadLocalRandom.current().nextLong())));
    }

    /** Where to write; does not exist yet. */
    public Path path() {
        return path;
    }

    /** Gives the file, which is complete and on the disk, its name; what had it is replaced. */
    public void publish() {
        try {
            Files.move(path, destination, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new HostException("could not write %s: %s".formatted(destination, e.getMessage()), e);
        }
    }

    /** Removes the file unless it was published. */
    @Override
    public void close() {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            throw new HostException("could not remove %s: %s".formatted(path, e.getMessage()), e);
        }
    }

    private static void removeLeftovers(Path folder, String prefix) {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(
                folder, path -> String.valueOf(path.getFileName()).startsWith(prefix))) {
            for (Path path : left) {
                removeUnlessLocked(path);
            }
        } catch (IOException e) {
            // A folder that cannot be listed: the write itself will tell what matters.
        }
    }

    private static void removeUnlessLocked(Path path) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            if (channel.tryLock() != null) {
                Files.deleteIfExists(path);
            }
        } catch (IOException | OverlappingFileLockException e) {
            // Another user's, gone already, or of this very process.
        }
    }

    private static String hostName() {
        try {
            return Files.readString(HOST_NAME).strip();
        } catch (IOException e) {
            return "host";
        }
    }
}
