package org.berth.resolve;

import java.util.List;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.Progress;

/** Told how a pull goes on; {@code cli} prints it. */
public interface PullEvents {
    void info(String text);

    /** The image was in the cache, in a sentence. */
    void cached(String text);

    void warning(String text);

    /** An image whose layers are fetched and converted now; those that the cache has will not be seen to arrive. */
    void image(Digest digest, List<Descriptor> layers);

    /** For the time in which blobs are fetched; closed when they are. */
    ShownProgress progress();

    /** Progress that is shown until it is closed. */
    interface ShownProgress extends Progress, AutoCloseable {
        @Override
        void close();
    }
}
