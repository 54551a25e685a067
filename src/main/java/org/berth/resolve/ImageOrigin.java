package org.berth.resolve;

import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.TextStyle;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.berth.oci.ImageConfig;

/**
 * Where an image comes from and when it was made: its labels and its two-line definition (apptainer.md 3.17).
 *
 * @param agent the word for the kind of source
 * @param from the image as the user named it, without the scheme
 * @param name its full name, if others know it by that
 * @param digest of what the name stood for
 * @param version of this program
 */
record ImageOrigin(
        String agent, String from, Optional<String> name, String digest, Instant built, ZoneId zone, String version) {
    static ImageOrigin of(SourceImage image, Instant built, ZoneId zone, String version) {
        return new ImageOrigin(
                image.agent(), image.from(), image.name(), image.digest().toString(), built, zone, version);
    }

    String definition() {
        return "bootstrap: %s\nfrom: %s\n".formatted(agent, from);
    }

    /** The image's own labels and those of the build, sorted by name. */
    Map<String, String> labels(ImageConfig config, String architecture) {
        Map<String, String> labels = new TreeMap<>(config.labels());
        labels.put("org.label-schema.schema-version", "1.0");
        labels.put("org.label-schema.build-date", buildDate());
        labels.put("org.label-schema.build-arch", architecture);
        labels.put("org.label-schema.usage.apptainer.version", version);
        labels.put("org.label-schema.usage.singularity.deffile.bootstrap", agent);
        labels.put("org.label-schema.usage.singularity.deffile.from", from);
        labels.put("org.opencontainers.image.architecture", architecture);
        name.ifPresent(text -> {
            labels.put("org.opencontainers.image.base.digest", digest);
            labels.put("org.opencontainers.image.base.name", text);
        });
        labels.put(
                "org.opencontainers.image.created",
                built.truncatedTo(ChronoUnit.SECONDS).toString());
        return labels;
    }

    /** {@code Monday_8_December_2025_11:0:48_NZDT}: as Apptainer writes it, without leading zeros. */
    private String buildDate() {
        var time = built.atZone(zone);
        String zoneName = zone.equals(ZoneOffset.UTC)
                ? "UTC"
                : java.util.TimeZone.getTimeZone(zone)
                        .getDisplayName(
                                zone.getRules().isDaylightSavings(built), java.util.TimeZone.SHORT, Locale.ENGLISH);
        return "%s_%d_%s_%d_%d:%d:%d_%s"
                .formatted(
                        time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH),
                        time.getDayOfMonth(),
                        time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH),
                        time.getYear(),
                        time.getHour(),
                        time.getMinute(),
                        time.getSecond(),
                        zoneName);
    }
}
