package org.berth.squashfs;

/** Reads little-endian values from one metadata block on into the next ones, up to the end of a table. Not for several threads. */
final class MetadataCursor {
    private final BlockReader blocks;
    private final long end;
    private long position;
    private BlockReader.Metadata block;
    private int at;

    /**
     * Begins in the block at a position.
     *
     * @param offset in the plain block
     * @param end blocks from this position on are not read
     */
    MetadataCursor(BlockReader blocks, long position, int offset, long end) {
        this.blocks = blocks;
        this.end = end;
        this.position = position;
        this.block = load(position);
        this.at = offset;
        if (offset > block.bytes().length) {
            throw blocks.damaged("offset %d is outside the metadata block at %d".formatted(offset, position));
        }
    }

    private BlockReader.Metadata load(long where) {
        if (where >= end) {
            throw blocks.damaged("a table ends too early at position %d".formatted(end));
        }
        return blocks.metadata(where);
    }

    /** The position of the block that the next byte is in, or of the one that has just been read to its end. */
    long position() {
        return position;
    }

    /** Where in the block the next byte is. */
    int offset() {
        return at;
    }

    int u8() {
        while (at == block.bytes().length) {
            position = block.next();
            block = load(position);
            at = 0;
        }
        return block.bytes()[at++] & 0xff;
    }

    int u16() {
        return u8() | u8() << 8;
    }

    int i32() {
        return u16() | u16() << 16;
    }

    long u32() {
        return Integer.toUnsignedLong(i32());
    }

    long i64() {
        return u32() | u32() << 32;
    }

    byte[] bytes(int count) {
        byte[] out = new byte[count];
        for (int done = 0; done < count; ) {
            out[done++] = (byte) u8();
            int run = Math.min(count - done, block.bytes().length - at);
            System.arraycopy(block.bytes(), at, out, done, run);
            at += run;
            done += run;
        }
        return out;
    }

    void skip(long count) {
        for (long left = count; left > 0; ) {
            u8();
            left--;
            int run = (int) Math.min(left, block.bytes().length - at);
            at += run;
            left -= run;
        }
    }

    /** Whether the table has no byte left. */
    boolean atEnd() {
        return at == block.bytes().length && block.next() >= end;
    }
}
