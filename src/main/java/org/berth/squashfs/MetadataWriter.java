package org.berth.squashfs;

import java.io.IOException;

/** Packs a table into metadata blocks of 8 KiB, each with a 16-bit header, compressed where that helps. */
final class MetadataWriter {
    /** Takes a finished metadata block with its header. */
    interface Sink {
        void accept(byte[] bytes, int length) throws IOException;
    }

    private final BlockCodec.Compressor compressor;
    private final Sink sink;
    private final byte[] block = new byte[SquashfsFormat.METADATA];
    private final byte[] packed;
    private final byte[] framed;
    private int filled;
    private long written;

    MetadataWriter(BlockCodec codec, BlockCodec.Compressor compressor, Sink sink) {
        this.compressor = compressor;
        this.sink = sink;
        packed = new byte[codec.bound()];
        framed = new byte[SquashfsFormat.METADATA + 2];
    }

    /** Where the next byte goes: block offset in the table << 16 | offset in the block. */
    long reference() throws IOException {
        if (filled == block.length) {
            flush();
        }
        return written << 16 | filled;
    }

    /** Bytes of the finished blocks, which is where the current one will start. */
    long blockStart() throws IOException {
        return reference() >>> 16;
    }

    void write(byte[] bytes, int from, int length) throws IOException {
        int done = 0;
        while (done < length) {
            if (filled == block.length) {
                flush();
            }
            int step = Math.min(length - done, block.length - filled);
            System.arraycopy(bytes, from + done, block, filled, step);
            filled += step;
            done += step;
        }
    }

    void u16(int value) throws IOException {
        put(value, 2);
    }

    void u32(int value) throws IOException {
        put(value, 4);
    }

    void u64(long value) throws IOException {
        put(value, 8);
    }

    /** Writes out the last block; the bytes of the table. */
    long finish() throws IOException {
        flush();
        return written;
    }

    private void put(long value, int bytes) throws IOException {
        for (int i = 0; i < bytes; i++) {
            if (filled == block.length) {
                flush();
            }
            block[filled++] = (byte) (value >>> 8 * i);
        }
    }

    private void flush() throws IOException {
        if (filled == 0) {
            return;
        }
        int size = compressor.compress(block, filled, packed);
        int header = size;
        byte[] source = packed;
        if (size >= filled) {
            size = filled;
            header = size | SquashfsFormat.METADATA_RAW;
            source = block;
        }
        framed[0] = (byte) header;
        framed[1] = (byte) (header >>> 8);
        System.arraycopy(source, 0, framed, 2, size);
        sink.accept(framed, size + 2);
        written += size + 2;
        filled = 0;
    }
}
