package org.berth.squashfs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** The part of a file that becomes the image; positions count from the image's start. For one thread at a time. */
final class ImageOutput {
    private final FileChannel channel;
    private final long offset;
    private long position = SquashfsFormat.SUPERBLOCK_BYTES;
    private long highest;

    ImageOutput(FileChannel channel, long offset) {
        this.channel = channel;
        this.offset = offset;
    }

    long position() {
        return position;
    }

    void append(byte[] bytes, int from, int length) throws IOException {
        write(ByteBuffer.wrap(bytes, from, length), position);
        position += length;
    }

    /** Goes back to an earlier position; what was written from there on is given up. */
    void rewind(long earlier) {
        highest = Math.max(highest, position);
        position = earlier;
    }

    void superblock(ByteBuffer superblock) throws IOException {
        write(superblock, 0);
    }

    /** Fills up to the padding with zeros and cuts off what a {@link #rewind} left behind; the length of the image. */
    long pad() throws IOException {
        int rest = (int) (-position & SquashfsFormat.PADDING - 1);
        append(new byte[rest], 0, rest);
        if (highest > position && channel.size() <= offset + highest) {
            channel.truncate(offset + position);
        }
        return position;
    }

    /** Whether {@code length} bytes at two places are the same. */
    boolean same(long one, long other, long length) throws IOException {
        ByteBuffer a = ByteBuffer.allocate(1 << 16);
        ByteBuffer b = ByteBuffer.allocate(1 << 16);
        for (long done = 0; done < length; done += a.limit()) {
            int step = (int) Math.min(a.capacity(), length - done);
            read(a.clear().limit(step), one + done);
            read(b.clear().limit(step), other + done);
            if (!a.flip().equals(b.flip())) {
                return false;
            }
        }
        return true;
    }

    private void read(ByteBuffer into, long at) throws IOException {
        while (into.hasRemaining()) {
            if (channel.read(into, offset + at + into.position()) < 0) {
                throw new IOException("the file was cut while it was written");
            }
        }
    }

    private void write(ByteBuffer bytes, long at) throws IOException {
        long place = offset + at;
        while (bytes.hasRemaining()) {
            place += channel.write(bytes, place);
        }
    }
}
