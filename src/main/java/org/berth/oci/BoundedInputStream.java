package org.berth.oci;

import java.io.IOException;
import java.io.InputStream;

/** So many bytes of a stream and no more, however they are read or skipped. */
public abstract class BoundedInputStream extends InputStream {
    protected final InputStream in;
    private long left;

    protected BoundedInputStream(InputStream in, long length) {
        this.in = in;
        this.left = length;
    }

    /** The stream ended before its time: throws, or gives what is to be read then. */
    protected abstract int cut() throws IOException;

    /** How many of the bytes are still to come. */
    protected final long left() {
        return left;
    }

    protected final void setLeft(long length) {
        left = length;
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
        if (left == 0) {
            return -1;
        }
        int count = in.read(buffer, offset, (int) Math.min(length, left));
        if (count < 0) {
            return cut();
        }
        left -= count;
        return count;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
