package org.berth.cache;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.oci.Digest;

/**
 * The last 48 bytes of an image in the cache: how long what is before them is, and its SHA-256. So the file alone tells
 * whether it is whole, at once by its length and in full by its digest, wherever it was copied to.
 *
 * <pre>
 *   0  "BERTHSUM"
 *   8  length of the image, little-endian
 *  16  SHA-256 of the image
 * </pre>
 *
 * Readers of SIF and squashfs pass over bytes at the end. Anybody can append such bytes, so they count only in files that this
 * program has made in the caller's own cache.
 *
 * @param size of the image without the trailer, in bytes
 */
public record ImageTrailer(long size, Digest digest) {
    static final int LENGTH = 48;
    private static final byte[] MAGIC = "BERTHSUM".getBytes(StandardCharsets.US_ASCII);
    private static final int BUFFER = 1 << 18;

    /**
     * Appends the trailer to a finished image. One that is there already is part of the image: it came from elsewhere with it,
     * and may say what it likes.
     *
     * @throws HostException if it cannot be read or written
     */
    public static void append(Path file) {
        try {
            write(file);
        } catch (IOException e) {
            throw Space.writeFailure(file, LENGTH, e);
        }
    }

    private static void write(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            long size = channel.size();
            ByteBuffer bytes = ByteBuffer.allocate(LENGTH).order(ByteOrder.LITTLE_ENDIAN);
            bytes.put(MAGIC).putLong(size).put(hash(channel, size)).flip();
            while (bytes.hasRemaining()) {
                channel.write(bytes, size + bytes.position());
            }
        }
    }

    /** The trailer of a file whose length is what it says; empty if it has none, or was cut. */
    public static Optional<ImageTrailer> read(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return read(channel);
        }
    }

    private static Optional<ImageTrailer> read(FileChannel channel) throws IOException {
        long size = channel.size() - LENGTH;
        if (size < 0) {
            return Optional.empty();
        }
        ByteBuffer bytes = ByteBuffer.allocate(LENGTH).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining() && channel.read(bytes, size + bytes.position()) >= 0) {
            continue;
        }
        byte[] magic = new byte[MAGIC.length];
        byte[] hash = new byte[LENGTH - MAGIC.length - Long.BYTES];
        bytes.flip();
        if (bytes.remaining() < LENGTH || !Arrays.equals(MAGIC, read(bytes, magic)) || bytes.getLong() != size) {
            return Optional.empty();
        }
        return Optional.of(new ImageTrailer(size, Digest.of("sha256", read(bytes, hash))));
    }

    private static byte[] read(ByteBuffer from, byte[] into) {
        from.get(into);
        return into;
    }

    /** The length of the image in an open file, without a trailer if there is one. */
    public static long imageSize(FileChannel channel) throws IOException {
        return read(channel).map(ImageTrailer::size).orElse(channel.size());
    }

    /** Whether the file's bytes are the ones that this trailer was made for. Reads all of them. */
    public boolean matches(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.size() == size + LENGTH && digest.equals(Digest.of("sha256", hash(channel, size)));
        }
    }

    private static byte[] hash(FileChannel channel, long size) throws IOException {
        return hash(channel, size, Digest.sha256(new byte[0]).hasher());
    }

    /** The hash of a file's first bytes. */
    static byte[] hash(FileChannel channel, long size, MessageDigest hasher) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        for (long at = 0; at < size; at += buffer.limit()) {
            buffer.clear().limit((int) Math.min(BUFFER, size - at));
            if (channel.read(buffer, at) <= 0) {
                throw new IOException("it was cut while it was read");
            }
            hasher.update(buffer.flip());
        }
        return hasher.digest();
    }
}
