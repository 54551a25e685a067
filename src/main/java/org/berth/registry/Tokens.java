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
import org.berth.json.JsonObject;

/**
 * Answers the challenges of registries: basic authentication, and bearer tokens (distribution's token specification).
 *
 * <p>A challenge is answered per request and not per registry, because a registry may ask for another scope, or another
 * scheme, at another path. One token per repository is kept until it is refused.
 */
final class Tokens {
    private static final int MAX_ANSWER = 1 << 20;

    /** What the requests of an operation do. */
    enum Access {
        PULL("pull"),
        PUSH("pull,push");

        private final String actions;

        Access(String actions) {
            this.actions = actions;
        }
    }

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
    Optional<String> current(Endpoint endpoint) {
        return Optional.ofNullable(authorizations.get(key(endpoint)));
    }

    /** Who we are to this registry, for messages. */
    String identity(Endpoint endpoint) {
        return credential(endpoint)
                .map(Credential::toString)
                .orElseGet(() -> "without credentials"
                        + credentials
                                .obstacle(endpoint.registry())
                                .map(why -> ": " + why)
                                .orElse(""));
    }

    boolean isAnonymous(Endpoint endpoint) {
        return credential(endpoint).isEmpty();
    }

    private Optional<Credential> credential(Endpoint endpoint) {
        return credentials.find(endpoint.registry(), endpoint.repository());
    }

    /**
     * Obtains an Authorization after a 401.
     *
     * @param refused what the refused request carried
     * @return false if there is no way to answer: no known scheme, or basic without a name and a password
     */
    synchronized boolean renew(
            Endpoint endpoint, Access access, URI asked, List<String> challenges, Optional<String> refused)
            throws IOException {
        if (!current(endpoint).equals(refused)) {
            // Another thread was refused with the same token and has a new one.
            return true;
        }
        List<Challenge> offered = Challenge.parse(challenges);
        Optional<Credential> credential = credential(endpoint);
        Optional<String> renewed = Optional.empty();
        Optional<Challenge> bearer = offered.stream()
                .filter(challenge -> challenge.scheme().equals("bearer"))
                .findFirst();
        if (bearer.isPresent()) {
            renewed = Optional.of("Bearer " + token(endpoint, access, asked, bearer.get(), credential));
        } else if (offered.stream().anyMatch(challenge -> challenge.scheme().equals("basic"))) {
            renewed = credential.flatMap(Tokens::basic);
        }
        if (renewed.isEmpty() || renewed.equals(refused)) {
            authorizations.remove(key(endpoint));
            return false;
        }
        authorizations.put(key(endpoint), renewed.get());
        return true;
    }

    private static Key key(Endpoint endpoint) {
        return new Key(endpoint.registry(), endpoint.repository());
    }

    private static Optional<String> basic(Credential credential) {
        return credential instanceof Credential.Login login ? Optional.of(login.basic()) : Optional.empty();
    }

    private String token(
            Endpoint endpoint, Access access, URI asked, Challenge challenge, Optional<Credential> credential)
            throws IOException {
        if (credential.isPresent() && credential.get() instanceof Credential.RegistryToken own) {
            return ofHeader(own.token())
                    .orElseThrow(() -> new RegistryException(
                            "registry %s: the token from %s is not one".formatted(endpoint.registry(), own.source())));
        }
        Http.Request request = tokenRequest(endpoint, access, asked, challenge, credential);
        Attempts attempts = new Attempts(settings.retries());
        while (true) {
            try (Http.Answer answer = http.send(request)) {
                byte[] body = answer.body().readNBytes(MAX_ANSWER);
                if (answer.status() == 200) {
                    return token(endpoint, body);
                }
                if (!Exchange.isTransient(answer.status()) || !attempts.again(Exchange.retryAfter(answer))) {
                    throw refused(endpoint, request.uri(), answer, body);
                }
            } catch (Http.BadRedirect e) {
                throw new RegistryException(
                        "registry %s: its token server %s: %s"
                                .formatted(endpoint.registry(), request.uri().getHost(), e.getMessage()),
                        e);
            }
        }
    }

    /**
     * How a token is asked for: by GET, with the name and the password if there are any; by an OAuth2 grant in a form for a
     * refresh token.
     */
    static Http.Request tokenRequest(
            Endpoint endpoint, Access access, URI asked, Challenge challenge, Optional<Credential> credential) {
        URI realm = realm(endpoint, asked, challenge);
        Optional<String> service = challenge.parameter("service");
        List<String> scopes = scopes(endpoint, access, challenge);
        if (credential.isPresent() && credential.get() instanceof Credential.IdentityToken(String token, var _)) {
            String form = Stream.concat(
                            Stream.of("grant_type=refresh_token", "client_id=berth", "refresh_token=" + encode(token)),
                            Stream.concat(
                                    service.map(name -> "service=" + encode(name)).stream(),
                                    scopes.isEmpty()
                                            ? Stream.of()
                                            : Stream.of("scope=" + encode(String.join(" ", scopes)))))
                    .collect(Collectors.joining("&"));
            Map<String, String> headers =
                    Map.of("Accept", "application/json", "Content-Type", "application/x-www-form-urlencoded");
            return new Http.Request("POST", realm, headers, Optional.empty())
                    .to(security(endpoint, realm))
                    .with(Body.secret(form));
        }
        String query = Stream.concat(
                        service.map(name -> "service=" + encode(name)).stream(),
                        scopes.stream().map(scope -> "scope=" + encode(scope)))
                .collect(Collectors.joining("&"));
        URI uri = query.isEmpty() ? realm : URI.create(realm + (realm.getRawQuery() == null ? "?" : "&") + query);
        return new Http.Request("GET", uri, Map.of("Accept", "application/json"), credential.flatMap(Tokens::basic))
                .to(security(endpoint, realm));
    }

    /** What the site says of a registry's certificate goes for that machine: its word for another one's would be anybody's. */
    private static Endpoint.Security security(Endpoint endpoint, URI realm) {
        String own = URI.create("https://" + endpoint.host()).getHost();
        return own != null && own.equalsIgnoreCase(realm.getHost()) ? endpoint.security() : Endpoint.Security.VERIFIED;
    }

    /** What the registry wants, or what the operation needs where it names nothing; a push asks for both at once. */
    private static List<String> scopes(Endpoint endpoint, Access access, Challenge challenge) {
        String prefix = "repository:%s:".formatted(endpoint.repository());
        Optional<String> own =
                endpoint.repository().isEmpty() ? Optional.empty() : Optional.of(prefix + access.actions);
        List<String> wanted = challenge
                .parameter("scope")
                .filter(scope -> !scope.isBlank())
                .map(scope -> List.of(scope.strip().split(" +")))
                .orElse(List.of());
        if (wanted.isEmpty()) {
            return own.stream().toList();
        }
        return access == Access.PULL
                ? wanted
                : Stream.concat(wanted.stream().filter(scope -> !scope.startsWith(prefix)), own.stream())
                        .toList();
    }

    /**
     * The URL to ask for a token.
     *
     * @throws RegistryException if the realm is not a web address, or would send a password of an https registry in
     *     clear
     */
    private static URI realm(Endpoint endpoint, URI asked, Challenge challenge) {
        String text = challenge.parameter("realm").orElse("");
        URI realm;
        try {
            realm = URI.create(text);
        } catch (IllegalArgumentException e) {
            throw badRealm(endpoint, text);
        }
        boolean inClear = "http".equals(realm.getScheme()) && !asked.getScheme().equals("http");
        if (!Http.isWeb(realm) || inClear || realm.getRawFragment() != null) {
            throw badRealm(endpoint, text);
        }
        return realm;
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static RegistryException badRealm(Endpoint endpoint, String realm) {
        return new RegistryException("registry %s: it wants a login at '%s', which is not a place to send one to"
                .formatted(endpoint.registry(), Words.clean(realm)));
    }

    private static String token(Endpoint endpoint, byte[] body) {
        try {
            JsonObject root = JsonObject.parse(body, "token");
            return root.text("token")
                    .or(() -> root.text("access_token"))
                    .flatMap(Tokens::ofHeader)
                    .orElseThrow(() -> new ImageException("no token"));
        } catch (ImageException e) {
            throw new RegistryException(
                    "registry %s: its token server sent no token".formatted(endpoint.registry()), e);
        }
    }

    /** A token as it can stand in a header. */
    private static Optional<String> ofHeader(String token) {
        return Optional.of(token).filter(text -> text.matches("[\\x21-\\x7e]{1,65536}"));
    }

    private RegistryException refused(Endpoint endpoint, URI realm, Http.Answer answer, byte[] body) {
        String said = Words.errorText(body, answer.mediaType())
                .map(text -> ": " + text)
                .orElse("");
        String message = "registry %s: its token server %s answered %d, asked %s%s"
                .formatted(endpoint.registry(), realm.getHost(), answer.status(), identity(endpoint), said);
        RegistryException failure = new RegistryException(message);
        if (answer.status() == 429 || answer.status() >= 500) {
            failure.passing();
        }
        return answer.status() == 401 || answer.status() == 403
                ? failure.hint("check the user name and the password or token for " + endpoint.registry())
                : failure;
    }
}
