package org.berth.oci;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Map;
import org.berth.error.ImageException;
import org.junit.jupiter.api.Test;

class VerifyingInputStreamTest {
    private static final byte[] BYTES = Documents.utf8("the bytes of a layer");

    private static VerifyingInputStream stream(byte[] bytes, byte[] expected, long size) {
        Descriptor blob = new Descriptor("", Digest.sha256(expected), size, Map.of());
        return new VerifyingInputStream(new ByteArrayInputStream(bytes), blob, "test");
    }

    @Test
    void rightBytesPass() throws IOException {
        assertArrayEquals(BYTES, stream(BYTES, BYTES, BYTES.length).readAllBytes());
        assertEquals(0, stream(new byte[0], new byte[0], 0).readAllBytes().length);
    }

    @Test
    void aWrongByteFailsBeforeTheEndIsReported() throws IOException {
        byte[] other = BYTES.clone();
        other[3] ^= 1;
        VerifyingInputStream in = stream(other, BYTES, BYTES.length);
        assertEquals(BYTES.length - 1, in.read(new byte[BYTES.length - 1]));
        assertThrows(ImageException.class, in::read);
        assertThrows(ImageException.class, in::read);
    }

    @Test
    void shortBlobsFail() {
        assertThrows(
                ImageException.class,
                () -> stream(BYTES, BYTES, BYTES.length + 1).readAllBytes());
    }

    @Test
    void whatFollowsTheSizeIsNotRead() {
        assertThrows(
                ImageException.class,
                () -> stream(BYTES, BYTES, BYTES.length - 1).readAllBytes());
    }
}
