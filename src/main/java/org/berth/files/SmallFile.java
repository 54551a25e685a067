package org.berth.files;

import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.Charset;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Set;

/**
 * Records, notes, pins and leases: small files that somebody may have put a fifo, a link or a huge file in the place of.
 *
 * <p>What is no regular file is not opened, as a fifo would keep its reader for ever and java.nio.file cannot open without waiting.
 * Between the look and the opening only those can exchange it who may write to the directory: there it is the caller's own.
 */
public final class SmallFile {
    private static final int TRIES = 100;

    private SmallFile() {}

    /**
     * All bytes of a file.
     *
     * @throws java.nio.file.NoSuchFileException if it is not there
     * @throws FileSystemException if it is no regular file, or longer than that
     */
    public static byte[] read(Path file, int maxBytes) throws IOException {
        byte[] bytes = start(file, maxBytes + 1);
        if (bytes.length > maxBytes) {
            throw new FileSystemException(file.toString(), null, "is longer than %d bytes".formatted(maxBytes));
        }
        return bytes;
    }

    /**
     * The first bytes of a file, at most so many. One that others replace by renaming, as leases and records are, is looked at again.
     */
    public static byte[] start(Path file, int maxBytes) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            Object key = regular(file).fileKey();
            try (FileChannel channel =
                    FileChannel.open(file, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
                if (Objects.equals(key, regular(file).fileKey())) {
                    return Channels.newInputStream(channel).readNBytes(maxBytes);
                }
            }
        }
        throw new FileSystemException(file.toString(), null, "is exchanged again and again while it is opened");
    }

    /** The same as text; bytes that are none of the charset's become replacement characters. */
    public static String text(Path file, int maxBytes, Charset charset) throws IOException {
        return new String(read(file, maxBytes), charset);
    }

    /** For files that are opened otherwise. */
    public static void requireRegular(Path file) throws IOException {
        regular(file);
    }

    private static BasicFileAttributes regular(Path file) throws IOException {
        BasicFileAttributes attributes =
                Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (!attributes.isRegularFile()) {
            throw new FileSystemException(file.toString(), null, "is no regular file");
        }
        return attributes;
    }
}
