package org.berth.convert;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.random.RandomGenerator;

/** A source that gives odd numbers of bytes, as a network does. */
final class Dribble extends ByteArrayInputStream {
    private final RandomGenerator random;

    private Dribble(byte[] bytes, RandomGenerator random) {
        super(bytes);
        this.random = random;
    }

    static InputStream of(byte[] bytes, RandomGenerator random) {
        return new Dribble(bytes, random);
    }

    @Override
    public synchronized int read(byte[] out, int from, int length) {
        return super.read(out, from, Math.min(length, 1 + random.nextInt(5000)));
    }
}
