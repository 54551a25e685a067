package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The mount points that an image may lack: those that no earlier mount covers, since there the host's directory decides. */
final class MountPoints {
    private MountPoints() {}

    static List<Op> of(List<MountStep> steps) {
        List<Op> ops = new ArrayList<>();
        List<Path> covered = new ArrayList<>();
        for (MountStep step : steps) {
            if (step.ops().stream().allMatch(MountPoints::updatesAFileOfTheImage)) {
                continue;
            }
            if (covered.stream().noneMatch(step.target()::startsWith)) {
                ops.add(new Op.Skeleton(step.target(), step.directory(), false));
            }
            if (step.directory()) {
                covered.add(step.target());
            }
        }
        return ops;
    }

    /** An image without such a file gets none. */
    private static boolean updatesAFileOfTheImage(Op op) {
        return op instanceof Op.Passwd || op instanceof Op.Group;
    }
}
