package org.berth.convert;

import java.io.IOException;
import java.util.Optional;
import org.berth.error.ImageException;

/** The uncompressed bytes of a layer, read chunk by chunk so that content is copied once only. */
final class TarInput {
    /** Gives the chunks; each is valid until the next one is asked for, which may not be done after the last. */
    interface Chunks {
        Optional<Chunk> next() throws IOException;
    }

    /** Bytes {@code [0, length)} of a buffer. */
    record Chunk(byte[] bytes, int length) {}

    private final Chunks chunks;
    private byte[] bytes = {};
    private int position;
    private int limit;
    private boolean ended;

    TarInput(Chunks chunks) {
        this.chunks = chunks;
    }

    /** Fills the front of {@code into}; false if the archive ends before the first byte. */
    boolean readOrEnd(byte[] into, int length) throws IOException {
        if (position == limit && !advance()) {
            return false;
        }
        read(into, length);
        return true;
    }

    void read(byte[] into, int length) throws IOException {
        int done = 0;
        while (done < length) {
            int step = available(length - done);
            System.arraycopy(bytes, position, into, done, step);
            position += step;
            done += step;
        }
    }

    /** Skips bytes; false if the archive ends before the last of them. */
    boolean skipOrEnd(long length) throws IOException {
        long left = length;
        while (left > 0) {
            if (position == limit && !advance()) {
                return false;
            }
            int step = (int) Math.min(left, limit - position);
            position += step;
            left -= step;
        }
        return true;
    }

    void skip(long length) throws IOException {
        long left = length;
        while (left > 0) {
            int step = available(left);
            position += step;
            left -= step;
        }
    }

    void copy(long length, TarReader.Sink sink) throws IOException {
        long left = length;
        while (left > 0) {
            int step = available(left);
            sink.write(bytes, position, step);
            position += step;
            left -= step;
        }
    }

    /** Reads to the end of the stream, which is where its digest is checked. */
    void drain() throws IOException {
        position = limit;
        while (advance()) {
            position = limit;
        }
    }

    private int available(long wanted) throws IOException {
        if (position == limit && !advance()) {
            throw new ImageException("the archive ends early");
        }
        return (int) Math.min(wanted, limit - position);
    }

    private boolean advance() throws IOException {
        Optional<Chunk> next = ended ? Optional.empty() : chunks.next();
        if (next.isEmpty()) {
            ended = true;
            return false;
        }
        bytes = next.get().bytes();
        limit = next.get().length();
        position = 0;
        return true;
    }
}
