package org.berth.access;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.json.Json;
import org.berth.json.JsonObject;
import org.berth.registry.Credential;

/**
 * Credentials in Docker's format ({@code auths}, {@code credHelpers}, {@code credsStore}), which podman shares.
 *
 * @param name of the file, for messages
 * @param root all of it, so that what is not ours survives a change
 */
record CredentialFile(String name, JsonObject root) {
    private static final String HUB = "docker.io";
    private static final String HUB_KEY = "https://index.docker.io/v1/";
    /** What helpers call a user whose secret is a refresh token. */
    private static final String TOKEN_USER = "<token>";

    static CredentialFile empty(String name) {
        return new CredentialFile(name, JsonObject.empty());
    }

    /** @throws HostException if it is not JSON */
    static CredentialFile parse(String name, byte[] bytes) {
        if (new String(bytes, StandardCharsets.UTF_8).isBlank()) {
            return empty(name);
        }
        try {
            return new CredentialFile(name, JsonObject.parse(bytes, name));
        } catch (ImageException e) {
            throw new HostException(String.valueOf(e.getMessage()), e).hint("correct the file, or move it away");
        }
    }

    /** The key of a registry as Docker writes it. */
    static String key(String registry) {
        return registry.equals(HUB) ? HUB_KEY : registry;
    }

    /** The registry that a key means: Docker writes some as URLs. */
    static String registry(String key) {
        String text = key.replaceFirst("^https?://", "");
        boolean url = text.length() != key.length();
        String host = text.replaceFirst("/.*", "");
        if (host.equals("index.docker.io") || host.equals("registry-1.docker.io")) {
            host = HUB;
        }
        String path = text.substring(
                Math.min(text.length(), text.replaceFirst("/.*", "").length()));
        boolean bare = url || path.isEmpty() || path.equals("/") || path.matches("/v[12]/?");
        return bare ? host : host + path.replaceFirst("/$", "");
    }

    /**
     * The credential of the entry that names the repository, the longest part of its path, or the registry.
     *
     * @throws HostException if that entry cannot be read
     */
    Optional<Credential> find(String registry, String repository) {
        Map<String, JsonNode> auths = auths();
        for (String place : places(registry, repository)) {
            for (String key : keys(auths, place)) {
                Optional<Credential> found = credential(key, auths.getOrDefault(key, NullNode.getInstance()));
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        return Optional.empty();
    }

    private static List<String> places(String registry, String repository) {
        List<String> places = new ArrayList<>();
        String place = repository.isEmpty() ? registry : registry + "/" + repository;
        while (place.length() > registry.length()) {
            places.add(place);
            place = place.substring(0, place.lastIndexOf('/'));
        }
        places.add(registry);
        return places;
    }

    /** The keys that mean a place, the one as we would write it first. */
    private static List<String> keys(Map<String, JsonNode> auths, String place) {
        List<String> keys = new ArrayList<>();
        if (auths.containsKey(key(place))) {
            keys.add(key(place));
        }
        auths.keySet().stream()
                .filter(key -> registry(key).equals(place) && !keys.contains(key))
                .forEach(keys::add);
        return keys;
    }

    private Map<String, JsonNode> auths() {
        return object("auths").map(JsonObject::fields).orElse(Map.of());
    }

    private Optional<JsonObject> object(String key) {
        return read(() -> root.object(key));
    }

    private <T> T read(Supplier<T> reading) {
        try {
            return reading.get();
        } catch (ImageException e) {
            throw new HostException("%s: %s".formatted(name, e.getMessage()), e);
        }
    }

    private Optional<Credential> credential(String key, JsonNode value) {
        return JsonObject.of(value).flatMap(entry -> credential(key, entry));
    }

    private Optional<Credential> credential(String key, JsonObject entry) {
        return read(() -> filled(entry, "identitytoken")
                .<Credential>map(token -> new Credential.IdentityToken(token, name))
                .or(() -> filled(entry, "registrytoken").map(token -> new Credential.RegistryToken(token, name)))
                .or(() -> filled(entry, "auth").map(auth -> login(key, auth)))
                .or(() -> filled(entry, "username")
                        .map(user -> of(user, entry.text("password").orElse(""), name))));
    }

    private static Optional<String> filled(JsonObject entry, String key) {
        return entry.text(key).filter(text -> !text.isEmpty());
    }

    /** {@code auth} holds {@code user:password}; Docker pads the password with NUL bytes now and then. */
    private Credential login(String key, String auth) {
        String pair;
        try {
            pair = new String(Base64.getMimeDecoder().decode(auth), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            pair = "";
        }
        int colon = pair.indexOf(':');
        if (colon < 0) {
            throw new HostException("%s: the entry for %s cannot be read".formatted(name, key)).hint("log in again");
        }
        return of(pair.substring(0, colon), pair.substring(colon + 1).replaceFirst("\\x00+$", ""), name);
    }

    /** What a user and a secret are, wherever they were kept. */
    static Credential of(String user, String secret, String source) {
        return user.equals(TOKEN_USER)
                ? new Credential.IdentityToken(secret, source)
                : new Credential.Login(user, secret, source);
    }

    /** The helper that keeps this registry's credential, by name. */
    Optional<String> helper(String registry) {
        return object("credHelpers")
                .flatMap(helpers -> helpers.fields().keySet().stream()
                        .filter(key -> registry(key).equals(registry))
                        .findFirst()
                        .flatMap(key -> read(() -> helpers.text(key)))
                        .filter(text -> !text.isEmpty()));
    }

    /** The helper for registries that have none of their own. */
    Optional<String> store() {
        return read(() -> root.text("credsStore")).filter(text -> !text.isEmpty());
    }

    boolean has(String registry) {
        return auths().keySet().stream().anyMatch(key -> registry(key).equals(registry));
    }

    /** This with a login added, or replaced. */
    CredentialFile with(String registry, String user, String password) {
        byte[] pair = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
        return changed(
                registry,
                Optional.of(Json.object().put("auth", Base64.getEncoder().encodeToString(pair))));
    }

    /** This without any entry for the registry, under whatever key. */
    CredentialFile without(String registry) {
        return changed(registry, Optional.empty());
    }

    private CredentialFile changed(String registry, Optional<JsonNode> entry) {
        ObjectNode auths = object("auths").orElse(JsonObject.empty()).node().deepCopy();
        auths.remove(auths.properties().stream()
                .map(Map.Entry::getKey)
                .filter(key -> registry(key).equals(registry))
                .toList());
        entry.ifPresent(value -> auths.set(key(registry), value));
        ObjectNode whole = root.node().deepCopy();
        whole.set("auths", auths);
        return new CredentialFile(name, new JsonObject(whole));
    }

    /** JSON with tabs, as Docker writes it. */
    byte[] bytes() {
        StringBuilder text = new StringBuilder();
        write(text, root.node(), 0);
        return text.append('\n').toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void write(StringBuilder text, JsonNode value, int depth) {
        if (!value.isObject() || value.isEmpty()) {
            text.append(Json.text(value));
            return;
        }
        String separator = "{\n";
        for (Map.Entry<String, JsonNode> field : value.properties()) {
            text.append(separator)
                    .append("\t".repeat(depth + 1))
                    .append(Json.text(TextNode.valueOf(field.getKey())))
                    .append(": ");
            write(text, field.getValue(), depth + 1);
            separator = ",\n";
        }
        text.append('\n').append("\t".repeat(depth)).append('}');
    }
}
