package org.berth.archive;

import java.nio.file.Path;
import java.util.Optional;

/** Where an image outside a registry is. */
public sealed interface StoredSource {
    /**
     * {@code oci:DIRECTORY[:TAG]}.
     *
     * @param tag the image's name in the layout
     */
    record Layout(Path directory, Optional<String> tag) implements StoredSource {}

    /** {@code oci-archive:FILE[:TAG]}: a layout in a tar archive. */
    record LayoutArchive(Path file, Optional<String> tag) implements StoredSource {}

    /**
     * {@code docker-archive:FILE[:NAME]}: what {@code docker save} writes.
     *
     * @param name of the image, or {@code @N}
     */
    record DockerSave(Path file, Optional<String> name) implements StoredSource {}

    /** {@code docker-daemon:NAME:TAG}. */
    record Daemon(DaemonImage image) implements StoredSource {}
}
