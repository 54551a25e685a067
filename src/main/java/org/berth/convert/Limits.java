package org.berth.convert;

import org.berth.error.ImageException;

/**
 * What an image may ask for, so that a few hostile bytes cannot fill the memory or the disk.
 *
 * @param maxEntries archive entries of all layers together
 * @param maxBytes bytes of all files of all layers together, holes included
 * @param maxDepth directories below each other
 */
public record Limits(long maxEntries, long maxBytes, int maxDepth) {
    /** Twenty times what the largest images of the field have: 5 million entries, 1 TiB, 2048 directories. */
    public static final Limits DEFAULT = new Limits(5_000_000, 1L << 40, 2048);

    void checkEntries(long entries) {
        if (entries > maxEntries) {
            throw new ImageException("the image has more than %d entries (limit maxEntries)".formatted(maxEntries));
        }
    }

    void checkBytes(long bytes) {
        if (bytes < 0 || bytes > maxBytes) {
            throw new ImageException("the image's files have more than %d bytes (limit maxBytes)".formatted(maxBytes));
        }
    }

    void checkDepth(int depth) {
        if (depth > maxDepth) {
            throw new ImageException("directories are nested more than %d deep (limit maxDepth)".formatted(maxDepth));
        }
    }
}
