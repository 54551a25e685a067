package org.berth.gather;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.berth.config.SiteConfig;
import org.berth.host.FileIdentity;
import org.berth.host.Host;
import org.berth.image.RunnableImage;
import org.berth.launch.LaunchHost;
import org.berth.launch.LaunchRequest;
import org.berth.launch.LookedAt;
import org.berth.launch.PathKind;

/** What planning has to know of the machine for a request. */
public final class LaunchHosts {
    private LaunchHosts() {}

    public static LaunchHost of(Host host, SiteConfig site, LaunchRequest request, RunnableImage image) {
        Path libexec = host.facts().prefix().resolve("libexec/berth");
        Path cwd = host.realPath(host.facts().cwd());
        return new LaunchHost(
                host.facts(),
                cwd,
                terminal(host),
                LookedAt.paths(request, site, cwd).stream()
                        .collect(Collectors.toMap(Function.identity(), path -> kind(host, path))),
                libexec.resolve("sh"),
                libexec.resolve("session"),
                Gpus.facts(host, request.gpus(), site, image));
    }

    /** A descriptor cannot be mounted in another mount namespace than its own, but the device's name can. */
    private static Optional<Path> terminal(Host host) {
        return host.facts().standardInputIsTerminal()
                ? host.leadsTo(Path.of("/proc/self/fd/0"))
                        .filter(device -> device.startsWith("/dev") && kind(host, device) == PathKind.FILE)
                : Optional.empty();
    }

    private static PathKind kind(Host host, Path path) {
        Optional<FileIdentity> identity = host.stat(path);
        return identity.map(found -> found.directory() ? PathKind.DIRECTORY : PathKind.FILE)
                .orElse(PathKind.ABSENT);
    }
}
