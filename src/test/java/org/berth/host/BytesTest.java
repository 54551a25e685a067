package org.berth.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.junit.jupiter.api.Test;

class BytesTest {
    @Test
    void everyByteSequenceComesBack() {
        Fuzz.of("bytes").cases(3000).run(random -> {
            byte[] bytes = Mutation.text(List.of("naïve", "☃", "😀"), 8, random).getBytes(StandardCharsets.UTF_8);
            if (random.nextBoolean()) {
                random.nextBytes(bytes);
            } else {
                bytes = Mutation.bytes(bytes, random);
            }
            assertArrayEquals(bytes, Bytes.encode(Bytes.decode(bytes)));
        });
    }

    @Test
    void textIsText() {
        String text = "naïve ☃ 😀 " + Character.toString(0x10480);
        assertEquals(text, Bytes.decode(text.getBytes(StandardCharsets.UTF_8)));
        assertArrayEquals(text.getBytes(StandardCharsets.UTF_8), Bytes.encode(text));
    }
}
