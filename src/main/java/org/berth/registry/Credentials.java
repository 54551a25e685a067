package org.berth.registry;

import java.util.Optional;

/** Where credentials for registries are found; asked only when a registry wants one. */
@FunctionalInterface
public interface Credentials {
    /** Nobody is known. */
    Credentials ANONYMOUS = (registry, repository) -> Optional.empty();

    /**
     * The credential for a repository.
     *
     * @param registry named as in image names: {@code docker.io}, {@code quay.io}, {@code host:5000}
     * @param repository for stores that tell repositories apart; empty for the registry itself
     */
    Optional<Credential> find(String registry, String repository);

    /** Why there may be none although the user thinks so, such as a helper that is not installed; half a sentence. */
    default Optional<String> obstacle(String registry) {
        return Optional.empty();
    }

    /** This one credential for every registry. */
    static Credentials of(Credential credential) {
        return (registry, repository) -> Optional.of(credential);
    }
}
