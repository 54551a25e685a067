package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.launch.Op.OnMissing;

/** {@code /tmp} and {@code /var/tmp}: the host's, or with {@code --contain} empty ones. */
final class TmpMounts {
    private static final Path TMP = Path.of("/tmp");
    private static final Path VAR_TMP = Path.of("/var/tmp");

    private TmpMounts() {}

    static List<MountStep> of(LaunchRequest request, LaunchHost host, SiteConfig site) {
        if (!site.mountTmp() || !request.mounts().has("tmp")) {
            return List.of();
        }
        List<MountStep> steps = new ArrayList<>();
        steps.add(new MountStep(TMP, true, ops(request, host, TMP, "tmp")));
        List<Op> second = new ArrayList<>();
        second.add(new Op.SkipIfSame(TMP, VAR_TMP));
        second.addAll(ops(request, host, VAR_TMP, "var_tmp"));
        steps.add(new MountStep(VAR_TMP, true, List.copyOf(second)));
        return steps;
    }

    private static List<Op> ops(LaunchRequest request, LaunchHost host, Path target, String name) {
        if (!request.contained()) {
            return List.of(new Op.Bind(target, target, MountOptions.USER_TREE, OnMissing.WARN, "tmp"));
        }
        if (request.mounts().workdir().isPresent()) {
            Path directory = request.mounts().workdir().orElseThrow().resolve(name);
            return List.of(new Op.Bind(directory, target, MountOptions.USER_TREE, OnMissing.WARN, "tmp"));
        }
        return List.of(new Op.BindSession(name, target, MountOptions.SAFE, OnMissing.WARN, "tmp"));
    }

    /** What must be there before the mounts, so that {@code skip-if-same} stands right before its bind. */
    static List<Op> directories(LaunchRequest request) {
        if (!request.contained()) {
            return List.of();
        }
        if (request.mounts().workdir().isPresent()) {
            Path work = request.mounts().workdir().orElseThrow();
            return List.of(
                    new Op.HostDirectory(work.resolve("tmp"), 01777),
                    new Op.HostDirectory(work.resolve("var_tmp"), 01777));
        }
        return List.of(new Op.SessionDirectory("tmp", 01777), new Op.SessionDirectory("var_tmp", 01777));
    }
}
