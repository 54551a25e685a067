package org.berth.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.berth.error.ImageException;
import org.junit.jupiter.api.Test;

class GzipStreamTest {
    private static final byte[] TEXT = "some text, some more text\n".repeat(200).getBytes(StandardCharsets.US_ASCII);

    @Test
    void membersFollowEachOther() throws IOException {
        byte[] member = MemoryLayers.gzip(TEXT);
        byte[] empty = MemoryLayers.gzip(new byte[0]);
        assertArrayEquals(join(TEXT, TEXT), read(join(member, empty, member, empty)));
    }

    @Test
    void headerFieldsAreSkipped() throws IOException {
        byte[] member = MemoryLayers.gzip(TEXT);
        byte[] head = Arrays.copyOf(member, 10);
        head[3] = 2 | 4 | 8 | 16;
        byte[] fields = "\6\0SG\2\0ablayer.tar\0a comment\0\1\2".getBytes(StandardCharsets.ISO_8859_1);
        assertArrayEquals(TEXT, read(join(head, fields, Arrays.copyOfRange(member, 10, member.length))));
    }

    @Test
    void whatFollowsTheLastMemberIsIgnored() throws IOException {
        byte[] member = MemoryLayers.gzip(TEXT);
        assertArrayEquals(TEXT, read(join(member, new byte[5000])));
        assertArrayEquals(TEXT, read(join(member, "junk".getBytes(StandardCharsets.US_ASCII))));
        assertArrayEquals(TEXT, read(join(member, new byte[] {0x1f})));
    }

    @Test
    void everyCutIsNoticed() {
        byte[] member = MemoryLayers.gzip(TEXT);
        for (int i = 2; i < member.length; i++) {
            byte[] cut = Arrays.copyOf(member, i);
            assertThrows(ImageException.class, () -> read(cut), "cut at " + i);
        }
    }

    @Test
    void wrongChecksumAndLengthAreNoticed() {
        byte[] member = MemoryLayers.gzip(TEXT);
        for (int i = member.length - 8; i < member.length; i++) {
            byte[] wrong = member.clone();
            wrong[i] ^= 1;
            assertThrows(ImageException.class, () -> read(wrong));
        }
    }

    @Test
    void aMemberMayNotLookBackIntoTheOneBefore() {
        byte[] member = MemoryLayers.gzip(TEXT);
        // A fixed block that starts with a match: length 3, distance 1.
        byte[] looksBack = {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, -1, 0x03, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        assertThrows(ImageException.class, () -> read(join(member, looksBack)));
    }

    private static byte[] read(byte[] gzip) throws IOException {
        try (var in = new GzipStream(new ByteArrayInputStream(gzip))) {
            return in.readAllBytes();
        }
    }

    private static byte[] join(byte[]... parts) {
        var out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }
}
