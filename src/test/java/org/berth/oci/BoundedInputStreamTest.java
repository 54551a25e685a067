package org.berth.oci;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class BoundedInputStreamTest {
    private static BoundedInputStream first(int length, int... bytes) {
        byte[] there = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            there[i] = (byte) bytes[i];
        }
        return new BoundedInputStream(new ByteArrayInputStream(there), length) {
            @Override
            protected int cut() throws IOException {
                throw new EOFException("cut");
            }
        };
    }

    @Test
    void givesSoManyBytesAndNoMore() throws IOException {
        assertArrayEquals(new byte[] {1, 2}, first(2, 1, 2, 3).readAllBytes());
    }

    @Test
    void aSkipCountsAsARead() throws IOException {
        BoundedInputStream in = first(3, 1, 2, 3, 4, 5);
        assertEquals(2, in.skip(2));
        assertEquals(3, in.read());
        assertEquals(0, in.skip(2));
        assertEquals(-1, in.read());
    }

    @Test
    void aByteAbove127IsNotTheEnd() throws IOException {
        assertEquals(255, first(1, 255).read());
    }

    @Test
    void saysSoWhenTheStreamEndsEarly() {
        assertThrows(EOFException.class, () -> first(3, 1, 2).readAllBytes());
    }
}
