package org.berth.launch;

import java.nio.file.Path;
import java.util.List;

/**
 * One mount of a container and the mount point that it needs.
 *
 * @param directory the mount point is a directory, else a file
 * @param ops what makes it, in order
 */
public record MountStep(Path target, boolean directory, List<Op> ops) {
    public MountStep {
        ops = List.copyOf(ops);
    }

    static MountStep directory(Path target, Op... ops) {
        return new MountStep(target, true, List.of(ops));
    }

    static MountStep file(Path target, Op... ops) {
        return new MountStep(target, false, List.of(ops));
    }
}
