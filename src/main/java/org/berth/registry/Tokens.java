package org.berth.registry;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.berth.error.ImageException;
import org.berth.error.RegistryException;
import org.berth.oci.ImageReference;
import org.berth.oci.Json;

/**
 * Answers the challenges of registries: basic authentication, and bearer tokens (distribution's token specification).
 *
 * <p>A challenge is answered per request and not per registry, because a registry may ask for another scope, or another
 * scheme, at another path. One token per repository is kept until it is refused.
 */
final class Tokens {
    private static final int MAX_ANSWER = 1 << 20;

    private record Key(String registry, String repository) {}

    private final Http http;
    private final RegistrySettings settings;
    private final Credentials credentials;
    private final Map<Key, String> authorizations = new ConcurrentHashMap<>();

    Tokens(Http http, RegistrySettings settings, Credentials credentials) {
        this.http = http;
        this.settings = settings;
        this.credentials = credentials;
    }

    /** The Authorization that was accepted for this repository before. */
    Optional<String> current(ImageReference image) {
        return Optional.ofNullable(authorizations.get(key(image)));
    }

    /** Who we are to this registry, for messages. */
    String identity(ImageReference image) {
        return credentials
                .forRegistry(image.registry())
                .map(credential -> "as user " + credential)
                .orElse("without credentials");
    }

    /**
     * Obtains an Authorization after a 401.
     *
     * @param refused what the refused request carried
     * @return false if there is no way to answer: no known scheme, or basic without a credential
     */
    synchronized boolean renew(ImageReference image, URI asked, List<String> challenges, Optional<String> refused)
            throws IOException {
        if (!current(image).equals(refused)) {
            // Another thread was refused with the same token and has a new one.
            return true;
        }
        List<Challenge> offered = Challenge.parse(challenges);
        Optional<Credential> credential = credentials.forRegistry(image.registry());
        Optional<String> renewed = Optional.empty();
        Optional<Challenge> bearer = offered.stream()
                .filter(challenge -> challenge.scheme().equals("bearer"))
                .findFirst();
        if (bearer.isPresent()) {
            renewed = Optional.of("Bearer " + token(image, asked, bearer.get(), credential));
        } else if (offered.stream().anyMatch(challenge -> challenge.scheme().equals("basic"))) {
            renewed = credential.map(Credential::basic);
        }
        if (renewed.isEmpty() || renewed.equals(refused)) {
            authorizations.remove(key(image));
            return false;
        }
        authorizations.put(key(image), renewed.get());
        return true;
    }

    private static Key key(ImageReference image) {
        return new Key(image.registry(), image.repository());
    }

    private String token(ImageReference image, URI asked, Challenge challenge, Optional<Credential> credential)
            throws IOException {
        URI realm = realm(image, asked, challenge);
        Map<String, String> headers = Map.of("Accept", "application/json");
        Attempts attempts = new Attempts(settings.retries());
        while (true) {
            try (Http.Answer answer =
                    http.send(new Http.Request("GET", realm, headers, credential.map(Credential::basic)))) {
                byte[] body = answer.body().readNBytes(MAX_ANSWER);
                if (answer.status() == 200) {
                    return token(image, body);
                }
                if (!RegistryClient.isTransient(answer.status())
                        || !attempts.again(RegistryClient.retryAfter(answer))) {
                    throw refused(image, realm, answer, body);
                }
            } catch (Http.BadRedirect e) {
                throw new RegistryException(
                        "registry %s: its token server %s: %s"
                                .formatted(image.registry(), realm.getHost(), e.getMessage()),
                        e);
            }
        }
    }

    /**
     * The URL to ask for a token.
     *
     * @throws RegistryException if the realm is not a web address, or would send a password of an https registry in
     *     clear
     */
    private static URI realm(ImageReference image, URI asked, Challenge challenge) {
        String text = challenge.parameter("realm").orElse("");
        URI realm;
        try {
            realm = URI.create(text);
        } catch (IllegalArgumentException e) {
            throw badRealm(image, text);
        }
        String scheme = String.valueOf(realm.getScheme());
        boolean web = scheme.equals("https")
                || (scheme.equals("http") && asked.getScheme().equals("http"));
        if (!web || realm.getHost() == null || realm.getRawFragment() != null) {
            throw badRealm(image, text);
        }
        // Where no scope is asked for we ask for the one that a pull needs.
        Stream<String> scopes = challenge
                .parameter("scope")
                .filter(scope -> !scope.isBlank())
                .map(scope -> Stream.of(scope.strip().split(" +")))
                .orElse(Stream.of("repository:%s:pull".formatted(image.repository())));
        String query = Stream.concat(
                        challenge.parameter("service").map(service -> "service=" + encode(service)).stream(),
                        scopes.map(scope -> "scope=" + encode(scope)))
                .collect(Collectors.joining("&"));
        return URI.create(text + (realm.getRawQuery() == null ? "?" : "&") + query);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static RegistryException badRealm(ImageReference image, String realm) {
        return new RegistryException("registry %s: it wants a login at '%s', which is not a place to send one to"
                .formatted(image.registry(), Words.clean(realm)));
    }

    private static String token(ImageReference image, byte[] body) {
        try {
            Json.Obj root = Json.parseObject(body, "token");
            String token =
                    root.text("token").or(() -> root.text("access_token")).orElse("");
            if (token.matches("[\\x21-\\x7e]{1,65536}")) {
                return token;
            }
        } catch (ImageException e) {
            throw new RegistryException("registry %s: its token server sent no token".formatted(image.registry()), e);
        }
        throw new RegistryException("registry %s: its token server sent no token".formatted(image.registry()));
    }

    private RegistryException refused(ImageReference image, URI realm, Http.Answer answer, byte[] body) {
        String said = Words.errorText(body, answer.mediaType())
                .map(text -> ": " + text)
                .orElse("");
        String message = "registry %s: its token server %s answered %d %s%s"
                .formatted(image.registry(), realm.getHost(), answer.status(), identity(image), said);
        RegistryException failure = new RegistryException(message);
        return answer.status() == 401 || answer.status() == 403
                ? failure.hint("check the user name and the password or token for " + image.registry())
                : failure;
    }
}
