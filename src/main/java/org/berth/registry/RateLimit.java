package org.berth.registry;

import java.net.http.HttpHeaders;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How often a registry lets us pull, as Docker Hub tells with each manifest ({@code ratelimit-limit: 100;w=21600}).
 *
 * @param remaining pulls that are left in the current window
 */
public record RateLimit(String registry, long limit, long remaining, Duration window) {
    private static final Pattern VALUE = Pattern.compile("(\\d{1,9})(?:\\s*;\\s*w=(\\d{1,9}))?.*");

    static Optional<RateLimit> of(String registry, HttpHeaders headers) {
        Matcher limit =
                VALUE.matcher(headers.firstValue("ratelimit-limit").orElse("").strip());
        Matcher remaining = VALUE.matcher(
                headers.firstValue("ratelimit-remaining").orElse("").strip());
        if (!limit.matches() || !remaining.matches()) {
            return Optional.empty();
        }
        long seconds = Optional.ofNullable(limit.group(2)).map(Long::valueOf).orElse(0L);
        return Optional.of(new RateLimit(
                registry,
                Long.parseLong(limit.group(1)),
                Long.parseLong(remaining.group(1)),
                Duration.ofSeconds(seconds)));
    }

    /** Few enough left that the user should know. */
    public boolean nearlyUsedUp() {
        return remaining * 10 <= limit;
    }

    /** {@code 9 of 100 pulls in 6 h are left}. */
    public String text() {
        return "%d of %d pulls%s are left"
                .formatted(remaining, limit, window.isZero() ? "" : " in %s".formatted(words(window)));
    }

    private static String words(Duration time) {
        if (time.toSecondsPart() == 0 && time.toMinutesPart() == 0) {
            return time.toHours() + " h";
        }
        return time.toSecondsPart() == 0 ? time.toMinutes() + " min" : time.toSeconds() + " s";
    }
}
