package org.berth.launch;

import java.util.ArrayList;
import java.util.List;

/** Read-only binds with others in them: their mount points are made while the directory can still be written. */
final class ReadOnlyNests {
    private ReadOnlyNests() {}

    /** The same steps, with the mount points of later ones named in the read-only binds that hold them. */
    static List<MountStep> opened(List<MountStep> steps) {
        List<MountStep> opened = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            MountStep step = steps.get(i);
            List<MountStep> later = steps.subList(i + 1, steps.size());
            opened.add(new MountStep(
                    step.target(),
                    step.directory(),
                    step.ops().stream().map(op -> opened(op, later)).toList()));
        }
        return opened;
    }

    private static Op opened(Op op, List<MountStep> later) {
        if (!(op instanceof Op.Bind bind) || !bind.options().readOnly()) {
            return op;
        }
        List<Op.MountPoint> inside = later.stream()
                .filter(step -> step.target().startsWith(bind.target())
                        && !step.target().equals(bind.target()))
                .map(step -> new Op.MountPoint(step.target(), step.directory()))
                .toList();
        return new Op.Bind(bind.source(), bind.target(), bind.options(), bind.onMissing(), bind.what(), inside);
    }
}
