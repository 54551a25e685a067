package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.launch.LaunchRequest.Namespaces;
import org.berth.launch.Op.OnMissing;

/** {@code /dev}: the host's, or with {@code --contain} the few devices that every program expects (row S71). */
final class DeviceMounts {
    private static final Path DEV = Path.of("/dev");
    private static final List<String> DEVICES = List.of("null", "zero", "random", "urandom", "tty");

    private DeviceMounts() {}

    static List<MountStep> of(LaunchRequest request, LaunchHost host, SiteConfig site) {
        if (site.mountDev() == SiteConfig.DeviceMode.NO || !request.mounts().has("dev")) {
            return List.of();
        }
        if (minimal(request, site)) {
            return List.of(new MountStep(DEV, true, minimalOps(request, host, site)));
        }
        return List.of(MountStep.directory(DEV, new Op.Bind(DEV, DEV, MountOptions.TREE, OnMissing.WARN, "dev")));
    }

    static boolean minimal(LaunchRequest request, SiteConfig site) {
        return request.contained() || site.mountDev() == SiteConfig.DeviceMode.MINIMAL;
    }

    private static List<Op> minimalOps(LaunchRequest request, LaunchHost host, SiteConfig site) {
        MountOptions noSuid = new MountOptions(false, false, true, false, false);
        List<Op> ops = new ArrayList<>();
        ops.add(new Op.Mount("tmpfs", "tmpfs", DEV, noSuid, "mode=755,size=4m", OnMissing.FAIL, "dev"));
        ops.add(new Op.MakeDirectory(DEV.resolve("shm"), 01777));
        ops.add(new Op.Mount(
                "tmpfs", "tmpfs", DEV.resolve("shm"), MountOptions.SAFE, "mode=1777", OnMissing.FAIL, "shm"));
        if (site.mountDevpts() && request.mounts().has("devpts")) {
            ops.add(new Op.MakeDirectory(DEV.resolve("pts"), 0755));
            ops.add(new Op.Mount(
                    "devpts",
                    "devpts",
                    DEV.resolve("pts"),
                    new MountOptions(false, false, true, false, true),
                    "newinstance,ptmxmode=0666,mode=0620",
                    OnMissing.FAIL,
                    "devpts"));
            ops.add(new Op.Symlink("/dev/pts/ptmx", DEV.resolve("ptmx")));
        }
        for (String name : DEVICES) {
            Path device = DEV.resolve(name);
            ops.add(new Op.Bind(device, device, MountOptions.NONE, OnMissing.CREATE, "dev"));
        }
        host.terminal()
                .ifPresent(terminal -> ops.add(
                        new Op.Bind(terminal, DEV.resolve("console"), MountOptions.NONE, OnMissing.CREATE, "console")));
        if (request.wants(Namespaces.IPC)) {
            ops.add(new Op.MakeDirectory(DEV.resolve("mqueue"), 01777));
            ops.add(new Op.Mount(
                    "mqueue",
                    "mqueue",
                    DEV.resolve("mqueue"),
                    new MountOptions(false, false, true, true, true),
                    "",
                    OnMissing.WARN,
                    "mqueue"));
        }
        ops.add(new Op.Symlink("/proc/self/fd", DEV.resolve("fd")));
        ops.add(new Op.Symlink("/proc/self/fd/0", DEV.resolve("stdin")));
        ops.add(new Op.Symlink("/proc/self/fd/1", DEV.resolve("stdout")));
        ops.add(new Op.Symlink("/proc/self/fd/2", DEV.resolve("stderr")));
        return ops;
    }
}
