package org.berth.sif;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The bytes of a fixed-size field, kept as they are in the file because signatures cover them, compared by content. */
public final class FixedBytes {
    private final byte[] bytes;

    private FixedBytes(byte[] bytes) {
        this.bytes = bytes;
    }

    /** A field of that many bytes that holds the value, padded with NUL; the value must fit. */
    static FixedBytes padded(byte[] value, int size) {
        if (value.length > size) {
            throw new IllegalArgumentException("%d bytes in a field of %d".formatted(value.length, size));
        }
        return new FixedBytes(Arrays.copyOf(value, size));
    }

    static FixedBytes padded(String value, int size) {
        return padded(value.getBytes(StandardCharsets.UTF_8), size);
    }

    static FixedBytes take(ByteBuffer from, int size) {
        byte[] bytes = new byte[size];
        from.get(bytes);
        return new FixedBytes(bytes);
    }

    /** The field with its NUL padding, read-only. */
    public ByteBuffer buffer() {
        return ByteBuffer.wrap(bytes).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The field as UTF-8 text without the NULs at its end. */
    public String text() {
        int end = bytes.length;
        while (end > 0 && bytes[end - 1] == 0) {
            end--;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof FixedBytes that && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return text();
    }
}
