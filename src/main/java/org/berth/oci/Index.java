package org.berth.oci;

import java.util.List;
import java.util.Optional;

/**
 * A list of manifests to choose from by platform: an OCI image index or a Docker manifest list.
 *
 * @param digest of the bytes as received
 */
public record Index(Digest digest, String mediaType, List<Entry> entries) implements ManifestDocument {
    /** One manifest, or one further index, and the platform it is for if the index says so. */
    public record Entry(Descriptor descriptor, Optional<Platform> platform) {}

    public Index {
        entries = List.copyOf(entries);
    }
}
