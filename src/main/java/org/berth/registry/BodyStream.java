package org.berth.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The body of an answer, which fails when no byte comes for a while: the JDK's own stream would wait for ever.
 *
 * <p>At most {@value #WINDOW} pieces (of some 16 KiB) wait to be read; a slow reader slows the sender.
 */
final class BodyStream extends InputStream implements BodySubscriber<InputStream> {
    private static final int WINDOW = 16;

    private sealed interface Event {
        record Piece(List<ByteBuffer> buffers) implements Event {}

        record End() implements Event {}

        record Failure(Throwable cause) implements Event {}
    }

    private final Duration idle;
    private final LinkedBlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
    private final Queue<ByteBuffer> current = new ArrayDeque<>();
    private Optional<Event> last = Optional.empty();
    private volatile boolean closed;

    BodyStream(Duration idle) {
        this.idle = idle;
    }

    @Override
    public CompletionStage<InputStream> getBody() {
        return CompletableFuture.completedStage(this);
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        subscription.complete(given);
        if (closed) {
            given.cancel();
        } else {
            given.request(WINDOW);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        events.add(new Event.Piece(buffers));
    }

    @Override
    public void onError(Throwable cause) {
        events.add(new Event.Failure(cause));
    }

    @Override
    public void onComplete() {
        events.add(new Event.End());
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (current.isEmpty()) {
            Event event = last.isPresent() ? last.get() : take();
            switch (event) {
                case Event.Piece(List<ByteBuffer> buffers) -> add(buffers);
                case Event.End end -> {
                    last = Optional.of(end);
                    return -1;
                }
                case Event.Failure failure -> {
                    last = Optional.of(failure);
                    throw new IOException(String.valueOf(failure.cause().getMessage()), failure.cause());
                }
            }
        }
        int count = 0;
        while (count < length && !current.isEmpty()) {
            ByteBuffer first = current.element();
            int piece = Math.min(length - count, first.remaining());
            first.get(buffer, offset + count, piece);
            count += piece;
            if (!first.hasRemaining()) {
                current.remove();
                refill();
            }
        }
        return count;
    }

    /** Takes what has already come, so that one read hands out many small pieces. */
    private void refill() {
        if (current.isEmpty() && events.peek() instanceof Event.Piece(List<ByteBuffer> buffers)) {
            events.remove();
            add(buffers);
        }
    }

    private void add(List<ByteBuffer> buffers) {
        buffers.stream().filter(ByteBuffer::hasRemaining).forEach(current::add);
        subscription.join().request(1);
    }

    private Event take() throws IOException {
        if (closed) {
            throw new IOException("the answer was closed");
        }
        try {
            return Optional.ofNullable(events.poll(idle.toMillis(), TimeUnit.MILLISECONDS))
                    .orElseThrow(() -> new StalledException(idle));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for the registry");
        }
    }

    /** Gives the connection up unless the body was read to its end. */
    @Override
    public void close() {
        closed = true;
        if (subscription.isDone()) {
            subscription.join().cancel();
        }
    }
}
