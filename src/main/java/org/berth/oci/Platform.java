package org.berth.oci;

/**
 * What machine an image is for, in the words of Go's GOOS and GOARCH (OCI image specification, image-index.md).
 *
 * @param variant {@code v7}, {@code v8}, …; empty if there is none
 */
public record Platform(String os, String architecture, String variant) {
    /** {@code linux/arm64/v8}. */
    @Override
    public String toString() {
        return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
    }
}
