package org.berth.registry;

import java.time.Duration;

/**
 * How registries are spoken to.
 *
 * @param connectTimeout until a connection stands
 * @param idleTimeout until an answer begins, and between two pieces of its body
 * @param userAgent as RFC 9110 wants it, {@code name/version}
 */
public record RegistrySettings(
        Transport transport,
        Duration connectTimeout,
        Duration idleTimeout,
        RetryPolicy retries,
        Proxies proxies,
        String userAgent) {
    /** What {@code --no-https} decides. */
    public enum Transport {
        /** HTTPS, but for the name {@code localhost}, where HTTP is tried first. */
        HTTPS,
        /** HTTP without encryption for every registry. */
        HTTP
    }

    public static RegistrySettings defaults(Transport transport, Proxies proxies, String userAgent) {
        return new RegistrySettings(
                transport, Duration.ofSeconds(15), Duration.ofSeconds(30), RetryPolicy.DEFAULT, proxies, userAgent);
    }
}
