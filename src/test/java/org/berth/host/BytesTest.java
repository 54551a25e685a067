package org.berth.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BytesTest {
    @Test
    void everyByteSequenceComesBack() {
        Random random = new Random(1);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = new byte[random.nextInt(40)];
            random.nextBytes(bytes);
            assertArrayEquals(bytes, Bytes.encode(Bytes.decode(bytes)));
        }
    }

    @Test
    void textIsText() {
        String text = "naïve ☃ 😀 " + Character.toString(0x10480);
        assertEquals(text, Bytes.decode(text.getBytes(StandardCharsets.UTF_8)));
        assertArrayEquals(text.getBytes(StandardCharsets.UTF_8), Bytes.encode(text));
    }
}
