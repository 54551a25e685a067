package org.berth.files;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import org.berth.error.HostException;

/** Directory trees of our own making. */
public final class Trees {
    /** Of directories that were deeper down; nothing that an image or a payload makes is called so by chance. */
    private static final String LIFTED = ".berth-removed-";

    private Trees() {}

    /** Removes a tree, without following links; folders that are closed to their owner are opened on the way. */
    public static void remove(Path directory) {
        try {
            delete(directory);
        } catch (IOException e) {
            throw new HostException("could not remove %s: %s".formatted(directory, Reason.of(e)), e);
        }
    }

    /**
     * Removes a file or a tree; what vanishes meanwhile is fine.
     *
     * <p>A tree may be deeper than a stack, the number of open files and the length of a path allow. So a directory within a
     * directory is lifted to the top before it is emptied itself: nothing is ever deeper than two.
     */
    public static void delete(Path top) throws IOException {
        if (!Files.isDirectory(top, LinkOption.NOFOLLOW_LINKS)) {
            Files.deleteIfExists(top);
            return;
        }
        Deque<Path> left = new ArrayDeque<>();
        long lifted = 0;
        open(top);
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(top)) {
            for (Path entry : entries) {
                if (!isRemoved(entry)) {
                    left.add(entry);
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        while (!left.isEmpty()) {
            Path directory = left.removeLast();
            open(directory);
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
                for (Path entry : entries) {
                    if (!isRemoved(entry)) {
                        // A directory that gets another parent has to be writable itself.
                        open(entry);
                        Path free = top.resolve(LIFTED + lifted++);
                        while (Files.exists(free, LinkOption.NOFOLLOW_LINKS)) {
                            free = top.resolve(LIFTED + lifted++);
                        }
                        left.add(Files.move(entry, free, StandardCopyOption.ATOMIC_MOVE));
                    }
                }
            } catch (NoSuchFileException e) {
                // Somebody else removes it too.
            } catch (DirectoryIteratorException e) {
                throw e.getCause();
            }
            Files.deleteIfExists(directory);
        }
        Files.deleteIfExists(top);
    }

    /** Whether it was no directory, or an empty one, and is gone now. */
    private static boolean isRemoved(Path entry) throws IOException {
        if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        Files.deleteIfExists(entry);
        return true;
    }

    private static void open(Path directory) throws IOException {
        try {
            Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
        } catch (NoSuchFileException e) {
            // Somebody else removes it too.
        }
    }
}
