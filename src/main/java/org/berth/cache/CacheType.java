package org.berth.cache;

import java.util.Optional;
import java.util.stream.Stream;

/** The parts of the cache, named as their directories and in the order in which they are listed. */
public enum CacheType {
    /** An OCI layout with layers, configurations and manifests. */
    BLOB("blob"),
    LIBRARY("library"),
    /** Finished images made from OCI images. */
    OCI_TMP("oci-tmp"),
    SHUB("shub"),
    ORAS("oras"),
    IPFS("ipfs"),
    NET("net");

    private final String word;

    CacheType(String word) {
        this.word = word;
    }

    public String word() {
        return word;
    }

    /** The type of that name; empty if there is none. */
    public static Optional<CacheType> of(String word) {
        return Stream.of(values()).filter(type -> type.word.equals(word)).findFirst();
    }
}
