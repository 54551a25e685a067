package org.berth.oci;

import java.util.Optional;

/** Keeps small documents (manifests, configurations) by digest, so that a second use does not ask the registry. */
public interface DocumentStore {
    /** Keeps nothing. */
    DocumentStore NONE = new DocumentStore() {
        @Override
        public Optional<byte[]> document(Digest digest, int maxBytes) {
            return Optional.empty();
        }

        @Override
        public void keep(Digest digest, byte[] bytes) {}
    };

    /** The document with this digest, verified; empty if it is not here or is larger. */
    Optional<byte[]> document(Digest digest, int maxBytes);

    /** Keeps a document whose digest was verified. */
    void keep(Digest digest, byte[] bytes);
}
