package org.berth.registry;

import java.net.URI;
import java.net.URISyntaxException;
import org.berth.error.RegistryException;
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

    /** @throws RegistryException if no address can be made of host and repository */
    Endpoint {
        try {
            URI uri = new URI("https://%s/v2/%s".formatted(host, repository));
            // Of https://HOST, where HOST belongs, the scheme would be taken for a host.
            if (!Http.isWeb(uri)
                    || host.endsWith(":")
                    || uri.getRawUserInfo() != null
                    || uri.getRawQuery() != null
                    || uri.getRawFragment() != null) {
                throw notAnAddress(registry, repository);
            }
        } catch (URISyntaxException e) {
            throw notAnAddress(registry, repository);
        }
    }

    private static RegistryException notAnAddress(String registry, String repository) {
        String name = repository.isEmpty() ? registry : registry + "/" + repository;
        return new RegistryException("'%s' is not the address of a registry".formatted(Words.clean(name)))
                .hint("HOST[:PORT][/PATH] is one; it stands in the image's name or in registries.conf");
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
