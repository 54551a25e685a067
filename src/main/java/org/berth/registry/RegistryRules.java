package org.berth.registry;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.berth.error.RegistryException;
import org.berth.oci.ImageReference;

/**
 * What a site says of registries: other addresses, mirrors, blocked ones (containers-registries.conf.5, version 2).
 *
 * @param rules the one with the longest matching prefix counts
 */
public record RegistryRules(List<Rule> rules) {
    public static final RegistryRules NONE = new RegistryRules(List.of());

    public RegistryRules {
        rules = List.copyOf(rules);
    }

    /**
     * One {@code [[registry]]}.
     *
     * @param prefix of the images it is for: a registry, a path in one, or {@code *.DOMAIN}
     * @param location that takes the prefix's place; empty to leave the name alone
     * @param insecure neither a certificate nor encryption is asked for
     * @param source the file it stands in, for messages
     */
    public record Rule(
            String prefix, String location, boolean insecure, boolean blocked, List<Mirror> mirrors, String source) {
        public Rule {
            mirrors = List.copyOf(mirrors);
        }

        private boolean covers(String name) {
            if (prefix.startsWith("*.")) {
                String host = name.substring(0, name.indexOf('/'));
                return host.replaceFirst(":[0-9]+$", "").endsWith(prefix.substring(1));
            }
            return name.startsWith(prefix)
                    && (name.length() == prefix.length() || "/:@".indexOf(name.charAt(prefix.length())) >= 0);
        }

        /** The name at another location; a wildcard has no fixed part that could be replaced. */
        private String at(String other, String name) {
            return other.isEmpty() || prefix.startsWith("*.") ? name : other + name.substring(prefix.length());
        }
    }

    /** One {@code [[registry.mirror]]}. */
    public record Mirror(String location, boolean insecure, For images) {
        /** {@code pull-from-mirror}. */
        public enum For {
            ALL,
            DIGEST_ONLY,
            TAG_ONLY
        }

        private boolean serves(ImageReference image) {
            return switch (images) {
                case ALL -> true;
                case DIGEST_ONLY -> image.digest().isPresent();
                case TAG_ONLY -> image.digest().isEmpty();
            };
        }
    }

    /**
     * Where a pull looks, in order: the mirrors, then the registry itself.
     *
     * @throws RegistryException if the registry is blocked
     */
    List<Endpoint> forPull(ImageReference image) {
        Optional<Rule> rule = rule(image);
        List<Endpoint> endpoints = new ArrayList<>();
        for (Mirror mirror : rule.map(Rule::mirrors).orElse(List.of())) {
            if (mirror.serves(image)) {
                endpoints.add(endpoint(rule.orElseThrow().at(mirror.location(), image.name()), mirror.insecure()));
            }
        }
        endpoints.add(own(image, rule));
        return endpoints;
    }

    /** Where a push goes: never to a mirror. */
    Endpoint forPush(ImageReference image) {
        return own(image, rule(image));
    }

    /** The registry itself, for a login. */
    Endpoint forRegistry(String registry) {
        boolean insecure = rules.stream().anyMatch(rule -> rule.insecure() && rule.covers(registry + "/"));
        return new Endpoint(registry, ImageReference.hostOf(registry), "", security(insecure));
    }

    private static Endpoint own(ImageReference image, Optional<Rule> rule) {
        return rule.map(found -> endpoint(found.at(found.location(), image.name()), found.insecure()))
                .orElseGet(() -> Endpoint.of(image));
    }

    private Optional<Rule> rule(ImageReference image) {
        Optional<Rule> best = rules.stream()
                .filter(rule -> rule.covers(image.name() + ":" + image.tag().orElse("latest")))
                .max(Comparator.comparingInt(rule -> rule.prefix().length()));
        if (best.filter(Rule::blocked).isPresent()) {
            throw new RegistryException("%s: registry %s is blocked by %s"
                    .formatted(image, image.registry(), best.orElseThrow().source()));
        }
        return best;
    }

    private static Endpoint endpoint(String name, boolean insecure) {
        int slash = name.indexOf('/');
        String registry = slash < 0 ? name : name.substring(0, slash);
        String repository = slash < 0 ? "" : name.substring(slash + 1);
        return new Endpoint(registry, ImageReference.hostOf(registry), repository, security(insecure));
    }

    private static Endpoint.Security security(boolean insecure) {
        return insecure ? Endpoint.Security.UNVERIFIED : Endpoint.Security.VERIFIED;
    }
}
