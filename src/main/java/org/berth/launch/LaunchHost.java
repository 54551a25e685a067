package org.berth.launch;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.berth.devices.GpuFacts;
import org.berth.host.Facts;

/**
 * The machine as the planner sees it.
 *
 * @param cwd the working directory with all links resolved
 * @param terminal the device that standard input is, if it is one that can be seen
 * @param kinds what the paths of {@link LookedAt} lead to
 * @param shell the static shell that ships with Berth
 * @param session the directory that the session's tmpfs is mounted on
 * @param gpus as far as any were asked for
 */
public record LaunchHost(
        Facts facts,
        Path cwd,
        Optional<Path> terminal,
        Map<Path, PathKind> kinds,
        Path shell,
        Path session,
        GpuFacts gpus) {
    public LaunchHost {
        kinds = Map.copyOf(kinds);
    }

    /** @throws IllegalStateException for a path that {@link LookedAt} does not name: then its kind was not gathered */
    public PathKind kind(Path path) {
        PathKind kind = kinds.get(path);
        if (kind == null) {
            throw new IllegalStateException("nobody has looked at " + path);
        }
        return kind;
    }

    public boolean isDirectory(Path path) {
        return kind(path) == PathKind.DIRECTORY;
    }
}
