package org.berth.resolve;

import org.berth.oci.Progress;

/** Told how a pull goes on; {@code cli} prints it. */
public interface PullEvents {
    void info(String text);

    void warning(String text);

    /** For the time in which blobs are fetched; closed when they are. */
    ShownProgress progress();

    /** Progress that is shown until it is closed. */
    interface ShownProgress extends Progress, AutoCloseable {
        @Override
        void close();
    }
}
