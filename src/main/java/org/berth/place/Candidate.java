package org.berth.place;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A place that may be taken.
 *
 * @param text as the environment or the site has it
 * @param origin who names it: a variable, a setting, {@code default}
 * @param path empty if {@code text} cannot be made a path here
 * @param trouble why not, in words
 */
public record Candidate(String text, String origin, Optional<Path> path, String trouble) {
    public static Candidate of(Path path, String origin) {
        return new Candidate(path.toString(), origin, Optional.of(path), "");
    }

    public static Candidate unusable(String text, String origin, String trouble) {
        return new Candidate(text, origin, Optional.empty(), trouble);
    }
}
