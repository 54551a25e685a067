package org.berth.registry;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.Optional;
import org.berth.error.BerthException;

/**
 * A file as it comes from a server, taken up at the same byte when the connection breaks or stalls.
 *
 * <p>Ends at the size that it should have, however much the server would send. Verifies nothing: that is done by who reads
 * it from its first byte to its last.
 */
final class BlobStream extends InputStream {
    /** Where the file is. */
    interface Origin {
        /** An answer whose body begins at the offset. */
        Http.Answer open(long offset) throws IOException;

        /** What is told when there are no more tries. */
        BerthException failure(IOException cause, int tries);
    }

    private final Origin origin;
    private final long size;
    private final Attempts attempts;
    private Optional<Http.Answer> answer = Optional.empty();
    private long offset;

    /** @param offset of the first byte that is wanted */
    BlobStream(Origin origin, long size, Attempts attempts, long offset) {
        this.origin = origin;
        this.size = size;
        this.attempts = attempts;
        this.offset = offset;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int start, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (offset < size) {
            try {
                if (answer.isEmpty()) {
                    answer = Optional.of(origin.open(offset));
                }
                int count = answer.get().body().read(buffer, start, (int) Math.min(length, size - offset));
                if (count > 0) {
                    offset += count;
                    attempts.received(count);
                    if (offset == size) {
                        close();
                    }
                    return count;
                }
                throw new EOFException("the answer ended after %d of %d bytes".formatted(offset, size));
            } catch (InterruptedIOException e) {
                throw e;
            } catch (IOException e) {
                close();
                if (!attempts.again(Optional.empty())) {
                    throw origin.failure(e, attempts.failures());
                }
            }
        }
        return -1;
    }

    @Override
    public void close() {
        answer.ifPresent(Http.Answer::close);
        answer = Optional.empty();
    }
}
