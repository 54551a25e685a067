package org.berth.launch;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.berth.config.SiteConfig;
import org.berth.launch.Op.OnMissing;

/** The home directory: the caller's, the one of {@code --home}, or an empty one with {@code --contain}. */
final class HomeMounts {
    private static final Path ROOT = Path.of("/");

    private HomeMounts() {}

    static List<MountStep> of(LaunchRequest request, LaunchHost host, SiteConfig site, List<Note> notes) {
        Path target = request.mounts().home().target();
        if (!request.mounts().has("home")
                || !site.mountHome() && request.mounts().home().source().isEmpty()) {
            return List.of();
        }
        if (target.equals(ROOT)) {
            notes.add(Note.warning("Skipping mount of the home directory: it is /"));
            return List.of();
        }
        OnMissing missing = request.mounts().home().chosen() ? OnMissing.CREATE : OnMissing.TRY;
        Optional<Path> source = request.mounts().home().source();
        if (source.isPresent() && host.isDirectory(source.orElseThrow())) {
            return List.of(MountStep.directory(
                    target, new Op.Bind(source.orElseThrow(), target, MountOptions.USER_TREE, missing, "home")));
        }
        if (request.contained() && request.mounts().workdir().isPresent()) {
            Path home = request.mounts().workdir().orElseThrow().resolve("home");
            return List.of(MountStep.directory(
                    target,
                    new Op.HostDirectory(home, 0755),
                    new Op.Bind(home, target, MountOptions.USER_TREE, missing, "home")));
        }
        return List.of(MountStep.directory(
                target,
                new Op.SessionDirectory("home", 0755),
                new Op.BindSession("home", target, MountOptions.SAFE, missing, "home")));
    }
}
