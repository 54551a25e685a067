package org.berth.convert;

import java.time.Instant;
import org.berth.error.UsageException;
import org.berth.oci.ImageLimits;

/**
 * How layers are converted.
 *
 * @param imageTime the time of the image itself, and of all that no layer describes
 * @param threads that compress at most; others read, parse and write
 */
public record ConvertOptions(
        Compression compression, int level, Instant imageTime, ImageLimits limits, int threads, DiffIds diffIdCheck) {
    /** Whether the uncompressed layers are hashed, too. Their blobs' digests are checked in any case. */
    public enum DiffIds {
        CHECK,
        IGNORE
    }

    public ConvertOptions {
        if (!compression.has(level)) {
            throw new UsageException("compression %s has no level %d".formatted(compression, level));
        }
        if (threads < 1) {
            throw new UsageException("%d threads cannot convert an image".formatted(threads));
        }
    }

    /** What a pull does unless told otherwise. */
    public static ConvertOptions defaults(Instant imageTime, int threads) {
        return new ConvertOptions(
                Compression.ZSTD,
                Compression.ZSTD.defaultLevel(),
                imageTime,
                ImageLimits.DEFAULTS,
                threads,
                DiffIds.CHECK);
    }
}
