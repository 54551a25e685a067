package org.berth.registry;

import java.util.Optional;

/** Where credentials for registries are found. */
@FunctionalInterface
public interface Credentials {
    /** Nobody is known. */
    Credentials ANONYMOUS = registry -> Optional.empty();

    /**
     * The credential for a registry, named as in image names: {@code docker.io}, {@code quay.io}, {@code host:5000}.
     */
    Optional<Credential> forRegistry(String registry);
}
