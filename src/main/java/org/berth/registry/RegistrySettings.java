package org.berth.registry;

import java.time.Duration;

/**
 * How registries are spoken to.
 *
 * @param connectTimeout until a connection stands
 * @param idleTimeout until an answer begins, and between two pieces of its body
 * @param rules of the site: mirrors, blocked and insecure registries
 * @param userAgent as RFC 9110 wants it, {@code name/version}
 */
public record RegistrySettings(
        Transport transport,
        Reach reach,
        Duration connectTimeout,
        Duration idleTimeout,
        RetryPolicy retries,
        Proxies proxies,
        Trust trust,
        RegistryRules rules,
        String userAgent) {
    /** What {@code --no-https} decides. */
    public enum Transport {
        /** HTTPS, but for the name {@code localhost}, where HTTP is tried first. */
        HTTPS,
        /** HTTPS, but for any loopback address, where HTTP is tried first. */
        HTTPS_OR_LOOPBACK,
        /** HTTP without encryption for every registry. */
        HTTP
    }

    /** Whether the network may be used at all. */
    public enum Reach {
        NETWORK,
        /** The network, and where a registry is not to be reached for now, what the cache has under that name. */
        NETWORK_OR_CACHE,
        /** {@code --offline}: only what is in the cache. */
        CACHE
    }

    public static RegistrySettings defaults(Transport transport, Proxies proxies, String userAgent) {
        return new RegistrySettings(
                transport,
                Reach.NETWORK,
                Duration.ofSeconds(15),
                Duration.ofSeconds(30),
                RetryPolicy.DEFAULT,
                proxies,
                Trust.JVM,
                RegistryRules.NONE,
                userAgent);
    }

    public RegistrySettings with(Reach other) {
        return new RegistrySettings(
                transport, other, connectTimeout, idleTimeout, retries, proxies, trust, rules, userAgent);
    }

    public RegistrySettings with(Trust other) {
        return new RegistrySettings(
                transport, reach, connectTimeout, idleTimeout, retries, proxies, other, rules, userAgent);
    }

    public RegistrySettings with(RegistryRules other) {
        return new RegistrySettings(
                transport, reach, connectTimeout, idleTimeout, retries, proxies, trust, other, userAgent);
    }

    /** For registries that are slow to fail. */
    public RegistrySettings with(Duration connect, Duration idle, RetryPolicy policy) {
        return new RegistrySettings(transport, reach, connect, idle, policy, proxies, trust, rules, userAgent);
    }
}
