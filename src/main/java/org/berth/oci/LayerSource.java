package org.berth.oci;

import java.io.IOException;
import java.io.InputStream;

/**
 * Where the bytes of an image's blobs come from: the network, the blob cache or an archive.
 *
 * <p>Implementations check size and digest: the stream ends with an exception when the bytes are not the ones that the
 * descriptor promises, before it would report its end. A blob may be opened again (a second pass over a layer), also
 * from another thread.
 */
public interface LayerSource {
    /** Opens the blob from its first byte; bytes may still be arriving while it is read. */
    InputStream open(Descriptor blob) throws IOException;

    /**
     * Opens the blob where its first bytes are already here, from an earlier try; they are checked with the rest.
     *
     * @param start closed with the stream
     * @param length of {@code start}, less than the blob's size
     */
    default InputStream open(Descriptor blob, InputStream start, long length) throws IOException {
        start.close();
        return open(blob);
    }
}
