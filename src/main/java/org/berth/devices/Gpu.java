package org.berth.devices;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A GPU of this machine.
 *
 * @param node {@code /dev/nvidia0}, {@code /dev/dri/renderD128}
 * @param minor the number in the node's name; not Slurm's, and not CUDA's
 * @param granted whether this process may use it, by the node's mode and by its device cgroup
 * @param bus PCI address, {@code 0000:01:00.0}
 * @param uuid as the driver names it, {@code GPU-…}
 * @param graphics its nodes for drawing below {@code /dev/dri}
 */
public record Gpu(
        Path node, int minor, boolean granted, Optional<String> bus, Optional<String> uuid, List<Path> graphics) {
    public Gpu {
        graphics = List.copyOf(graphics);
    }
}
