package org.berth.registry;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.berth.oci.BoundedInputStream;

/**
 * What a request carries. It may be sent more than once.
 *
 * @param sent grows with each byte, so that a long body is not taken for a stall
 * @param shared whether another origin may see it, too
 * @param watcher told how many bytes of one sending have gone
 */
record Body(Source source, long length, Sharing shared, AtomicLong sent, LongConsumer watcher) {
    interface Source {
        InputStream open() throws IOException;
    }

    enum Sharing {
        /** A secret of the origin that was asked: it follows no redirect to another. */
        SAME_ORIGIN,
        ANYWHERE
    }

    /** Nothing at all, with a length of 0. */
    static Body empty() {
        return new Body(InputStream::nullInputStream, 0, Sharing.ANYWHERE, new AtomicLong(), sent -> {});
    }

    static Body secret(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new Body(
                () -> new ByteArrayInputStream(bytes), bytes.length, Sharing.SAME_ORIGIN, new AtomicLong(), sent -> {});
    }

    static Body of(byte[] bytes) {
        return new Body(
                () -> new ByteArrayInputStream(bytes), bytes.length, Sharing.ANYWHERE, new AtomicLong(), sent -> {});
    }

    /** A piece of a blob. */
    static Body of(BlobContent content, long offset, long length) {
        return new Body(() -> content.open(offset), length, Sharing.ANYWHERE, new AtomicLong(), sent -> {});
    }

    Body counted(LongConsumer other) {
        return new Body(source, length, shared, sent, other);
    }

    BodyPublisher publisher() {
        return length == 0
                ? BodyPublishers.noBody()
                : BodyPublishers.fromPublisher(
                        BodyPublishers.ofInputStream(() -> {
                            try {
                                return new Counted(source.open(), length);
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        }),
                        length);
    }

    /** The first bytes of a stream, counted. */
    private final class Counted extends BoundedInputStream {
        Counted(InputStream in, long length) {
            super(in, length);
        }

        /** The client compares with the length it announced. */
        @Override
        protected int cut() {
            return -1;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int read = super.read(buffer, offset, length);
            if (read > 0) {
                sent.addAndGet(read);
                watcher.accept(Body.this.length - left());
            }
            return read;
        }
    }
}
