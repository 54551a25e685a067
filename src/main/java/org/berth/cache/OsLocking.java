package org.berth.cache;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;

/**
 * The operating system's record locks (fcntl): they vanish with their process, however it ends, and most shared file
 * systems carry them between machines.
 *
 * <p>A process must not open a lock file that it has locked: closing any descriptor of the file would release the lock.
 * {@link Leases} sees to it.
 */
final class OsLocking implements Locking {
    static final String SUFFIX = ".lock";

    @Override
    public Optional<Lock> tryLock(Path base) throws IOException {
        Path file = Path.of(base + SUFFIX);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        boolean held = false;
        try {
            Optional<Object> opened = identity(file);
            FileLock lock = channel.tryLock();
            // Its last holder may have removed the file between our opening and our locking it.
            held = lock != null && opened.isPresent() && opened.equals(identity(file));
            return held ? Optional.of(() -> release(file, channel)) : Optional.empty();
        } catch (OverlappingFileLockException e) {
            return Optional.empty();
        } catch (IOException e) {
            Files.deleteIfExists(file);
            throw e;
        } finally {
            if (!held) {
                channel.close();
            }
        }
    }

    private static Optional<Object> identity(Path file) throws IOException {
        try {
            return Optional.ofNullable(
                    Files.readAttributes(file, BasicFileAttributes.class).fileKey());
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private static void release(Path file, FileChannel channel) {
        try (channel) {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // The lock is gone all the same; a file that is left is taken up by the next one.
        }
    }
}
