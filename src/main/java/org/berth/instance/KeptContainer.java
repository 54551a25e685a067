package org.berth.instance;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * A container that is kept under a name.
 *
 * @param directory all that there is of it; the package's description shows the layout
 * @param job the Slurm job with which it ends, if any
 */
public record KeptContainer(Path directory, String name, Optional<String> job, KeptImage image, Instant created) {
    static final String RECORD = "container.json";

    /** What was changed in the image. */
    public Path upper() {
        return directory.resolve("upper");
    }

    /** The overlay's own directory. */
    public Path work() {
        return directory.resolve("work");
    }

    /** The file that says who is in the container, and by its locks that they still are. */
    public Path lock() {
        return directory.resolve("lock");
    }
}
