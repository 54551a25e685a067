package org.berth.registry;

import java.io.IOException;
import java.time.Duration;

/** Nothing came for the idle time. */
final class StalledException extends IOException {
    StalledException(Duration idle) {
        super("nothing came for %d s".formatted(Math.max(1, idle.toSeconds())));
    }
}
