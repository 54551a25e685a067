package org.berth.registry;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.Optional;
import org.berth.oci.Descriptor;
import org.berth.oci.ImageReference;

/**
 * A blob as it comes from a registry, taken up at the same byte when the connection breaks or stalls.
 *
 * <p>Ends at the descriptor's size, however much the registry would send. Verifies nothing: that is done by who reads
 * it from its first byte to its last.
 */
final class BlobStream extends InputStream {
    private final RegistryClient client;
    private final ImageReference image;
    private final Descriptor blob;
    private final Attempts attempts;
    private Optional<Http.Answer> answer = Optional.empty();
    private long offset;

    /** @param offset of the first byte that is wanted */
    BlobStream(RegistryClient client, ImageReference image, Descriptor blob, Attempts attempts, long offset) {
        this.offset = offset;
        this.client = client;
        this.image = image;
        this.blob = blob;
        this.attempts = attempts;
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
        while (offset < blob.size()) {
            try {
                if (answer.isEmpty()) {
                    answer = Optional.of(client.openBlob(image, blob, offset));
                }
                int count = answer.get().body().read(buffer, start, (int) Math.min(length, blob.size() - offset));
                if (count > 0) {
                    offset += count;
                    attempts.received(count);
                    if (offset == blob.size()) {
                        close();
                    }
                    return count;
                }
                throw new EOFException("the answer ended after %d of %d bytes".formatted(offset, blob.size()));
            } catch (InterruptedIOException e) {
                throw e;
            } catch (IOException e) {
                close();
                if (!attempts.again(Optional.empty())) {
                    throw client.failure(image, blob, e, attempts.failures());
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
