package org.berth.config;

import java.nio.file.Path;
import java.util.List;

/**
 * Which images users may run, as in apptainer.conf ({@code allow container …}, {@code limit container …}).
 *
 * @param sif SIF files whose root file system is not encrypted
 * @param encrypted SIF files whose root file system is encrypted
 * @param owners users to one of whom an image must belong; empty for any
 * @param groups groups to one of which an image must belong; empty for any
 * @param paths directories below one of which an image must be; empty for any
 * @param source the file that says so
 */
public record ContainerLimits(
        boolean sif,
        boolean encrypted,
        boolean squashfs,
        boolean extfs,
        boolean directory,
        List<String> owners,
        List<String> groups,
        List<Path> paths,
        Path source) {
    public static final ContainerLimits NONE =
            new ContainerLimits(true, true, true, true, true, List.of(), List.of(), List.of(), Path.of(""));

    public ContainerLimits {
        owners = List.copyOf(owners);
        groups = List.copyOf(groups);
        paths = List.copyOf(paths);
    }

    /** Whether there is an image that these do not take. */
    public boolean restricts() {
        boolean everyKind = sif && encrypted && squashfs && extfs && directory;
        return !everyKind || !owners.isEmpty() || !groups.isEmpty() || !paths.isEmpty();
    }
}
