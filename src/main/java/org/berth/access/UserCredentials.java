package org.berth.access;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.registry.Credential;
import org.berth.registry.Credentials;

/**
 * What the files of a user and their helpers know (row S19). Nothing is read before a registry asks.
 *
 * <p>In each file: the registry's own helper, the entry in clear, the general helper. Docker asks its general helper first; an
 * entry in clear beside it was put there later, and reading it starts no program.
 */
public final class UserCredentials implements Credentials {
    private static final int MAX_BYTES = 1 << 20;

    private record Place(String registry, String repository) {}

    private final Host host;
    private final CredentialPlaces places;
    private final Consumer<String> warn;
    private final Map<Place, Optional<Credential>> found = new ConcurrentHashMap<>();
    private final Map<String, String> obstacles = new ConcurrentHashMap<>();

    /** @param warn told of files that cannot be read */
    public UserCredentials(Host host, CredentialPlaces places, Consumer<String> warn) {
        this.host = host;
        this.places = places;
        this.warn = warn;
    }

    @Override
    public synchronized Optional<Credential> find(String registry, String repository) {
        return found.computeIfAbsent(new Place(registry, repository), this::look);
    }

    @Override
    public Optional<String> obstacle(String registry) {
        return Optional.ofNullable(obstacles.get(registry));
    }

    private Optional<Credential> look(Place place) {
        places.authfile().filter(path -> !host.exists(path)).ifPresent(path -> obstacle(place, path + " is not there"));
        for (Path path : places.reading()) {
            try {
                Optional<Credential> credential = read(host, path).flatMap(file -> in(file, place));
                if (credential.isPresent()) {
                    return credential;
                }
            } catch (HostException e) {
                warn.accept(String.valueOf(e.getMessage()));
                obstacle(place, String.valueOf(e.getMessage()));
            }
        }
        return Optional.empty();
    }

    private void obstacle(Place place, String reason) {
        obstacles.putIfAbsent(place.registry(), reason);
    }

    static Optional<CredentialFile> read(Host host, Path path) {
        return host.read(path, MAX_BYTES).map(bytes -> CredentialFile.parse(path.toString(), bytes));
    }

    private Optional<Credential> in(CredentialFile file, Place place) {
        return file.helper(place.registry())
                .flatMap(name -> ask(CredentialHelper.of(name, file.name(), host), place))
                .or(() -> file.find(place.registry(), place.repository()))
                .or(() -> file.store().flatMap(name -> ask(CredentialHelper.of(name, file.name(), host), place)));
    }

    private Optional<Credential> ask(CredentialHelper helper, Place place) {
        return switch (helper.get(place.registry())) {
            case CredentialHelper.Answer.Text text -> helper.credential(text);
            case CredentialHelper.Answer.Nothing() -> Optional.empty();
            case CredentialHelper.Answer.Failed(String reason) -> {
                obstacle(place, reason);
                yield Optional.empty();
            }
        };
    }
}
