package org.berth.access;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.host.Host;

/**
 * Files with credentials in Docker's format.
 *
 * @param authfile named by the user: it is the only one then
 * @param own of Apptainer, {@code ~/.apptainer/docker-config.json}
 * @param docker {@code ~/.docker/config.json}
 * @param podman containers-auth.json.5, asked last
 */
public record CredentialPlaces(Optional<Path> authfile, Path own, Path docker, List<Path> podman) {
    public CredentialPlaces {
        podman = List.copyOf(podman);
    }

    /** @param configuration Apptainer's directory in the user's home */
    public static CredentialPlaces of(Host host, Path configuration, Optional<Path> authfile) {
        Path home = home(host);
        List<Path> podman = new ArrayList<>();
        variable(host, "REGISTRY_AUTH_FILE").map(host::path).ifPresent(podman::add);
        variable(host, "XDG_RUNTIME_DIR")
                .map(directory -> host.path(directory).resolve("containers/auth.json"))
                .ifPresent(podman::add);
        podman.add(configurationHome(host).resolve("containers/auth.json"));
        return new CredentialPlaces(
                authfile,
                configuration.resolve("docker-config.json"),
                variable(host, "DOCKER_CONFIG")
                        .map(host::path)
                        .orElse(home.resolve(".docker"))
                        .resolve("config.json"),
                podman);
    }

    /** Docker and podman go by {@code $HOME}, so that what they wrote is found. */
    static Path home(Host host) {
        String home = variable(host, "HOME").orElse(host.facts().account().home());
        return host.path(home.startsWith("/") ? home : "/");
    }

    static Path configurationHome(Host host) {
        return variable(host, "XDG_CONFIG_HOME")
                .map(host::path)
                .orElse(home(host).resolve(".config"));
    }

    static Optional<String> variable(Host host, String name) {
        return host.env(name).filter(text -> !text.isEmpty());
    }

    /** Those to look into, in order. */
    public List<Path> reading() {
        List<Path> all = new ArrayList<>(List.of(own, docker));
        all.addAll(podman);
        return authfile.map(List::of).orElse(all);
    }

    /** The one that a login is written to. */
    public Path writing(Host host) {
        return authfile.orElseGet(() -> host.exists(own) ? own : docker);
    }

    /** Those that a logout cleans; podman's are its own. */
    public List<Path> forgetting() {
        return authfile.map(List::of).orElse(List.of(own, docker));
    }
}
