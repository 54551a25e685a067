package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.launch.Op.OnMissing;

/** The directories of {@code --scratch}: in memory, or below {@code --workdir}; and file systems of their own. */
final class ScratchMounts {
    private ScratchMounts() {}

    static List<MountStep> of(LaunchRequest request) {
        List<MountStep> steps = new ArrayList<>();
        for (LaunchRequest.Scratch scratch : request.mounts().scratch()) {
            Path target = scratch.target();
            if (scratch.size().isPresent()) {
                steps.add(MountStep.directory(
                        target, ownTmpfs(target, scratch.size().orElseThrow())));
                continue;
            }
            String relative = "scratch" + target;
            steps.add(request.mounts()
                    .workdir()
                    .map(work -> {
                        Path directory = work.resolve(relative);
                        return MountStep.directory(
                                target,
                                new Op.HostDirectory(directory, 0755),
                                new Op.Bind(directory, target, MountOptions.USER_TREE, OnMissing.CREATE, "scratch"));
                    })
                    .orElseGet(() -> MountStep.directory(
                            target,
                            new Op.SessionDirectory(relative, 0755),
                            new Op.BindSession(relative, target, MountOptions.SAFE, OnMissing.CREATE, "scratch"))));
        }
        return steps;
    }

    private static Op ownTmpfs(Path target, String size) {
        return new Op.Mount(
                "tmpfs", "tmpfs", target, MountOptions.SAFE, "mode=1777,size=" + size, OnMissing.CREATE, "scratch");
    }
}
