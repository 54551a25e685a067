package org.berth.resolve;

import java.util.Optional;
import org.berth.cache.BlobStore;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.LayerSource;
import org.berth.oci.Platform;
import org.berth.oci.Progress;

/** Where an image is to come from: a registry, an archive, a layout, a daemon. */
public interface ImageSource {
    /** The word for it in definition files: {@code docker}, {@code oci-archive}, … */
    String agent();

    Platform platform();

    /** The digest under which the image will be found, if that can be known without fetching it; good for looking only. */
    Optional<Digest> announced();

    /** Reads the image's documents. */
    Opened open(DocumentStore documents);

    /** An image whose layers can be read until it is closed. */
    interface Opened extends AutoCloseable {
        SourceImage image();

        /**
         * Its layers.
         *
         * @param blobs keeps what comes over a network; empty to keep nothing
         */
        Layers layers(Optional<BlobStore> blobs, Progress progress);

        @Override
        void close();
    }

    /** Layers on their way. */
    interface Layers extends LayerSource, AutoCloseable {
        /** Waits for what is still to come although nobody has read it, and tells of failures. */
        void finish();

        @Override
        void close();
    }
}
