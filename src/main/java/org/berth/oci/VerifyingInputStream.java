package org.berth.oci;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import org.berth.error.ImageException;

/**
 * The bytes of a blob, counted and hashed as they are read; the end is only reported when size and digest are the
 * descriptor's.
 */
public final class VerifyingInputStream extends FilterInputStream {
    private final Descriptor blob;
    private final String origin;
    private final MessageDigest hasher;
    private long count;
    private boolean verified;

    /** @param origin where the bytes come from, for messages */
    public VerifyingInputStream(InputStream in, Descriptor blob, String origin) {
        super(in);
        this.blob = blob;
        this.origin = origin;
        this.hasher = blob.digest().hasher();
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    /** @throws ImageException if the bytes are not the blob's */
    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (count == blob.size()) {
            verify();
            return -1;
        }
        int read = in.read(buffer, offset, (int) Math.min(length, blob.size() - count));
        if (read < 0) {
            throw new ImageException(
                    "%s: blob %s ends after %d of %d bytes".formatted(origin, blob.digest(), count, blob.size()));
        }
        hasher.update(buffer, offset, read);
        count += read;
        if (count == blob.size()) {
            verify();
        }
        return read;
    }

    private void verify() {
        if (verified) {
            return;
        }
        Digest found = Digest.of(blob.digest().algorithm(), hasher.digest());
        if (!found.equals(blob.digest())) {
            throw new ImageException(
                    "%s: blob %s has other bytes, their digest is %s".formatted(origin, blob.digest(), found));
        }
        verified = true;
    }

    @Override
    public long skip(long wanted) throws IOException {
        byte[] scratch = new byte[(int) Math.min(wanted, 8192)];
        long skipped = 0;
        while (skipped < wanted) {
            int read = read(scratch, 0, (int) Math.min(scratch.length, wanted - skipped));
            if (read < 0) {
                break;
            }
            skipped += read;
        }
        return skipped;
    }

    @Override
    public boolean markSupported() {
        return false;
    }
}
