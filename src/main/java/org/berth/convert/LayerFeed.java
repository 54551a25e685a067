package org.berth.convert;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.berth.convert.TarInput.Chunk;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.ImageLimits;
import org.berth.oci.LayerSource;
import org.jspecify.annotations.Nullable;

/**
 * Reads and uncompresses several layers at once and hands out their bytes.
 *
 * <p>Layers are started in the order of the list and must be taken in that order. A thread that has come to the end of its
 * layer waits until that is used up before it starts another, so what is held is bounded by the threads alone.
 */
final class LayerFeed implements AutoCloseable {
    private static final int CHUNK = chunk(Runtime.getRuntime().maxMemory());
    private static final int CHUNKS = 12;
    private static final long POLL_MILLIS = 50;

    /** Three threads with {@value #CHUNKS} chunks each: 20 MB of a usual heap, less of one that a control group keeps small. */
    private static int chunk(long heap) {
        return heap >= 192 << 20 ? 512 << 10 : 128 << 10;
    }

    /** A layer, and what its uncompressed bytes must hash to if that is to be checked. */
    record Layer(Descriptor blob, Optional<Digest> diffId) {}

    /** Throws if another part of the conversion has failed, so that nobody waits for a slow download in vain. */
    interface Check {
        void run() throws IOException;
    }

    private final LayerSource source;
    private final ImageLimits limits;
    private final Check check;
    private final List<Lane> lanes;
    private final AtomicInteger started = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final List<Thread> threads = new ArrayList<>();

    LayerFeed(List<Layer> layers, LayerSource source, ImageLimits limits, int width, Check check) {
        this.source = source;
        this.limits = limits;
        this.check = check;
        lanes = layers.stream().map(Lane::new).toList();
        for (int i = 0; i < Math.min(width, lanes.size()); i++) {
            threads.add(Thread.ofPlatform().daemon().name("inflate-" + i).start(this::readLayers));
        }
    }

    /** The chunks of the layer with that number in the list. */
    TarInput.Chunks layer(int number) {
        return lanes.get(number);
    }

    /** Ends the threads; one that waits inside a source that cannot be interrupted ends with it. */
    @Override
    public void close() {
        threads.forEach(Thread::interrupt);
    }

    /** A layer between the thread that reads it and the one that takes it. */
    private final class Lane implements TarInput.Chunks {
        private final Layer layer;
        private final BlockingQueue<Chunk> filled = new ArrayBlockingQueue<>(CHUNKS);
        private final BlockingQueue<byte[]> used = new ArrayBlockingQueue<>(CHUNKS + 1);
        private final Semaphore usedUp = new Semaphore(0);
        private @Nullable Chunk last;

        Lane(Layer layer) {
            this.layer = layer;
        }

        @Override
        public Optional<Chunk> next() throws IOException {
            if (last != null) {
                used.add(last.bytes());
                last = null;
            }
            Chunk chunk = poll();
            if (chunk.length() == 0) {
                usedUp.release();
                return Optional.empty();
            }
            last = chunk;
            return Optional.of(chunk);
        }

        private Chunk poll() throws IOException {
            while (true) {
                rethrow();
                try {
                    Chunk chunk = filled.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
                    if (chunk != null) {
                        return chunk;
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new IOException("interrupted", e);
                }
                check.run();
            }
        }
    }

    /** Throws what has ended one of the reading threads, if anything has. */
    void rethrow() throws IOException {
        switch (failure.get()) {
            case null -> {}
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    private void readLayers() {
        var buffers = new ArrayList<byte[]>();
        try {
            for (int i = started.getAndIncrement(); i < lanes.size(); i = started.getAndIncrement()) {
                Lane lane = lanes.get(i);
                read(lane, buffers);
                lane.usedUp.acquire();
                lane.used.drainTo(buffers);
            }
        } catch (InterruptedException e) {
            // The end that close() asked for.
        } catch (Throwable e) {
            failure.compareAndSet(null, e);
        }
    }

    private void read(Lane lane, List<byte[]> buffers) throws InterruptedException {
        Descriptor blob = lane.layer.blob();
        var guarded = new Guarded(blob);
        try (guarded;
                InputStream tar = LayerDecoder.decode(blob, guarded)) {
            pump(lane, tar, buffers);
        } catch (ImageException e) {
            guarded.rethrow();
            // Damaged bytes are most often the wrong bytes, which the source finds out at their end.
            guarded.drain();
            throw named(blob, e);
        } catch (IOException e) {
            guarded.rethrow();
            throw new HostException("layer %s cannot be read: %s".formatted(blob.digest(), e.getMessage()), e);
        }
    }

    static ImageException named(Descriptor blob, ImageException e) {
        var named = new ImageException("layer %s: %s".formatted(blob.digest(), e.getMessage()), e);
        e.hint().ifPresent(named::hint);
        return named;
    }

    private void pump(Lane lane, InputStream tar, List<byte[]> buffers) throws IOException, InterruptedException {
        Optional<MessageDigest> hash = lane.layer.diffId().map(Digest::hasher);
        int made = buffers.size();
        long unpacked = 0;
        int length;
        do {
            byte[] bytes;
            if (!buffers.isEmpty()) {
                bytes = buffers.removeLast();
            } else if (made < CHUNKS) {
                made++;
                bytes = new byte[CHUNK];
            } else {
                bytes = lane.used.take();
            }
            length = tar.readNBytes(bytes, 0, CHUNK);
            int filled = length;
            unpacked += length;
            limits.checkRatio(lane.layer.blob().size(), unpacked);
            hash.ifPresent(h -> h.update(bytes, 0, filled));
            if (length > 0) {
                lane.filled.put(new Chunk(bytes, length));
            } else {
                buffers.add(bytes);
            }
        } while (length > 0);
        if (hash.isPresent()) {
            Digest expected = lane.layer.diffId().get();
            Digest actual = Digest.of(expected.algorithm(), hash.get().digest());
            if (!actual.equals(expected)) {
                throw new ImageException("its content has the digest %s, the image's configuration names %s"
                        .formatted(actual, expected));
            }
        }
        lane.filled.put(new Chunk(new byte[0], 0));
    }

    /** A blob whose failures are remembered: they are the source's, whatever a decoder makes of them. */
    private final class Guarded extends FilterInputStream {
        private @Nullable Exception failed;

        Guarded(Descriptor blob) {
            super(InputStream.nullInputStream());
            try {
                in = source.open(blob);
            } catch (IOException e) {
                throw new HostException("layer %s cannot be read: %s".formatted(blob.digest(), e.getMessage()), e);
            }
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] out, int from, int length) throws IOException {
            try {
                return in.read(out, from, length);
            } catch (IOException | BerthException e) {
                failed = e;
                throw e;
            }
        }

        void rethrow() {
            if (failed instanceof BerthException e) {
                throw e;
            }
        }

        void drain() {
            try {
                in.transferTo(OutputStream.nullOutputStream());
            } catch (IOException e) {
                // The first failure is the one to report.
            }
        }
    }
}
