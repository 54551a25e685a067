package org.berth.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.berth.error.ImageException;
import org.berth.fuzz.Fuzz;
import org.junit.jupiter.api.Test;

class DeflateDecoderTest {
    @Test
    void decodesWhatZlibMadeOfAnyData() {
        Fuzz.of("deflate-whole").cases(400).run(random -> {
            byte[] data = data(random, 300_000);
            byte[] packed = deflate(data, random.nextInt(10), random.nextInt(3));
            assertArrayEquals(data, decode(packed, 1 + random.nextInt(70000), random));
        });
    }

    @Test
    void saysOfDamagedDataWhatZlibSaysOfIt() {
        var accepted = new AtomicInteger();
        Fuzz.of("deflate-damaged").cases(20_000).run(random -> {
            byte[] data = data(random, 600);
            byte[] packed = deflate(data, random.nextInt(10), random.nextInt(3));
            for (int n = random.nextInt(4); n >= 0 && packed.length > 0; n--) {
                packed[random.nextInt(packed.length)] ^= (byte) (1 << random.nextInt(8));
            }
            if (random.nextInt(4) == 0) {
                packed = Arrays.copyOf(packed, random.nextInt(packed.length + 1));
            }
            if (agrees(packed, random)) {
                accepted.incrementAndGet();
            }
        });
        assertTrue(accepted.get() > 1000, "damage that nobody can see is part of the test");
    }

    @Test
    void randomBytesAreReadAsZlibReadsThem() {
        Fuzz.of("deflate-random").cases(50_000).run(random -> {
            byte[] bytes = new byte[random.nextInt(200)];
            random.nextBytes(bytes);
            if (bytes.length > 0) {
                // Mostly dynamic blocks, the ones with the most ways to go wrong.
                bytes[0] = (byte) (bytes[0] & ~7 | 4 | random.nextInt(2));
            }
            agrees(bytes, random);
        });
    }

    /** Whether both accept the data; then they make the same of it. */
    private static boolean agrees(byte[] packed, RandomGenerator random) throws IOException {
        Optional<byte[]> expected = inflate(packed);
        if (expected.isPresent()) {
            assertArrayEquals(expected.get(), decode(packed, 1 << 16, random));
        } else {
            assertThrows(ImageException.class, () -> decode(packed, 1 << 16, random));
        }
        return expected.isPresent();
    }

    private static byte[] data(RandomGenerator random, int sizeBound) {
        byte[] data = new byte[random.nextInt(sizeBound)];
        switch (random.nextInt(5)) {
            case 0 -> random.nextBytes(data);
            case 1 -> {
                for (int i = 0; i < data.length; i++) {
                    data[i] = (byte) "etaoin shrdlu".charAt((int) Math.min(12, Math.abs(random.nextGaussian() * 4)));
                }
            }
            case 2 -> {
                for (int i = 0; i < data.length; i++) {
                    int back = 1 + random.nextInt(40000);
                    data[i] = i >= back && random.nextInt(30) != 0 ? data[i - back] : (byte) random.nextInt();
                }
            }
            case 3 -> {
                int period = 1 + random.nextInt(12);
                for (int i = 0; i < data.length; i++) {
                    data[i] = (byte) (i < period ? random.nextInt() : data[i - period]);
                }
            }
            default -> {
                // Very uneven frequencies give codes of all lengths up to 15.
                for (int i = 0; i < data.length; i++) {
                    data[i] = (byte) Integer.numberOfTrailingZeros(random.nextInt() | 1 << 20);
                }
            }
        }
        return data;
    }

    private static byte[] deflate(byte[] data, int level, int strategy) {
        var deflater = new Deflater(level, true);
        deflater.setStrategy(new int[] {Deflater.DEFAULT_STRATEGY, Deflater.HUFFMAN_ONLY, Deflater.FILTERED}[strategy]);
        deflater.setInput(data);
        deflater.finish();
        var out = new ByteArrayOutputStream();
        byte[] buffer = new byte[8192];
        while (!deflater.finished()) {
            out.write(buffer, 0, deflater.deflate(buffer));
        }
        deflater.end();
        return out.toByteArray();
    }

    private static Optional<byte[]> inflate(byte[] packed) {
        var inflater = new Inflater(true);
        inflater.setInput(packed);
        var out = new ByteArrayOutputStream();
        byte[] buffer = new byte[8192];
        try {
            while (!inflater.finished()) {
                int n = inflater.inflate(buffer);
                if (n == 0 && (inflater.needsInput() || inflater.needsDictionary()) && !inflater.finished()) {
                    return Optional.empty();
                }
                out.write(buffer, 0, n);
            }
            return Optional.of(out.toByteArray());
        } catch (DataFormatException e) {
            return Optional.empty();
        } finally {
            inflater.end();
        }
    }

    private static byte[] decode(byte[] packed, int step, RandomGenerator random) throws IOException {
        var decoder = new DeflateDecoder(Dribble.of(packed, random));
        byte[] buffer = new byte[DeflateDecoder.WINDOW + step + DeflateDecoder.SLACK];
        var out = new ByteArrayOutputStream();
        decoder.start();
        int limit = 0;
        while (!decoder.ended()) {
            if (limit > DeflateDecoder.WINDOW) {
                System.arraycopy(buffer, limit - DeflateDecoder.WINDOW, buffer, 0, DeflateDecoder.WINDOW);
                limit = DeflateDecoder.WINDOW;
            }
            int from = limit;
            limit = decoder.decode(buffer, from, DeflateDecoder.WINDOW + step);
            out.write(buffer, from, limit - from);
        }
        return out.toByteArray();
    }
}
