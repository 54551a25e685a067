package org.berth.convert;

import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.berth.error.ImageException;

/**
 * Decompresses gzip (RFC 1952) of any number of members with any header fields, and checks length and CRC of each.
 *
 * <p>What follows the last member and is no member itself is read and ignored, as gzip does. The JDK's stream is not
 * used since it may take a slow source for an ended one.
 */
final class GzipStream extends InputStream {
    private static final int BUFFER = 1 << 16;
    private static final int FLAG_CRC = 2;
    private static final int FLAG_EXTRA = 4;
    private static final int FLAG_NAME = 8;
    private static final int FLAG_COMMENT = 16;

    private final InputStream in;
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private final byte[] buffer = new byte[BUFFER];
    private int position;
    private int limit;
    private boolean inMember;
    private boolean ended;
    private boolean first = true;

    GzipStream(InputStream in) {
        this.in = in;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] out, int from, int length) throws IOException {
        while (!ended) {
            if (!inMember && !startMember()) {
                ended = true;
                break;
            }
            int n = inflate(out, from, length);
            if (n > 0) {
                crc.update(out, from, n);
                return n;
            }
            endMember();
        }
        return -1;
    }

    @Override
    public void close() throws IOException {
        inflater.end();
        in.close();
    }

    private int inflate(byte[] out, int from, int length) throws IOException {
        try {
            while (true) {
                int n = inflater.inflate(out, from, length);
                if (n > 0 || inflater.finished()) {
                    return n;
                }
                if (inflater.needsDictionary()) {
                    throw new ImageException("its gzip data asks for a dictionary");
                }
                if (position == limit && !fill()) {
                    throw new ImageException("its gzip data ends early");
                }
                inflater.setInput(buffer, position, limit - position);
                position = limit;
            }
        } catch (DataFormatException e) {
            throw new ImageException("its gzip data is damaged: " + e.getMessage(), e);
        }
    }

    private boolean startMember() throws IOException {
        if (position == limit && !fill()) {
            return false;
        }
        boolean magic = next() == 0x1f && (position < limit || fill()) && next() == 0x8b;
        if (!magic) {
            if (first) {
                throw new ImageException("it is not gzip data");
            }
            do {
                position = limit;
            } while (fill());
            return false;
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
        inflater.reset();
        crc.reset();
        inMember = true;
        first = false;
        return true;
    }

    private void endMember() throws IOException {
        position = limit - inflater.getRemaining();
        long statedCrc = word();
        long statedLength = word();
        if (statedCrc != crc.getValue()) {
            throw new ImageException("its gzip data is damaged: wrong checksum");
        }
        if (statedLength != (inflater.getBytesWritten() & 0xffffffffL)) {
            throw new ImageException("its gzip data is damaged: wrong length");
        }
        inMember = false;
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
        if (position == limit && !fill()) {
            throw new ImageException("its gzip data ends early");
        }
        return buffer[position++] & 0xff;
    }

    private boolean fill() throws IOException {
        int n = in.read(buffer, 0, buffer.length);
        position = 0;
        limit = Math.max(n, 0);
        return n > 0;
    }
}
