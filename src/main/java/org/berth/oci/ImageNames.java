package org.berth.oci;

import java.time.Instant;
import java.util.Optional;

/** What names with a tag stood for when their registries were last asked, for use without a network. */
public interface ImageNames {
    /** Remembers nothing. */
    ImageNames NONE = new ImageNames() {
        @Override
        public Optional<Digest> find(ImageReference image) {
            return Optional.empty();
        }

        @Override
        public Optional<Instant> seen(ImageReference image) {
            return Optional.empty();
        }

        @Override
        public void remember(ImageReference image, Digest digest) {}
    };

    Optional<Digest> find(ImageReference image);

    /** When the registry last said so. */
    Optional<Instant> seen(ImageReference image);

    /** Does its best: what cannot be remembered is asked for again. */
    void remember(ImageReference image, Digest digest);
}
