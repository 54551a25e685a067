package org.berth.registry;

import org.berth.oci.ImageReference;

/**
 * A repository at one place: in the registry that an image names, or in a mirror of it.
 *
 * @param registry as credentials and messages call it
 * @param host to connect to, with its port if it has one
 * @param repository there; empty for the registry itself
 */
record Endpoint(String registry, String host, String repository, Security security) {
    /** What {@code insecure} in registries.conf decides. */
    enum Security {
        VERIFIED,
        /** Any certificate, or none at all. */
        UNVERIFIED
    }

    static Endpoint of(ImageReference image) {
        return new Endpoint(image.registry(), image.host(), image.repository(), Security.VERIFIED);
    }

    static Endpoint ofRegistry(String registry) {
        return new Endpoint(registry, ImageReference.hostOf(registry), "", Security.VERIFIED);
    }

    /** {@code registry/repository}, as messages name it. */
    String name() {
        return repository.isEmpty() ? registry : registry + "/" + repository;
    }
}
