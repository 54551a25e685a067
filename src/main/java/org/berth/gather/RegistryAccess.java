package org.berth.gather;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.access.CredentialPlaces;
import org.berth.access.RegistriesFiles;
import org.berth.access.UserCredentials;
import org.berth.cli.Invocation;
import org.berth.cli.OptionEnvironment;
import org.berth.cli.Version;
import org.berth.error.UsageException;
import org.berth.host.Host;
import org.berth.oci.ImageNames;
import org.berth.registry.Credential;
import org.berth.registry.Credentials;
import org.berth.registry.Proxies;
import org.berth.registry.RegistryClient;
import org.berth.registry.RegistrySettings;
import org.berth.registry.RegistrySettings.Reach;
import org.berth.registry.RegistrySettings.Transport;
import org.berth.registry.Trust;

/** What a command line, the environment and files say about reaching registries. */
public final class RegistryAccess {
    /** Where distributions keep the certificates that they trust. */
    private static final List<Path> BUNDLES = List.of(
            Path.of("/etc/ssl/certs/ca-certificates.crt"),
            Path.of("/etc/pki/tls/certs/ca-bundle.crt"),
            Path.of("/etc/ssl/ca-bundle.pem"));

    private final Invocation invocation;
    private final Host host;
    private final Listener listener;

    public RegistryAccess(Invocation invocation, Host host, Listener listener) {
        this.invocation = invocation;
        this.host = host;
        this.listener = listener;
    }

    /**
     * A client that shows the user's credentials; to be closed.
     *
     * @param otherwise the transport without {@code --no-https}
     */
    public RegistryClient client(Transport otherwise) {
        return client(settings(otherwise), credentials(), ImageNames.NONE);
    }

    /**
     * The same.
     *
     * @param names of images that were found before
     * @param reach without {@code --offline}
     */
    public RegistryClient client(Transport otherwise, ImageNames names, Reach reach) {
        RegistrySettings settings = settings(otherwise);
        return client(settings.reach() == Reach.CACHE ? settings : settings.with(reach), credentials(), names);
    }

    public RegistryClient client(Transport otherwise, Credentials credentials) {
        return client(settings(otherwise), credentials, ImageNames.NONE);
    }

    private RegistryClient client(RegistrySettings settings, Credentials credentials, ImageNames names) {
        return new RegistryClient(
                settings,
                credentials,
                invocation.shared().flag("disable-cache") ? ImageNames.NONE : names,
                listener::warning);
    }

    /** How this user reaches registries and libraries. */
    RegistrySettings settings(Transport otherwise) {
        boolean offline = invocation.shared().flag("offline");
        if (offline && invocation.shared().flag("disable-cache")) {
            throw new UsageException("--offline and --disable-cache leave no place to find an image");
        }
        return RegistrySettings.defaults(
                        invocation.flag("no-https") ? Transport.HTTP : otherwise,
                        Proxies.of(host::env),
                        Version.USER_AGENT)
                .with(offline ? RegistrySettings.Reach.CACHE : RegistrySettings.Reach.NETWORK)
                .with(trust())
                .with(RegistriesFiles.read(host));
    }

    private Trust trust() {
        List<Path> system = new ArrayList<>();
        host.env("SSL_CERT_FILE")
                .filter(text -> !text.isEmpty())
                .map(host::path)
                .ifPresent(system::add);
        system.addAll(BUNDLES);
        return new Trust(invocation.value("cacert").map(host::path).stream().toList(), system);
    }

    /** Row S19: what was typed now, options and variables, then files; a wrong one is not made up for by another. */
    private Credentials credentials() {
        if (invocation.shared().flag("docker-login")) {
            return asked();
        }
        Optional<Credential> given = pair(
                        invocation.shared().value("docker-username"),
                        invocation.shared().value("docker-password"),
                        "APPTAINER_DOCKER_USERNAME")
                .or(() -> pair(host.env("DOCKER_USERNAME"), host.env("DOCKER_PASSWORD"), "DOCKER_USERNAME"));
        return given.map(Credentials::of)
                .orElseGet(() -> new UserCredentials(host, places(invocation, host), listener::warning));
    }

    private static Optional<Credential> pair(Optional<String> username, Optional<String> password, String source) {
        return username.filter(name -> !name.isEmpty())
                .map(name -> new Credential.Login(name, password.orElse(""), source));
    }

    /** Whoever gives no name is nobody, whatever is stored. */
    private Credentials asked() {
        String username = listener.ask("Enter Docker Username: ", false);
        String password = listener.ask("Enter Docker Password: ", true);
        return username.isEmpty()
                ? Credentials.ANONYMOUS
                : Credentials.of(new Credential.Login(username, password, "--docker-login"));
    }

    public static CredentialPlaces places(Invocation invocation, Host host) {
        return CredentialPlaces.of(
                host,
                configurationDirectory(host),
                invocation.shared().value("authfile").map(host::path));
    }

    /** {@code APPTAINER_CONFIGDIR}, or {@code .apptainer} in the home of the password database. */
    public static Path configurationDirectory(Host host) {
        for (String prefix : OptionEnvironment.PREFIXES) {
            Optional<String> value = host.env(prefix + "CONFIGDIR").filter(text -> !text.isEmpty());
            if (value.isPresent()) {
                return host.path(value.orElseThrow());
            }
        }
        String home = host.facts().account().home();
        return host.path(home.startsWith("/") ? home : "/").resolve(".apptainer");
    }

    /** Says how many pulls are left when there are few, and otherwise to those who want to know. */
    static void tellLimit(RegistryClient client, Listener listener) {
        client.rateLimit().ifPresent(limit -> {
            String text = "registry %s: %s".formatted(limit.registry(), limit.text());
            if (limit.nearlyUsedUp()) {
                listener.warning(text);
            } else {
                listener.verbose(text);
            }
        });
    }
}
