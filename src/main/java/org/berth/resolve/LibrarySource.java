package org.berth.resolve;

import java.util.Optional;
import org.berth.cache.BlobStore;
import org.berth.cache.Cache;
import org.berth.oci.DocumentStore;
import org.berth.oci.Platform;
import org.berth.registry.LibraryClient;
import org.berth.registry.LibraryReference;

/** A SIF in a library ({@code library://}). */
public record LibrarySource(LibraryClient client, LibraryReference reference, Platform platform) implements SifSource {
    @Override
    public String agent() {
        return "library";
    }

    @Override
    public Found find(DocumentStore documents) {
        String architecture = platform.architecture();
        return new Found(client.find(reference, architecture), client.bytes(reference, architecture), Optional.empty());
    }

    @Override
    public BlobStore store(Cache cache) {
        return cache.library();
    }

    @Override
    public String name() {
        return reference.toString();
    }
}
