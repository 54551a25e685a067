package org.berth.cache;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.berth.error.BerthException;
import org.berth.oci.Descriptor;

/**
 * One blob on its way to the disk: written by one thread, read by others at their own pace from the growing file.
 *
 * <p>A reader that leads waits for bytes, one that lags finds them on the disk; neither holds up another blob.
 */
final class Arrival {
    private sealed interface State {
        /** Nothing is known yet: the blob waits for its turn, or for another process that fetches it. */
        record Waiting() implements State {}

        /** @param verified all bytes are there and are the right ones, though the file has no final name yet */
        record Growing(Path part, long bytes, boolean verified) implements State {}

        record Stored() implements State {}

        record Failed(Exception cause) implements State {}
    }

    private final Descriptor blob;
    private State state = new State.Waiting();

    Arrival(Descriptor blob) {
        this.blob = blob;
    }

    synchronized void growing(Path part) {
        become(new State.Growing(part, 0, false));
    }

    synchronized void received(Path part, long bytes) {
        become(new State.Growing(part, bytes, false));
    }

    synchronized void verified(Path part) {
        become(new State.Growing(part, blob.size(), true));
    }

    synchronized void stored() {
        become(new State.Stored());
    }

    synchronized void failed(Exception cause) {
        become(new State.Failed(cause));
    }

    /** Whether all bytes are here and are the right ones. */
    synchronized boolean isComplete() {
        return switch (state) {
            case State.Growing(Path _, long _, boolean verified) -> verified;
            case State.Stored() -> true;
            case State.Waiting(), State.Failed(Exception _) -> false;
        };
    }

    /** Nobody will bring it any more; whoever still waits is told so. */
    synchronized void abandon() {
        if (state instanceof State.Waiting || state instanceof State.Growing) {
            become(new State.Failed(new IOException("the download was given up")));
        }
    }

    private void become(State next) {
        state = next;
        notifyAll();
    }

    /**
     * The blob's bytes if they are on their way.
     *
     * @return empty if the blob is in the store, from where it is to be read
     */
    synchronized Optional<InputStream> open() throws IOException {
        while (true) {
            switch (state) {
                case State.Growing(Path part, long _, boolean verified) -> {
                    // A verified file is being renamed: its old name is no longer to be relied on.
                    if (!verified) {
                        try {
                            return Optional.of(new ArrivingStream(FileChannel.open(part, StandardOpenOption.READ)));
                        } catch (NoSuchFileException e) {
                            // Removed by a writer that is about to say why.
                        }
                    }
                }
                case State.Stored() -> {
                    return Optional.empty();
                }
                case State.Failed(Exception cause) -> throw failure(cause);
                case State.Waiting() -> {}
            }
            await();
        }
    }

    /** Waits until more than {@code position} bytes are there or all are verified; how many there are then. */
    private synchronized long available(long position) throws IOException {
        while (true) {
            switch (state) {
                case State.Growing(Path _, long bytes, boolean verified) -> {
                    // The last bytes are not handed out before they are verified: a reader might stop at them.
                    boolean last = bytes == blob.size();
                    if (verified || (bytes > position && !last)) {
                        return bytes;
                    }
                }
                case State.Stored() -> {
                    return blob.size();
                }
                case State.Failed(Exception cause) -> throw failure(cause);
                case State.Waiting() -> throw new IllegalStateException("opened while waiting");
            }
            await();
        }
    }

    private void await() throws InterruptedIOException {
        try {
            wait();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for blob " + blob.digest());
        }
    }

    /** Waits until the blob is in the store. */
    synchronized void join() throws IOException {
        while (!(state instanceof State.Stored)) {
            if (state instanceof State.Failed(Exception cause)) {
                throw failure(cause);
            }
            await();
        }
    }

    /** An exception of the writing thread as one of the reading thread. */
    private static IOException failure(Exception cause) {
        if (cause instanceof BerthException known) {
            throw known;
        }
        return new IOException(String.valueOf(cause.getMessage()), cause);
    }

    private final class ArrivingStream extends InputStream {
        private final FileChannel file;
        private long position;

        ArrivingStream(FileChannel file) {
            this.file = file;
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
            long there = Arrival.this.available(position);
            if (position == blob.size()) {
                return -1;
            }
            int wanted = (int) Math.min(length, there - position);
            int count = file.read(ByteBuffer.wrap(buffer, offset, wanted), position);
            if (count < 0) {
                throw new IOException("the cache's file of blob %s was cut".formatted(blob.digest()));
            }
            position += count;
            return count;
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
