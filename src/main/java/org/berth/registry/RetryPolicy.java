package org.berth.registry;

import java.time.Duration;

/**
 * How long a registry is asked again.
 *
 * @param attempts requests in all before a failure is final; progress starts the count anew
 * @param firstDelay doubled after each failure, with jitter
 * @param longestDelay a registry that asks for more (Retry-After) is not waited for
 * @param patience time without progress after which no further try is begun
 */
public record RetryPolicy(int attempts, Duration firstDelay, Duration longestDelay, Duration patience) {
    public static final RetryPolicy DEFAULT =
            new RetryPolicy(5, Duration.ofMillis(500), Duration.ofSeconds(60), Duration.ofSeconds(90));
}
