package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.berth.launch.Op.OnMissing;

/** The caller's working directory: made visible if it is not, and entered. */
final class WorkingDirectory {
    private static final Set<Path> NEVER_MOUNTED = Set.of(
            Path.of("/"),
            Path.of("/etc"),
            Path.of("/bin"),
            Path.of("/mnt"),
            Path.of("/usr"),
            Path.of("/var"),
            Path.of("/opt"),
            Path.of("/sbin"),
            Path.of("/lib"),
            Path.of("/lib64"));
    private static final List<Path> NEVER_BELOW = List.of(Path.of("/proc"), Path.of("/sys"), Path.of("/dev"));

    private WorkingDirectory() {}

    /**
     * @param earlier what is mounted before it
     * @param asked what the user asked for, which is mounted after it: a directory that one of them shows is left to it
     */
    static List<MountStep> mount(
            LaunchRequest request, LaunchHost host, List<MountStep> earlier, List<MountStep> asked) {
        Path cwd = host.cwd();
        if (request.contained()
                || !host.facts().cwdReachable()
                || !request.mounts().has("cwd")
                || NEVER_MOUNTED.contains(cwd)
                || NEVER_BELOW.stream().anyMatch(cwd::startsWith)
                || visible(cwd, earlier)
                || asked.stream().anyMatch(step -> cwd.startsWith(step.target()))
                || !host.isDirectory(cwd)) {
            return List.of();
        }
        return List.of(MountStep.directory(cwd, new Op.Bind(cwd, cwd, MountOptions.USER_TREE, OnMissing.TRY, "cwd")));
    }

    static Op enter(LaunchRequest request, LaunchHost host, List<Note> notes) {
        if (request.process().cwd().isPresent()) {
            return new Op.WorkingDirectory(true, List.of(request.process().cwd().orElseThrow()));
        }
        List<Path> candidates = new ArrayList<>();
        if (host.facts().cwdReachable() && !request.contained()) {
            candidates.add(host.cwd());
        } else if (!request.contained()) {
            notes.add(Note.warning("The working directory was removed or cannot be reached. Using '%s' instead"
                    .formatted(request.mounts().home().target())));
        }
        candidates.add(request.mounts().home().target());
        candidates.add(Path.of("/"));
        return new Op.WorkingDirectory(false, candidates);
    }

    /** Whether the last mount over the directory shows the host's own at the same path. */
    private static boolean visible(Path cwd, List<MountStep> mounts) {
        boolean visible = false;
        for (MountStep step : mounts) {
            for (Op op : step.ops()) {
                if (op instanceof Op.Bind bind && cwd.startsWith(bind.target())) {
                    visible = bind.source().equals(bind.target());
                } else if (op instanceof Op.BindSession session && cwd.startsWith(session.target())) {
                    visible = false;
                }
            }
        }
        return visible;
    }
}
