package org.berth.registry;

import java.io.InterruptedIOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/** Counts the failures of one operation and waits between its tries. */
final class Attempts {
    /** Bytes; less is not progress, else a body that always ends halfway would be asked for without end. */
    private static final long PROGRESS = 1 << 20;

    /** A restart takes seconds; who waits longer than this wants to know. */
    private static final Duration RESTART = Duration.ofSeconds(30);

    private static final Duration LONGEST_RESTART_PAUSE = Duration.ofSeconds(4);

    private final RetryPolicy policy;
    private int failures;
    private long since = System.nanoTime();
    private long received;

    Attempts(RetryPolicy policy) {
        this.policy = policy;
    }

    /** So many bytes have come: enough of them make earlier failures forgotten. */
    void received(long count) {
        received += count;
        if (received >= PROGRESS) {
            received = 0;
            failures = 0;
            since = System.nanoTime();
        }
    }

    int failures() {
        return failures;
    }

    /** Notes a failure; waits and returns true if the operation is to be tried again. */
    boolean again(Optional<Duration> asked) throws InterruptedIOException {
        failures++;
        Duration delay = asked.map(this::jittered).orElseGet(this::backoff);
        Duration spent = Duration.ofNanos(System.nanoTime() - since);
        if (failures >= policy.attempts()
                || asked.filter(wait -> wait.compareTo(policy.longestDelay()) > 0)
                        .isPresent()
                || spent.plus(delay).compareTo(policy.patience()) > 0) {
            return false;
        }
        pause(delay);
        return true;
    }

    private static void pause(Duration delay) throws InterruptedIOException {
        try {
            Thread.sleep(delay);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for the registry");
        }
    }

    /** The same for a registry that has gone for a moment: it is waited for by time, however often that is tried. */
    boolean afterRestart() throws InterruptedIOException {
        failures++;
        Duration backoff = backoff();
        Duration delay = backoff.compareTo(LONGEST_RESTART_PAUSE) < 0 ? backoff : LONGEST_RESTART_PAUSE;
        Duration spent = Duration.ofNanos(System.nanoTime() - since);
        Duration bound = RESTART.compareTo(policy.patience()) < 0 ? RESTART : policy.patience();
        if (spent.plus(delay).compareTo(bound) > 0) {
            return false;
        }
        pause(delay);
        return true;
    }

    /** Never earlier than asked; those who were refused together do not return together. */
    private Duration jittered(Duration asked) {
        return asked.plusMillis(
                ThreadLocalRandom.current().nextLong(policy.firstDelay().toMillis() + 1));
    }

    private Duration backoff() {
        long millis = policy.firstDelay().toMillis() << Math.min(failures - 1, 10);
        return Duration.ofMillis(millis / 2 + ThreadLocalRandom.current().nextLong(millis + 1));
    }

    /** The value of a Retry-After header (RFC 9110, section 10.2.3): seconds or a date. */
    static Optional<Duration> retryAfter(String value, Instant now) {
        String text = value.strip();
        try {
            if (text.matches("\\d{1,9}")) {
                return Optional.of(Duration.ofSeconds(Long.parseLong(text)));
            }
            Duration wait = Duration.between(
                    now,
                    ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME)
                            .toInstant());
            return Optional.of(wait.isNegative() ? Duration.ZERO : wait);
        } catch (DateTimeException e) {
            return Optional.empty();
        }
    }
}
