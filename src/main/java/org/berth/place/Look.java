package org.berth.place;

import java.nio.file.Path;
import java.util.Optional;
import org.berth.host.Room;

/**
 * What was seen of a place.
 *
 * @param directory the place, or the nearest directory above it that exists
 * @param exists whether it is the place itself
 * @param another whose the directory is if the caller does not trust its owner: words that follow {@code it}
 * @param mode its permission bits
 * @param trial what was tried out in it; empty if it may not be written
 */
public record Look(
        Path directory,
        boolean exists,
        Optional<String> another,
        int mode,
        FileSystemKind kind,
        Optional<Trial> trial,
        Room room) {
    /** Whether these work there. */
    public record Trial(boolean renames, boolean locks, boolean execution, boolean attributes) {}
}
