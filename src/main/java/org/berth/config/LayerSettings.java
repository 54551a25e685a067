package org.berth.config;

/**
 * Which layers may lie over an image.
 *
 * @param overlay one that is written to ({@code enable overlay})
 * @param underlay one with the mount points that the image lacks ({@code enable underlay}); an overlay has them too
 */
public record LayerSettings(boolean overlay, boolean underlay) {
    public static final LayerSettings ALL = new LayerSettings(true, true);

    LayerSettings and(LayerSettings other) {
        return new LayerSettings(overlay && other.overlay, underlay && other.underlay);
    }

    /** Whether a mount point that the image lacks can be made. */
    public boolean mountPoints() {
        return overlay || underlay;
    }
}
