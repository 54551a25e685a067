package org.berth.config;

import java.nio.file.Path;

/**
 * How GPUs reach containers.
 *
 * @param inSteps whether a Slurm step that was given GPUs has them in its containers without an option ({@code gpu: auto})
 * @param order in which Slurm numbers the GPUs of a node
 * @param driverRoot the root of the tree that the driver's files are installed in
 * @param alwaysNvidia {@code --nv} for every launch
 * @param alwaysAmd {@code --rocm} for every launch
 */
public record GpuSettings(boolean inSteps, Order order, Path driverRoot, boolean alwaysNvidia, boolean alwaysAmd) {
    public static final GpuSettings DEFAULTS = new GpuSettings(true, Order.PCI, Path.of("/"), false, false);

    /** What the position of a GPU in Slurm's numbering follows (gres.conf). */
    public enum Order {
        /** The bus address, as {@code AutoDetect} sorts them. */
        PCI,
        /** The number in the device's name, as {@code File=/dev/nvidia[0-3]} lists them. */
        MINOR
    }
}
