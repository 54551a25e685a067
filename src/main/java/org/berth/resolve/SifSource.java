package org.berth.resolve;

import java.util.Optional;
import org.berth.cache.BlobStore;
import org.berth.cache.Cache;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.LayerSource;

/** A SIF that is kept elsewhere as it is: in a registry or in a library. */
public interface SifSource {
    /** The word for it in messages: {@code oras}, {@code library}. */
    String agent();

    /**
     * What is to be fetched.
     *
     * @param manifest the digest that its users know it by, if that is not the file's own
     */
    record Found(Descriptor sif, LayerSource bytes, Optional<Digest> manifest) {}

    /** Asks the other side what it has. */
    Found find(DocumentStore documents);

    /** Where the cache keeps it. */
    BlobStore store(Cache cache);

    /** Its name in messages. */
    String name();
}
