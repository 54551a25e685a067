package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.launch.LaunchRequest.Namespaces;
import org.berth.launch.Op.OnMissing;

/** {@code /proc} and {@code /sys}: the host's trees, or a new proc where there is a new PID namespace. */
final class KernelMounts {
    private static final Path PROC = Path.of("/proc");
    private static final Path SYS = Path.of("/sys");

    private KernelMounts() {}

    static List<MountStep> of(LaunchRequest request, SiteConfig site) {
        List<MountStep> steps = new ArrayList<>();
        if (site.mountProc() && request.mounts().has("proc")) {
            steps.add(MountStep.directory(
                    PROC,
                    request.wants(Namespaces.PID)
                            ? new Op.Mount(
                                    "proc",
                                    "proc",
                                    PROC,
                                    new MountOptions(false, false, true, true, true),
                                    "",
                                    OnMissing.WARN,
                                    "proc")
                            : new Op.Bind(PROC, PROC, MountOptions.TREE, OnMissing.WARN, "proc")));
        }
        if (site.mountSys() && request.mounts().has("sys")) {
            steps.add(MountStep.directory(SYS, new Op.Bind(SYS, SYS, MountOptions.TREE, OnMissing.WARN, "sys")));
        }
        return steps;
    }
}
