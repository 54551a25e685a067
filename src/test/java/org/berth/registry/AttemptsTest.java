package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InterruptedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class AttemptsTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    @Test
    void retryAfterIsSecondsOrADate() {
        assertEquals(Optional.of(Duration.ofSeconds(7)), Attempts.retryAfter(" 7 ", NOW));
        assertEquals(Optional.of(Duration.ofSeconds(90)), Attempts.retryAfter("Thu, 01 Jan 2026 00:01:30 GMT", NOW));
        assertEquals(Optional.of(Duration.ZERO), Attempts.retryAfter("Wed, 31 Dec 2025 00:00:00 GMT", NOW));
        assertEquals(Optional.empty(), Attempts.retryAfter("soon", NOW));
        assertEquals(Optional.empty(), Attempts.retryAfter("-5", NOW));
    }

    @Test
    void progressForgivesEarlierFailures() throws InterruptedIOException {
        Attempts attempts =
                new Attempts(new RetryPolicy(3, Duration.ofMillis(1), Duration.ofSeconds(1), Duration.ofSeconds(5)));
        assertTrue(attempts.again(Optional.empty()));
        assertTrue(attempts.again(Optional.empty()));
        attempts.received(2 << 20);
        assertTrue(attempts.again(Optional.empty()));
        attempts.received(100);
        assertTrue(attempts.again(Optional.empty()));
        assertFalse(attempts.again(Optional.empty()));
    }
}
