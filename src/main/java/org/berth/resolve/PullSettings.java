package org.berth.resolve;

import java.nio.file.Path;
import java.time.ZoneId;
import java.util.Optional;
import java.util.function.Supplier;
import org.berth.cache.Jobs;
import org.berth.convert.Compression;
import org.berth.host.Owners;
import org.berth.oci.ImageLimits;

/**
 * How images are pulled and converted.
 *
 * @param cacheDirectory what holds {@code cache/}; empty for {@code --disable-cache}
 * @param owners whose cache is believed
 * @param jobs in which others make images
 * @param temporary directory for what is gone at the end; asked for only when something is written there
 * @param time that the images carry
 * @param umask of the caller
 * @param version of this program, for labels
 */
public record PullSettings(
        Optional<Path> cacheDirectory,
        Owners owners,
        Jobs jobs,
        Supplier<Path> temporary,
        Compression compression,
        int level,
        BuildTime time,
        ZoneId zone,
        int threads,
        ImageLimits limits,
        int umask,
        String version) {

    /** The same for files that are nobody else's: those of the cache, and temporary ones. */
    PullSettings closed() {
        return new PullSettings(
                cacheDirectory, owners, jobs, temporary, compression, level, time, zone, threads, limits, 077, version);
    }

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
