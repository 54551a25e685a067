package org.berth.launch;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import org.berth.devices.GpuFacts;
import org.berth.host.Facts;

/**
 * The machine as the planner sees it.
 *
 * @param cwd the working directory with all links resolved
 * @param terminal the device that standard input is, if it is one that can be seen
 * @param kinds what paths of the host lead to
 * @param shell the static shell that ships with Berth
 * @param session the directory that the session's tmpfs is mounted on
 * @param gpus as far as any were asked for
 */
public record LaunchHost(
        Facts facts,
        Path cwd,
        Optional<Path> terminal,
        Function<Path, PathKind> kinds,
        Path shell,
        Path session,
        GpuFacts gpus) {
    public PathKind kind(Path path) {
        return kinds.apply(path);
    }

    public boolean isDirectory(Path path) {
        return kind(path) == PathKind.DIRECTORY;
    }
}
