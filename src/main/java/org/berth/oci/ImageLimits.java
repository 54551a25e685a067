package org.berth.oci;

import org.berth.error.ImageException;

/**
 * What an image may ask for, so that a few hostile bytes cannot fill the memory or the disk. Each is a setting of the site,
 * and named by it where it is hit.
 *
 * @param entries archive entries of all layers together
 * @param bytes of all files of all layers together, holes included
 * @param depth directories below each other
 * @param pathBytes of an entry's path; Linux itself cannot name more than 4095 bytes at once
 * @param headerBytes of an entry's extended header (long names, attributes), and of all global ones of a layer together
 * @param xattrBytes of the different sets of extended attributes of all layers together
 * @param ratio how many times larger than its blob a layer may be once it is unpacked
 * @param ratioAbove up to so many unpacked bytes the ratio does not matter
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

    public void checkEntries(long count) {
        check(count, entries, "the image has more than %d entries", "image-max-entries");
    }

    public void checkBytes(long count) {
        check(count < 0 ? Long.MAX_VALUE : count, bytes, "the image's files have more than %d bytes", "image-max-size");
    }

    public void checkDepth(int levels) {
        check(levels, depth, "directories are nested more than %d deep", "image-max-depth");
    }

    public void checkPath(byte[] path) {
        check(path.length, pathBytes, "its path has more than %d bytes", "image-max-path");
    }

    public void checkHeader(String what, long count) {
        check(count, headerBytes, "a " + what + " has more than %d bytes", "image-max-header");
    }

    public void checkXattrs(long count) {
        check(
                count,
                xattrBytes,
                "the image's extended attributes have more than %d different bytes",
                "image-max-xattrs");
    }

    /** @param unpacked bytes that came of a blob so far */
    public void checkRatio(long blob, long unpacked) {
        if (unpacked > ratioAbove) {
            check(unpacked / Math.max(blob, 1), ratio, "it unpacks to more than %d times its size", "image-max-ratio");
        }
    }

    private static void check(long count, long limit, String what, String setting) {
        if (count > limit) {
            throw new ImageException("%s; %s in berth.yaml sets the limit".formatted(what.formatted(limit), setting));
        }
    }
}
