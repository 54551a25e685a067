package org.berth.gather;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.cli.Invocation;
import org.berth.cli.OptionEnvironment;
import org.berth.host.Host;
import org.berth.sign.PgpKeyring;
import org.berth.sign.PgpPublicKeys;

/** Where OpenPGP keys are: the user's directory and the installation's file. */
public final class KeyFiles {
    private KeyFiles() {}

    /** The user's keys: {@code --keysdir} or {@code APPTAINER_KEYSDIR}, else {@code keys} in {@code ~/.apptainer}. */
    public static PgpKeyring own(Invocation invocation, Host host) {
        Optional<Path> chosen = invocation.value("keysdir").map(host::path);
        return PgpKeyring.in(chosen.or(() -> variable(host, "KEYSDIR"))
                .orElseGet(() -> variable(host, "CONFIGDIR")
                        .orElseGet(() -> home(host).resolve(".apptainer"))
                        .resolve("keys")));
    }

    public static PgpKeyring global(Host host) {
        return PgpKeyring.global(host.facts().prefix().resolve("etc/berth"));
    }

    /** What verifies signatures: the installation's keys, then the user's. */
    public static List<PgpPublicKeys> trusted(Invocation invocation, Host host) {
        List<PgpPublicKeys> keys = new ArrayList<>();
        keys.add(global(host).publicKeys());
        keys.add(own(invocation, host).publicKeys());
        return keys;
    }

    private static Optional<Path> variable(Host host, String key) {
        return OptionEnvironment.PREFIXES.stream()
                .flatMap(prefix -> host.env(prefix + key).filter(text -> !text.isEmpty()).stream())
                .findFirst()
                .map(host::path);
    }

    private static Path home(Host host) {
        String home = host.facts().account().home();
        return host.path(home.startsWith("/") ? home : "/");
    }
}
