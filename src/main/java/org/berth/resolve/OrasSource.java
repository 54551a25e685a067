package org.berth.resolve;

import java.util.Optional;
import org.berth.cache.BlobStore;
import org.berth.cache.Cache;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageReference;
import org.berth.oci.Platform;
import org.berth.oci.SifArtifact;
import org.berth.registry.RegistryClient;

/** A SIF in a registry ({@code oras://}). */
public record OrasSource(RegistryClient client, ImageReference reference, Platform platform) implements SifSource {
    @Override
    public String agent() {
        return "oras";
    }

    @Override
    public Found find(DocumentStore documents) {
        Digest digest = client.digest(reference);
        Descriptor sif = SifArtifact.sif(client.artifact(reference.at(digest), platform, documents), reference);
        return new Found(sif, client.blobs(reference), Optional.of(digest));
    }

    @Override
    public BlobStore store(Cache cache) {
        return cache.artifacts();
    }

    @Override
    public String name() {
        return reference.toString();
    }
}
