package org.berth.resolve;

import java.nio.file.Path;
import java.time.ZoneId;
import java.util.Optional;
import org.berth.convert.Compression;
import org.berth.oci.ImageLimits;

/**
 * How images are pulled and converted.
 *
 * @param cacheDirectory what holds {@code cache/}; empty for {@code --disable-cache}
 * @param temporary directory for what is gone at the end
 * @param time that the images carry
 * @param umask of the caller
 * @param version of this program, for labels
 */
public record PullSettings(
        Optional<Path> cacheDirectory,
        Path temporary,
        Compression compression,
        int level,
        BuildTime time,
        ZoneId zone,
        int threads,
        ImageLimits limits,
        int umask,
        String version) {

    /** What changes the bytes of an image besides its source. */
    String format() {
        String when = switch (time) {
            case BuildTime.Now() -> "";
            case BuildTime.Fixed(var instant) -> " at " + instant.getEpochSecond();
            case BuildTime.OfImage() -> " at the image's time";
        };
        return "sif %s %d%s".formatted(compression, level, when);
    }
}
