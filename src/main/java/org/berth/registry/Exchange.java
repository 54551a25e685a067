package org.berth.registry;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import org.berth.error.BerthException;
import org.berth.error.RegistryException;

/**
 * Requests to registries: the right scheme, answers to challenges, tries after passing failures, and failures in words.
 */
final class Exchange implements AutoCloseable {
    private static final int MAX_ERROR_BODY = 1 << 16;
    private static final Set<Integer> TRANSIENT = Set.of(408, 429, 500, 502, 503, 504);
    private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("HH:mm", Locale.ROOT);
    private static final DateTimeFormatter DAY_AND_CLOCK = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT);

    private final RegistrySettings settings;
    private final Http http;
    private final Tokens tokens;
    private final Map<Endpoint, String> schemes = new ConcurrentHashMap<>();
    private final Set<Endpoint> answered = ConcurrentHashMap.newKeySet();
    private volatile Optional<RateLimit> limit = Optional.empty();

    Exchange(RegistrySettings settings, Credentials credentials) {
        this.settings = settings;
        this.http = new Http(settings);
        this.tokens = new Tokens(http, settings, credentials);
    }

    /** What was last heard of a limit of pulls. */
    Optional<RateLimit> limit() {
        return limit;
    }

    boolean isAuthorized(Endpoint endpoint) {
        return tokens.current(endpoint).isPresent();
    }

    URI uri(Endpoint endpoint, String path) {
        return URI.create(scheme(endpoint) + "://" + endpoint.host() + path);
    }

    /**
     * Sends a request until it is answered by anything but a passing failure.
     *
     * @throws RegistryException if it never is
     */
    Http.Answer request(Endpoint endpoint, String method, String path, Map<String, String> headers, Doing doing) {
        return request(endpoint, new Http.Request(method, uri(endpoint, path), headers, Optional.empty()), doing);
    }

    Http.Answer request(Endpoint endpoint, Http.Request request, Doing doing) {
        Attempts attempts = new Attempts(settings.retries());
        try {
            return persistently(
                    attempts,
                    () -> {
                        Http.Answer answer = once(endpoint, request, doing);
                        answered.add(endpoint);
                        return answer;
                    },
                    () -> answered.contains(endpoint));
        } catch (GivenUp e) {
            throw failure(endpoint, doing, e.refusal());
        } catch (IOException e) {
            throw failure(endpoint, doing, e, attempts.failures());
        }
    }

    /** One try of a request. */
    interface Try {
        Http.Answer send() throws IOException;
    }

    /** The last passing refusal, when there are no more tries. */
    static final class GivenUp extends IOException {
        private final transient Refusal refusal;

        GivenUp(Refusal refusal) {
            super("refused with status %d".formatted(refusal.status()));
            this.refusal = refusal;
        }

        Refusal refusal() {
            return refusal;
        }
    }

    /**
     * Tries until there is an answer other than a passing failure.
     *
     * @throws IOException the last failure, if there never is; {@link GivenUp} if that was an answer
     */
    static Http.Answer persistently(Attempts attempts, Try request) throws IOException {
        return persistently(attempts, request, () -> false);
    }

    /** @param known whether it has answered before: one that refuses connections then is being restarted */
    private static Http.Answer persistently(Attempts attempts, Try request, BooleanSupplier known) throws IOException {
        while (true) {
            Http.Answer answer;
            try {
                answer = request.send();
            } catch (InterruptedIOException e) {
                throw e;
            } catch (IOException e) {
                boolean again = known.getAsBoolean() && isRefused(e)
                        ? attempts.afterRestart()
                        : !isFinal(e) && attempts.again(Optional.empty());
                if (!again) {
                    throw e;
                }
                continue;
            }
            if (!isTransient(answer.status())) {
                return answer;
            }
            Refusal refusal = Refusal.read(answer);
            if (!attempts.again(refusal.retryAfter())) {
                throw new GivenUp(refusal);
            }
        }
    }

    /** Sends a request once, and a second time if the registry asks who we are. */
    Http.Answer once(Endpoint endpoint, Http.Request request, Doing doing) throws IOException {
        boolean own = Http.sameOrigin(uri(endpoint, "/"), request.uri());
        Http.Request sent = request.to(own ? endpoint.security() : Endpoint.Security.VERIFIED);
        boolean renewed = false;
        while (true) {
            Optional<String> authorization = own ? tokens.current(endpoint) : Optional.empty();
            Http.Answer answer = http.send(sent.authorized(authorization));
            RateLimit.of(endpoint.registry(), answer.headers()).ifPresent(heard -> limit = Optional.of(heard));
            boolean challenged =
                    own && answer.status() == 401 && !renewed && Http.sameOrigin(request.uri(), answer.uri());
            if (!challenged) {
                return answer;
            }
            renewed = true;
            Refusal refusal = Refusal.read(answer);
            if (!tokens.renew(
                    endpoint,
                    doing.access(),
                    request.uri(),
                    answer.headers().allValues("WWW-Authenticate"),
                    authorization)) {
                throw failure(endpoint, doing, refusal);
            }
        }
    }

    /** What an operation does, for messages. */
    record Doing(String text, Tokens.Access access) {
        static Doing pulling(String text) {
            return new Doing(text, Tokens.Access.PULL);
        }

        static Doing pushing(String text) {
            return new Doing(text, Tokens.Access.PUSH);
        }
    }

    static boolean isTransient(int status) {
        return TRANSIENT.contains(status);
    }

    static Optional<Duration> retryAfter(Http.Answer answer) {
        return answer.header("Retry-After").flatMap(value -> Attempts.retryAfter(value, Instant.now()));
    }

    /** What a second try would not change. */
    static boolean isFinal(IOException failure) {
        return failure instanceof Http.BadRedirect
                || failure instanceof SSLException
                || failure instanceof HttpConnectTimeoutException
                || (failure instanceof ConnectException && (isRefused(failure) || isUnknownHost(failure)));
    }

    private static boolean isRefused(IOException failure) {
        return causes(failure).stream()
                        .anyMatch(cause -> String.valueOf(cause.getMessage()).contains("Connection refused"))
                || failure.getClass() == ConnectException.class && failure.getMessage() == null;
    }

    private static boolean isUnknownHost(IOException failure) {
        return causes(failure).stream()
                .anyMatch(
                        cause -> cause instanceof UnresolvedAddressException || cause instanceof UnknownHostException);
    }

    private static List<Throwable> causes(Throwable failure) {
        return Stream.iterate(failure, cause -> cause != null, Throwable::getCause)
                .limit(8)
                .toList();
    }

    private String scheme(Endpoint endpoint) {
        if (settings.transport() == RegistrySettings.Transport.HTTP) {
            return "http";
        }
        if (endpoint.security() == Endpoint.Security.UNVERIFIED) {
            return schemes.computeIfAbsent(endpoint, this::probeTls);
        }
        return isTriedInClear(endpoint.host()) ? schemes.computeIfAbsent(endpoint, this::probeClear) : "https";
    }

    /** A registry on one's own machine rarely has a certificate. */
    private boolean isTriedInClear(String host) {
        String name = host.replaceFirst(":[0-9]+$", "");
        return switch (settings.transport()) {
            case HTTP -> true;
            case HTTPS -> name.equals("localhost");
            case HTTPS_OR_LOOPBACK ->
                name.equals("localhost") || name.matches("127(\\.[0-9]{1,3}){3}") || name.equals("[::1]");
        };
    }

    /** A registry that does speak TLS closes the connection or answers 400. */
    private String probeClear(Endpoint endpoint) {
        URI uri = URI.create("http://" + endpoint.host() + "/v2/");
        try (Http.Answer answer = http.send(new Http.Request("GET", uri, Map.of(), Optional.empty()))) {
            return answer.status() == 400 ? "https" : "http";
        } catch (ConnectException e) {
            return "http";
        } catch (IOException e) {
            return "https";
        }
    }

    private String probeTls(Endpoint endpoint) {
        URI uri = URI.create("https://" + endpoint.host() + "/v2/");
        try (Http.Answer _ =
                http.send(new Http.Request("GET", uri, Map.of(), Optional.empty()).to(endpoint.security()))) {
            return "https";
        } catch (IOException e) {
            return "http";
        }
    }

    /**
     * An answer that is not the one asked for.
     *
     * @param said by the registry, fit to be shown
     */
    record Refusal(int status, boolean page, Optional<String> said, Optional<Duration> retryAfter) {
        /** Reads the body (bounded) and closes the answer. */
        static Refusal read(Http.Answer answer) {
            byte[] body;
            try (answer) {
                body = answer.body().readNBytes(MAX_ERROR_BODY);
            } catch (IOException e) {
                body = new byte[0];
            }
            return new Refusal(
                    answer.status(),
                    answer.mediaType().contains("html"),
                    Words.errorText(body, answer.mediaType()),
                    Exchange.retryAfter(answer));
        }

        String saidAfterColon() {
            return said.map(text -> ": " + text).orElse("");
        }
    }

    RegistryException failure(Endpoint endpoint, Doing doing, Refusal refusal) {
        String where = "%s in %s".formatted(doing.text(), endpoint.name());
        return switch (refusal.status()) {
            case 401 -> denied(endpoint, where, refusal.said().orElse("authentication required"));
            case 403 -> denied(endpoint, where, refusal.said().orElse("requested access to the resource is denied"));
            case 404 -> {
                String missing = doing.text().startsWith("reading blob") ? "blob unknown" : "manifest unknown";
                RegistryException failure = new RegistryException(
                        "%s: %s".formatted(where, refusal.said().orElse(missing)));
                yield refusal.page()
                        ? failure.hint("check that %s is the address of a registry".formatted(endpoint.registry()))
                        : failure;
            }
            case 429 -> tooMany(endpoint, where, refusal).passing();
            default -> {
                RegistryException failure = new RegistryException("%s: registry %s answered %d%s"
                        .formatted(where, endpoint.registry(), refusal.status(), refusal.saidAfterColon()));
                yield refusal.status() >= 500 ? failure.passing() : failure;
            }
        };
    }

    private RegistryException denied(Endpoint endpoint, String where, String reason) {
        return new RegistryException("%s: %s (registry %s, asked %s)"
                        .formatted(where, reason, endpoint.registry(), tokens.identity(endpoint)))
                .hint(
                        tokens.isAnonymous(endpoint)
                                ? "what is not public needs a login: " + loginCommand(endpoint)
                                : "check the password, and that the repository exists and this user may use it;"
                                        + " --docker-login tries another one");
    }

    private static String loginCommand(Endpoint endpoint) {
        return "berth registry login --username NAME docker://" + endpoint.registry();
    }

    private RegistryException tooMany(Endpoint endpoint, String where, Refusal refusal) {
        String limited = limit.filter(heard -> heard.registry().equals(endpoint.registry()))
                .map(heard -> ", " + heard.text())
                .orElse("");
        String again = refusal.retryAfter()
                .or(() -> limit.map(RateLimit::window).filter(window -> !window.isZero()))
                .map(wait -> refusal.retryAfter().isPresent()
                        ? ", again at " + clock(wait)
                        : ", again before " + clock(wait))
                .orElse("");
        RegistryException failure =
                new RegistryException("%s: registry %s answered 429, too many requests, asked %s%s%s%s"
                        .formatted(
                                where,
                                endpoint.registry(),
                                tokens.identity(endpoint),
                                limited,
                                again,
                                refusal.saidAfterColon()));
        return tokens.isAnonymous(endpoint)
                ? failure.hint("who logs in may pull more: " + loginCommand(endpoint))
                : failure.hint("pull once into a file and run that, or use a mirror");
    }

    private static String clock(Duration wait) {
        Instant then = Instant.now().plus(wait);
        DateTimeFormatter format = wait.compareTo(Duration.ofHours(12)) < 0 ? CLOCK : DAY_AND_CLOCK;
        return format.format(then.atZone(ZoneId.systemDefault()));
    }

    /** A connection that failed, in words. */
    BerthException failure(Endpoint endpoint, Doing doing, IOException cause, int tries) {
        String where = "%s in %s: registry %s: ".formatted(doing.text(), endpoint.name(), endpoint.registry());
        if (cause instanceof SSLException) {
            return insecure(where, cause);
        }
        RegistryException failure = new RegistryException(
                where + reason(cause) + (tries > 1 && !isFinal(cause) ? " (tried %d times)".formatted(tries) : ""),
                cause);
        if (!(cause instanceof Http.BadRedirect)) {
            failure.passing();
        }
        if (isRefused(cause)) {
            return failure.hint("check the address, and that the registry is running");
        }
        boolean clear = settings.transport() == RegistrySettings.Transport.HTTP;
        return cause instanceof HttpConnectTimeoutException && !clear
                ? failure.hint("a registry without encryption is used with --no-https, one behind a proxy with"
                        + " https_proxy")
                : failure;
    }

    /** A connection that failed, in a few words. */
    static String reason(IOException cause) {
        if (isUnknownHost(cause)) {
            return "no such host";
        }
        if (isRefused(cause)) {
            return "connection refused";
        }
        if (cause instanceof HttpConnectTimeoutException) {
            return "connecting timed out";
        }
        return cause instanceof SSLException
                ? "no secure connection: " + TlsFault.of(cause).reason()
                : Optional.ofNullable(cause.getMessage()).map(Words::clean).orElse("the connection broke");
    }

    private static RegistryException insecure(String where, IOException cause) {
        if (String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT).contains("unrecognized ssl message")) {
            return new RegistryException(where + "server gave HTTP response to HTTPS client", cause)
                    .hint("a registry without encryption is used with --no-https");
        }
        RegistryException failure = new RegistryException(where + reason(cause), cause);
        return TlsFault.of(cause).hint().map(failure::hint).orElse(failure);
    }

    @Override
    public void close() {
        http.close();
    }
}
