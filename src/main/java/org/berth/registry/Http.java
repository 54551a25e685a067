package org.berth.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One exchange: a request, the redirects that follow from it, and the answer's head.
 *
 * <p>Redirects are followed by hand because the JDK's client would carry Authorization along to the storage that a
 * registry sends us to.
 */
final class Http implements AutoCloseable {
    static final int MAX_REDIRECTS = 10;
    private static final int MAX_PORT = 65535;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);

    /** @param authorization the header's value; goes only to the origin of {@code uri} */
    record Request(
            String method,
            URI uri,
            Map<String, String> headers,
            Optional<String> authorization,
            Optional<Body> body,
            Endpoint.Security security) {
        Request(String method, URI uri, Map<String, String> headers, Optional<String> authorization) {
            this(method, uri, headers, authorization, Optional.empty(), Endpoint.Security.VERIFIED);
        }

        Request authorized(Optional<String> value) {
            return new Request(method, uri, headers, value, body, security);
        }

        Request to(Endpoint.Security peer) {
            return new Request(method, uri, headers, authorization, body, peer);
        }

        Request with(Body content) {
            return new Request(method, uri, headers, authorization, Optional.of(content), security);
        }
    }

    /**
     * @param uri that answered in the end
     * @param body must be closed
     */
    record Answer(int status, URI uri, HttpHeaders headers, InputStream body) implements AutoCloseable {
        Optional<String> header(String name) {
            return headers.firstValue(name);
        }

        /** The media type without its parameters, in lower case; empty if there is none. */
        String mediaType() {
            return header("Content-Type")
                    .map(value -> value.split(";", 2)[0].strip().toLowerCase(Locale.ROOT))
                    .orElse("");
        }

        @Override
        public void close() {
            try {
                body.close();
            } catch (IOException e) {
                throw new IllegalStateException("closing a body does no input or output", e);
            }
        }
    }

    /** A redirect that must not be followed; trying again would not help. */
    static final class BadRedirect extends IOException {
        BadRedirect(String message) {
            super(message);
        }
    }

    private final RegistrySettings settings;
    private final Map<Endpoint.Security, HttpClient> clients = new ConcurrentHashMap<>();

    Http(RegistrySettings settings) {
        this.settings = settings;
    }

    private HttpClient client(Endpoint.Security security) {
        return clients.computeIfAbsent(security, this::connect);
    }

    /** HTTP/2 gains nothing for a few large bodies, and HTTP/1.1 has fewer ways to fail in the middle of one. */
    private HttpClient connect(Endpoint.Security security) {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(settings.connectTimeout())
                .proxy(settings.proxies().selector())
                .sslContext(
                        switch (security) {
                            case VERIFIED -> settings.trust().context();
                            case UNVERIFIED -> Trust.anybody();
                        })
                .build();
    }

    Answer send(Request request) throws IOException {
        URI uri = request.uri();
        Optional<String> authorization = request.authorization();
        for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
            Answer answer = once(request, uri, authorization);
            Optional<String> location = answer.header("Location");
            if (!REDIRECTS.contains(answer.status()) || location.isEmpty()) {
                return answer;
            }
            answer.close();
            URI next = target(uri, location.get());
            if (!sameOrigin(uri, next)) {
                authorization = Optional.empty();
                if (request.body()
                        .filter(body -> body.shared() == Body.Sharing.SAME_ORIGIN)
                        .isPresent()) {
                    throw new BadRedirect("redirected a request with a secret to " + next.getHost());
                }
            }
            uri = next;
        }
        throw new BadRedirect("redirected more than %d times".formatted(MAX_REDIRECTS));
    }

    static URI target(URI from, String location) throws BadRedirect {
        URI to;
        try {
            to = from.resolve(location.strip());
        } catch (IllegalArgumentException e) {
            throw new BadRedirect("redirected to something that is not a URL");
        }
        String scheme = String.valueOf(to.getScheme());
        if (!isWeb(to)) {
            throw new BadRedirect("redirected to a place that is not on the web (%s)".formatted(Words.clean(scheme)));
        }
        if (from.getScheme().equals("https") && scheme.equals("http")) {
            throw new BadRedirect("redirected from https to http at " + to.getHost());
        }
        return to;
    }

    /** Whether the JDK's client takes it for an address; it has more exceptions for others than it says. */
    static boolean isWeb(URI uri) {
        String scheme = String.valueOf(uri.getScheme());
        return (scheme.equals("http") || scheme.equals("https")) && uri.getHost() != null && uri.getPort() <= MAX_PORT;
    }

    static boolean sameOrigin(URI one, URI other) {
        return one.getScheme().equals(other.getScheme())
                && one.getHost().equalsIgnoreCase(other.getHost())
                && port(one) == port(other);
    }

    private static int port(URI uri) {
        if (uri.getPort() >= 0) {
            return uri.getPort();
        }
        return uri.getScheme().equals("https") ? 443 : 80;
    }

    private Answer once(Request request, URI uri, Optional<String> authorization) throws IOException {
        HttpRequest.Builder builder = HttpRequest.newBuilder(uri)
                .method(request.method(), request.body().map(Body::publisher).orElseGet(BodyPublishers::noBody))
                .header("User-Agent", settings.userAgent());
        request.headers().forEach(builder::header);
        authorization.ifPresent(value -> builder.header("Authorization", value));
        Endpoint.Security security = sameOrigin(request.uri(), uri) ? request.security() : Endpoint.Security.VERIFIED;
        HttpResponse<InputStream> response = head(
                client(security).sendAsync(builder.build(), info -> new BodyStream(settings.idleTimeout())), request);
        return new Answer(response.statusCode(), uri, response.headers(), response.body());
    }

    /** Waits for the head only: a time-out of the JDK's request may cover the body, too, depending on its version. */
    private HttpResponse<InputStream> head(CompletableFuture<HttpResponse<InputStream>> future, Request request)
            throws IOException {
        try {
            long sent = -1;
            while (true) {
                try {
                    return future.get(
                            settings.connectTimeout()
                                    .plus(settings.idleTimeout())
                                    .toMillis(),
                            TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    long now = request.body().map(body -> body.sent().get()).orElse(-1L);
                    if (now <= sent) {
                        future.cancel(true);
                        throw new StalledException(settings.idleTimeout());
                    }
                    sent = now;
                }
            }
        } catch (InterruptedException e) {
            future.cancel(true);
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for the registry");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            }
            throw new IOException(String.valueOf(e.getCause()), e.getCause());
        }
    }

    @Override
    public void close() {
        clients.values().forEach(HttpClient::shutdownNow);
    }
}
