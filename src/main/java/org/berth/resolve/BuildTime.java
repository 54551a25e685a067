package org.berth.resolve;

import java.time.Instant;
import java.util.Optional;
import org.berth.oci.ImageConfig;

/** The time that an image carries: in labels, in the squashfs, in the SIF's header. */
public sealed interface BuildTime {
    /** The moment of the build; every build differs. */
    record Now() implements BuildTime {}

    /** The one of {@code SOURCE_DATE_EPOCH}. */
    record Fixed(Instant time) implements BuildTime {}

    /** The one at which the image was made, for {@code --reproducible}. */
    record OfImage() implements BuildTime {}

    /** Whether the same source gives the same bytes. */
    default boolean reproducible() {
        return !(this instanceof Now);
    }

    default Instant of(ImageConfig config) {
        return of(config.created());
    }

    /** @param created when the image was made, RFC 3339, if it says so */
    default Instant of(Optional<String> created) {
        return switch (this) {
            case Now() -> Instant.now();
            case Fixed(Instant time) -> time;
            case OfImage() -> created.map(BuildTime::parse).orElse(Instant.EPOCH);
        };
    }

    private static Instant parse(String created) {
        try {
            return java.time.OffsetDateTime.parse(created).toInstant();
        } catch (java.time.format.DateTimeParseException e) {
            return Instant.EPOCH;
        }
    }
}
