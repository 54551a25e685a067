package org.berth.gather;

import java.nio.file.Path;
import java.util.Optional;
import org.berth.archive.DaemonAddress;
import org.berth.archive.DaemonImage;
import org.berth.archive.StoredSource;
import org.berth.error.UsageException;
import org.berth.host.Host;

/** Understands what follows {@code oci:}, {@code oci-archive:}, {@code docker-archive:} and {@code docker-daemon:}. */
public final class StoredNames {
    private StoredNames() {}

    /** A path, and the name of an image in what is there. */
    private record Place(Path path, Optional<String> name) {}

    /** @param dockerHost as the option or {@code APPTAINER_DOCKER_HOST} names it; {@code DOCKER_HOST} comes after it */
    static StoredSource source(ImageName.Stored name, Host host, Optional<String> dockerHost) {
        return switch (name.kind()) {
            case OCI -> {
                Place place = place(name, host);
                // What the images of a layout are stands in its index; a remembered plan must see it change.
                host.stat(place.path().resolve("index.json"));
                yield new StoredSource.Layout(place.path(), place.name());
            }
            case OCI_ARCHIVE -> {
                Place place = place(name, host);
                yield new StoredSource.LayoutArchive(place.path(), place.name());
            }
            case DOCKER_ARCHIVE -> {
                Place place = place(name, host);
                yield new StoredSource.DockerSave(place.path(), place.name());
            }
            case DOCKER_DAEMON -> {
                String address = dockerHost
                        .filter(text -> !text.isEmpty())
                        .or(() -> host.env("DOCKER_HOST").filter(text -> !text.isEmpty()))
                        .orElse(DaemonAddress.DEFAULT);
                yield new StoredSource.Daemon(new DaemonImage(DaemonAddress.parse(address), name.from()));
            }
        };
    }

    /** The longest path that is there; colons may be in paths and in names. */
    private static Place place(ImageName.Stored name, Host host) {
        String text = name.from();
        if (text.isEmpty()) {
            throw new UsageException("%s names no file".formatted(name.uri()));
        }
        if (host.exists(host.path(text))) {
            return new Place(host.path(text), Optional.empty());
        }
        for (int colon = text.lastIndexOf(':'); colon > 0; colon = text.lastIndexOf(':', colon - 1)) {
            Path path = host.path(text.substring(0, colon));
            if (host.exists(path)) {
                return new Place(path, Optional.of(text.substring(colon + 1)).filter(tag -> !tag.isEmpty()));
            }
        }
        int first = text.indexOf(':');
        return new Place(host.path(first > 0 ? text.substring(0, first) : text), Optional.empty());
    }

    /** The file that {@code pull} makes when it is told none: {@code NAME_TAG.sif} of the last part of the path. */
    static String defaultFileName(ImageName.Stored name) {
        String last = name.from().substring(name.from().lastIndexOf('/') + 1);
        String[] parts = last.split(":", 2);
        return "%s_%s.sif".formatted(parts[0], parts.length > 1 ? parts[1].replace(':', '_') : "latest");
    }
}
