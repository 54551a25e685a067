package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.launch.LaunchRequest.Namespaces;
import org.berth.launch.Op.OnMissing;

/** The mounts that the administrator wants in every container, {@code /etc/hosts} and {@code /etc/localtime} among them. */
final class SiteBinds {
    private static final Path HOSTS = Path.of("/etc/hosts");
    private static final Path LOCALTIME = Path.of("/etc/localtime");
    private static final String LOOPBACK_HOSTS = """
            127.0.0.1 localhost
            ::1 localhost ip6-localhost ip6-loopback
            """;

    private SiteBinds() {}

    static List<MountStep> of(LaunchRequest request, LaunchHost host, SiteConfig site, List<Note> notes) {
        List<MountStep> steps = new ArrayList<>();
        if (site.mountHostfs() && request.mounts().has("hostfs") && !request.contained()) {
            notes.add(Note.warning("mount hostfs is not available yet: the host's other file systems are not mounted"));
        }
        for (SiteConfig.SiteBind bind : site.binds()) {
            boolean always = bind.target().equals(HOSTS) || bind.target().equals(LOCALTIME);
            if (request.contained() && !always
                    || !request.mounts().has("bind-paths")
                    || !request.mounts().has(bind.target().toString())) {
                continue;
            }
            if (request.contained()
                    && request.wants(Namespaces.NET)
                    && bind.target().equals(HOSTS)) {
                steps.add(MountStep.file(
                        HOSTS,
                        new Op.SessionFile("hosts", 0644, LOOPBACK_HOSTS),
                        new Op.BindSession("hosts", HOSTS, MountOptions.SAFE, OnMissing.WARN, "hosts")));
                continue;
            }
            switch (host.kind(bind.source())) {
                case ABSENT ->
                    notes.add(Note.warning("skipping mount of %s: no such file or directory".formatted(bind.source())));
                case FILE ->
                    steps.add(MountStep.file(
                            bind.target(),
                            new Op.Bind(bind.source(), bind.target(), MountOptions.SAFE, OnMissing.WARN, "bind path")));
                case DIRECTORY ->
                    steps.add(MountStep.directory(
                            bind.target(),
                            new Op.Bind(
                                    bind.source(),
                                    bind.target(),
                                    MountOptions.USER_TREE,
                                    OnMissing.WARN,
                                    "bind path")));
            }
        }
        return steps;
    }
}
