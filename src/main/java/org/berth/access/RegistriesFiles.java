package org.berth.access;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.registry.RegistryRules;
import org.berth.registry.RegistryRules.Mirror;
import org.berth.registry.RegistryRules.Rule;
import org.berth.toml.Toml;

/**
 * Reads {@code registries.conf} and the files beside it (containers-registries.conf.5, version 2): mirrors, blocked and
 * insecure registries, other locations. Search lists and aliases of short names are passed over: a bare name is one of
 * Docker Hub's.
 */
public final class RegistriesFiles {
    private static final int MAX_BYTES = 1 << 20;
    private static final Path SITE = Path.of("/etc/containers");

    /* What is not read is known all the same: a rule under a name with a typing mistake would forbid nothing. */
    private static final Set<String> KEYS = Set.of(
            "registry",
            "unqualified-search-registries",
            "short-name-mode",
            "credential-helpers",
            "additional-layer-store-auth-helper",
            "aliases");
    private static final Set<String> REGISTRY_KEYS =
            Set.of("prefix", "location", "insecure", "blocked", "mirror-by-digest-only", "mirror");
    private static final Set<String> MIRROR_KEYS = Set.of("location", "insecure", "pull-from-mirror");

    private RegistriesFiles() {}

    /**
     * The user's own files take the place of the site's, as they do for podman; drop-ins of both are read after it, and of two
     * rules for one prefix the later one counts.
     *
     * @throws HostException if a file cannot be understood: it may forbid something
     */
    public static RegistryRules read(Host host) {
        Path own = CredentialPlaces.configurationHome(host).resolve("containers");
        Path main = CredentialPlaces.variable(host, "CONTAINERS_REGISTRIES_CONF")
                .map(host::path)
                .orElseGet(() -> Stream.of(own, SITE)
                        .map(directory -> directory.resolve("registries.conf"))
                        .filter(host::exists)
                        .findFirst()
                        .orElse(SITE.resolve("registries.conf")));
        List<Path> files = new ArrayList<>(List.of(main));
        for (Path directory : List.of(SITE.resolve("registries.conf.d"), own.resolve("registries.conf.d"))) {
            host.list(directory).stream()
                    .filter(name -> name.endsWith(".conf"))
                    .map(directory::resolve)
                    .forEach(files::add);
        }
        Map<String, Rule> rules = new LinkedHashMap<>();
        for (Path file : files) {
            host.readWhole(file, MAX_BYTES)
                    .map(bytes -> rules(file.toString(), new String(bytes, StandardCharsets.UTF_8)))
                    .orElse(List.of())
                    .forEach(rule -> rules.put(rule.prefix(), rule));
        }
        return rules.isEmpty() ? RegistryRules.NONE : new RegistryRules(List.copyOf(rules.values()));
    }

    /** The rules of one file. */
    static List<Rule> rules(String name, String text) {
        // Most machines have the file as it was shipped, with nothing but comments.
        if (text.lines().allMatch(line -> line.isBlank() || line.stripLeading().startsWith("#"))) {
            return List.of();
        }
        Toml.Table document = Toml.parse(name, text);
        document.requireOnly(KEYS, "in the document");
        return document.tables("registry").stream()
                .map(table -> rule(name, table))
                .toList();
    }

    private static Rule rule(String name, Toml.Table table) {
        table.requireOnly(REGISTRY_KEYS, "of a [[registry]]");
        String location = table.text("location").orElse("");
        String prefix = table.text("prefix").filter(text -> !text.isEmpty()).orElse(location);
        if (prefix.isEmpty()) {
            throw new HostException(
                    "%s, line %d: a [[registry]] with neither prefix nor location".formatted(name, table.line()));
        }
        boolean digests = table.flag("mirror-by-digest-only").orElse(false);
        return new Rule(
                prefix,
                location,
                table.flag("insecure").orElse(false),
                table.flag("blocked").orElse(false),
                table.tables("mirror").stream()
                        .map(mirror -> mirror(name, mirror, digests))
                        .toList(),
                name);
    }

    private static Mirror mirror(String name, Toml.Table table, boolean digests) {
        table.requireOnly(MIRROR_KEYS, "of a [[registry.mirror]]");
        Optional<String> location = table.text("location").filter(text -> !text.isEmpty());
        Mirror.For images = switch (table.text("pull-from-mirror").orElse("")) {
            case "digest-only" -> Mirror.For.DIGEST_ONLY;
            case "tag-only" -> Mirror.For.TAG_ONLY;
            case "", "all" -> digests ? Mirror.For.DIGEST_ONLY : Mirror.For.ALL;
            default ->
                throw new HostException(
                        "%s, line %d: pull-from-mirror is all, digest-only or tag-only".formatted(name, table.line()));
        };
        return new Mirror(
                location.orElseThrow(() -> new HostException(
                        "%s, line %d: a [[registry.mirror]] without a location".formatted(name, table.line()))),
                table.flag("insecure").orElse(false),
                images);
    }
}
