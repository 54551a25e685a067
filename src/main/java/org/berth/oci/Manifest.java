package org.berth.oci;

import java.util.List;
import java.util.Map;

/**
 * An image manifest, Docker schema 2 or OCI.
 *
 * @param digest of the bytes as received
 * @param layers lowest first
 */
public record Manifest(
        Digest digest, String mediaType, Descriptor config, List<Descriptor> layers, Map<String, String> annotations)
        implements ManifestDocument {
    public Manifest {
        layers = List.copyOf(layers);
        annotations = Map.copyOf(annotations);
    }
}
