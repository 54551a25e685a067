package org.berth.terminal;

import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.berth.cli.Invocation;
import org.berth.error.UsageException;

/** How the progress of downloads and uploads is shown: {@code --progress}. */
enum ProgressStyle {
    /** On a terminal as TTY, else as NONE. */
    AUTO,
    /** Bars that are drawn anew. */
    TTY,
    /** A line now and then, for logs. */
    PLAIN,
    /** One JSON object a line for progress, messages and the end (docs/images.md). */
    JSON,
    NONE;

    /** @throws UsageException if {@code --progress} names none of these */
    static ProgressStyle of(Invocation invocation) {
        String word = invocation.shared().value("progress").orElse(AUTO.word());
        return Stream.of(values())
                .filter(style -> style.word().equals(word))
                .findFirst()
                .orElseThrow(() -> new UsageException("--progress %s is unknown: %s are known"
                        .formatted(
                                word,
                                Stream.of(values()).map(ProgressStyle::word).collect(Collectors.joining(", ")))));
    }

    private String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
