package org.berth.convert;

import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import org.berth.error.ImageException;

/**
 * Decompresses gzip (RFC 1952) of any number of members with any header fields, and checks length and CRC of each.
 *
 * <p>What follows the last member and is no member itself is read and ignored, as gzip does. The JDK's stream is not
 * used: it is slower, and may take a slow source for an ended one.
 */
final class GzipStream extends InputStream {
    private static final int DECODED = 1 << 18;
    private static final int FLAG_CRC = 2;
    private static final int FLAG_EXTRA = 4;
    private static final int FLAG_NAME = 8;
    private static final int FLAG_COMMENT = 16;

    private final InputStream in;
    private final DeflateDecoder deflate;
    private final CRC32 crc = new CRC32();
    private long memberBytes;
    private boolean first = true;
    private boolean ended;

    /** The window of what went before, then what is decoded and was not read yet. */
    private final byte[] decoded = new byte[DeflateDecoder.WINDOW + DECODED + DeflateDecoder.SLACK];

    private int position;
    private int limit;

    GzipStream(InputStream in) {
        this.in = in;
        deflate = new DeflateDecoder(in);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] out, int from, int length) throws IOException {
        while (position == limit) {
            if (ended) {
                return -1;
            }
            decode();
        }
        int step = Math.min(length, limit - position);
        System.arraycopy(decoded, position, out, from, step);
        position += step;
        return step;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }

    /** Decodes a buffer full, or to the end of a member. */
    private void decode() throws IOException {
        if (deflate.ended()) {
            startMember();
            return;
        }
        if (limit > DeflateDecoder.WINDOW) {
            System.arraycopy(decoded, limit - DeflateDecoder.WINDOW, decoded, 0, DeflateDecoder.WINDOW);
            limit = DeflateDecoder.WINDOW;
        }
        position = limit;
        limit = deflate.decode(decoded, position, DeflateDecoder.WINDOW + DECODED);
        crc.update(decoded, position, limit - position);
        memberBytes += limit - position;
        if (deflate.ended()) {
            endMember();
        }
    }

    private void startMember() throws IOException {
        int one = deflate.nextByte();
        if (one != 0x1f || deflate.nextByte() != 0x8b) {
            if (first) {
                throw new ImageException("it is not gzip data");
            }
            deflate.drain();
            ended = true;
            return;
        }
        if (next() != 8) {
            throw new ImageException("its gzip data has an unknown compression method");
        }
        int flags = next();
        skip(6);
        if ((flags & FLAG_EXTRA) != 0) {
            skip(next() | next() << 8);
        }
        if ((flags & FLAG_NAME) != 0) {
            skipText();
        }
        if ((flags & FLAG_COMMENT) != 0) {
            skipText();
        }
        if ((flags & FLAG_CRC) != 0) {
            skip(2);
        }
        crc.reset();
        memberBytes = 0;
        // No member may look back into the one before it.
        position = 0;
        limit = 0;
        first = false;
        deflate.start();
    }

    private void endMember() throws IOException {
        if (word() != crc.getValue()) {
            throw new ImageException("its gzip data is damaged: wrong checksum");
        }
        if (word() != (memberBytes & 0xffffffffL)) {
            throw new ImageException("its gzip data is damaged: wrong length");
        }
    }

    private long word() throws IOException {
        return next() | next() << 8 | next() << 16 | (long) next() << 24;
    }

    private void skip(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            next();
        }
    }

    private void skipText() throws IOException {
        while (next() != 0) {
            // up to the terminating NUL
        }
    }

    private int next() throws IOException {
        int value = deflate.nextByte();
        if (value < 0) {
            throw new ImageException("its gzip data ends early");
        }
        return value;
    }
}
