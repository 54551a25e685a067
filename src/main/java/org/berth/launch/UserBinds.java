package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.launch.LaunchRequest.AskedBy;
import org.berth.launch.LaunchRequest.BindRequest;
import org.berth.launch.Op.OnMissing;

/** The binds of {@code --bind}, {@code --mount} and the environment. */
final class UserBinds {
    private static final Path DEV = Path.of("/dev");

    private UserBinds() {}

    static List<MountStep> of(LaunchRequest request, LaunchHost host, SiteConfig site, List<Note> notes) {
        List<BindRequest> wanted = new ArrayList<>(request.mounts().binds());
        if (!site.userBinds() && wanted.removeIf(bind -> bind.askedBy() == AskedBy.USER)) {
            notes.add(Note.warning("Ignoring user bind request: user bind control disabled by system administrator"));
        }
        List<MountStep> steps = new ArrayList<>();
        for (BindRequest bind : wanted) {
            boolean device = bind.target().startsWith(DEV);
            if (device && DeviceMounts.minimal(request, site) && !bind.source().equals(bind.target())) {
                notes.add(Note.warning(
                        "Skipping %s bind mount: source and destination must be identical when binding to /dev"
                                .formatted(bind.source())));
                continue;
            }
            MountOptions options = (device ? MountOptions.TREE : MountOptions.USER_TREE).withReadOnly(bind.readOnly());
            Op op = new Op.Bind(
                    bind.source(),
                    bind.target(),
                    options,
                    RootfsOps.isBare(request, site) ? OnMissing.FAIL : OnMissing.CREATE,
                    "user bind");
            switch (host.kind(bind.source())) {
                case ABSENT ->
                    throw new HostException("mount %s->%s: mount source %s doesn't exist"
                                    .formatted(bind.source(), bind.target(), bind.source()))
                            .hint("make it first, or correct --bind, --mount or APPTAINER_BIND");
                case FILE -> steps.add(MountStep.file(bind.target(), op));
                case DIRECTORY -> steps.add(MountStep.directory(bind.target(), op));
            }
        }
        return steps;
    }
}
