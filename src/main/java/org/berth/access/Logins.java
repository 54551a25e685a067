package org.berth.access;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.host.Host;

/** Keeps and forgets the credentials of {@code registry login}. */
public final class Logins {
    private final Host host;
    private final CredentialPlaces places;

    public Logins(Host host, CredentialPlaces places) {
        this.host = host;
        this.places = places;
    }

    /**
     * Keeps a credential: with the helper that the file names for the registry, else in the file.
     *
     * @return where it is now: a file, or a helper
     */
    public String keep(String registry, String user, String password) {
        Path path = places.writing(host);
        CredentialFile file = read(path);
        Optional<CredentialHelper> helper = helper(file, registry);
        boolean kept = helper.map(program -> program.store(registry, user, password))
                .filter(CredentialHelper.Answer.Text.class::isInstance)
                .isPresent();
        if (!kept) {
            write(path, file.with(registry, user, password));
            return path.toString();
        }
        if (file.has(registry)) {
            write(path, file.without(registry));
        }
        return helper.orElseThrow().program();
    }

    /**
     * Forgets a registry's credential in all places that a login may have gone to.
     *
     * @return where it was
     */
    public List<String> forget(String registry) {
        List<String> removed = new ArrayList<>();
        for (Path path : places.forgetting()) {
            CredentialFile file = read(path);
            if (file.has(registry)) {
                write(path, file.without(registry));
                removed.add(path.toString());
            }
            helper(file, registry)
                    .filter(program -> program.get(registry) instanceof CredentialHelper.Answer.Text)
                    .filter(program -> program.erase(registry) instanceof CredentialHelper.Answer.Text)
                    .ifPresent(program -> removed.add(program.program()));
        }
        return removed;
    }

    /** Files of other programs that still have a credential for the registry. */
    public List<Path> elsewhere(String registry) {
        return places.authfile().isPresent()
                ? List.of()
                : places.podman().stream()
                        .filter(path -> hasQuietly(path, registry))
                        .toList();
    }

    private boolean hasQuietly(Path path, String registry) {
        try {
            return read(path).has(registry);
        } catch (HostException e) {
            // It is not ours to complain of.
            return false;
        }
    }

    private Optional<CredentialHelper> helper(CredentialFile file, String registry) {
        return file.helper(registry).or(file::store).map(name -> CredentialHelper.of(name, file.name(), host));
    }

    private CredentialFile read(Path path) {
        return UserCredentials.read(host, path).orElseGet(() -> CredentialFile.empty(path.toString()));
    }

    private static void write(Path path, CredentialFile file) {
        PrivateFile.write(path, file.bytes());
    }
}
