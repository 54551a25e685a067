package org.berth.config;

/**
 * What an image may ask for that is converted here; conf/berth.yaml documents each, and {@code convert.Limits} what they
 * count.
 */
public record ImageLimits(
        long entries,
        long bytes,
        long depth,
        long pathBytes,
        long headerBytes,
        long xattrBytes,
        long ratio,
        long ratioAbove) {
    /** Far beyond the largest images of the field, which have 250,000 entries and 50 GB. */
    public static final ImageLimits DEFAULTS =
            new ImageLimits(5_000_000, 1L << 40, 2048, 32 << 10, 1 << 20, 64 << 20, 200, 4L << 30);
}
