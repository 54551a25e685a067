package org.berth.registry;

import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import org.berth.error.BerthException;
import org.berth.error.ImageException;
import org.berth.error.RegistryException;
import org.berth.oci.ConfigReader;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageConfig;
import org.berth.oci.ImageReference;
import org.berth.oci.Index;
import org.berth.oci.LayerSource;
import org.berth.oci.Manifest;
import org.berth.oci.ManifestDocument;
import org.berth.oci.ManifestReader;
import org.berth.oci.MediaTypes;
import org.berth.oci.Platform;
import org.berth.oci.Platforms;
import org.berth.oci.VerifyingInputStream;

/**
 * Pulls from registries (OCI distribution specification 1.1, pull). May be used from several threads.
 *
 * <p>Nothing that a registry says is believed: documents and blobs are what their digests say, or an error.
 */
public final class RegistryClient implements AutoCloseable {
    /** A real index has two levels at most; each further one costs a request. */
    private static final int MAX_INDEX_DEPTH = 4;

    private static final int MAX_DOCUMENTS = 16;
    private static final int MAX_ERROR_BODY = 1 << 16;
    private static final Set<Integer> TRANSIENT = Set.of(408, 429, 500, 502, 503, 504);
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes\\s+(\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");
    private static final String ACCEPT = String.join(", ", MediaTypes.MANIFESTS);

    private final RegistrySettings settings;
    private final Http http;
    private final Credentials credentials;
    private final Tokens tokens;
    private final Map<String, String> schemes = new ConcurrentHashMap<>();

    public RegistryClient(RegistrySettings settings, Credentials credentials) {
        this.settings = settings;
        this.http = new Http(settings);
        this.credentials = credentials;
        this.tokens = new Tokens(http, settings, credentials);
    }

    /**
     * The digest that a name stands for now; one small request, none if the name has a digest.
     *
     * <p>It is what the registry says and not verified: good to look for something that is known, not to name something
     * new. For that there is {@link ResolvedImage#digest()}.
     */
    public Digest digest(ImageReference image) {
        return image.digest()
                .or(() -> headDigest(image))
                .orElseGet(() -> document(image, DocumentStore.NONE).digest());
    }

    /**
     * Registries that know no HEAD, or send no digest with it, are asked by GET; so is one whose refusal needs words.
     */
    private Optional<Digest> headDigest(ImageReference image) {
        try (Http.Answer answer = request(image, "HEAD", manifestPath(image), Map.of("Accept", ACCEPT), doing(image))) {
            return answer.status() == 200
                    ? answer.header("Docker-Content-Digest").flatMap(RegistryClient::validDigest)
                    : Optional.empty();
        }
    }

    private static Optional<Digest> validDigest(String text) {
        try {
            return Optional.of(Digest.parse(text));
        } catch (ImageException e) {
            return Optional.empty();
        }
    }

    /**
     * Reads the manifest for a platform and its configuration.
     *
     * <p>An image that is not in an index is taken as it is; the caller compares {@code config().platform()}.
     *
     * @param store asked before the registry for what is named by digest, and given what is fetched
     * @throws RegistryException if the registry fails or refuses
     * @throws ImageException if what it sends is not an image for that platform
     */
    public ResolvedImage resolve(ImageReference image, Platform platform, DocumentStore store) {
        ManifestDocument top = document(image, store);
        Manifest manifest =
                select(image, top, platform, store, new Budget(), 0).orElseThrow(() -> noChild(image, top, platform));
        ManifestReader.requireImage(manifest, image.toString());
        ImageConfig config = config(image, manifest, store);
        ConfigReader.requireFits(config, manifest, image.toString());
        return new ResolvedImage(image, top.digest(), manifest, config);
    }

    private static final class Budget {
        private int documents = MAX_DOCUMENTS;
    }

    private Optional<Manifest> select(
            ImageReference image,
            ManifestDocument document,
            Platform platform,
            DocumentStore store,
            Budget budget,
            int depth) {
        return switch (document) {
            case Manifest manifest -> Optional.of(manifest);
            case Index index -> {
                for (Descriptor candidate : Platforms.candidates(index, platform)) {
                    if (depth == MAX_INDEX_DEPTH || budget.documents-- == 0) {
                        throw new ImageException("%s: indexes in indexes, more than %d deep or %d in all"
                                .formatted(image, MAX_INDEX_DEPTH, MAX_DOCUMENTS));
                    }
                    ManifestDocument child = document(image.at(candidate.digest()), store);
                    Optional<Manifest> found = select(image, child, platform, store, budget, depth + 1);
                    if (found.isPresent()) {
                        yield found;
                    }
                }
                yield Optional.empty();
            }
        };
    }

    private static ImageException noChild(ImageReference image, ManifestDocument top, Platform platform) {
        ImageException failure =
                new ImageException("no child with platform %s in index %s".formatted(platform, image.name()));
        return top instanceof Index index
                ? failure.hint("it offers: " + Words.clean(Platforms.offered(index)))
                : failure;
    }

    private ImageConfig config(ImageReference image, Manifest manifest, DocumentStore store) {
        Descriptor descriptor = manifest.config();
        String what = "configuration %s of %s".formatted(descriptor.digest(), image.name());
        if (descriptor.size() > ConfigReader.MAX_BYTES) {
            throw new ImageException("%s: larger than %d bytes".formatted(what, ConfigReader.MAX_BYTES));
        }
        Optional<byte[]> kept = store.document(descriptor.digest(), ConfigReader.MAX_BYTES);
        if (kept.isPresent()) {
            return ConfigReader.read(kept.get(), what);
        }
        byte[] bytes;
        try (var stream = blobs(image).open(descriptor)) {
            bytes = stream.readAllBytes();
        } catch (IOException e) {
            throw failure(image, "reading " + what, e, 1);
        }
        ImageConfig config = ConfigReader.read(bytes, what);
        store.keep(descriptor.digest(), bytes);
        return config;
    }

    /** The repository's blobs: verified, and taken up again where a connection broke. */
    public LayerSource blobs(ImageReference image) {
        return blob -> new VerifyingInputStream(
                new BlobStream(this, image, blob, new Attempts(settings.retries())), blob, image.name());
    }

    /** A manifest or index, whose digest is verified if the name has one, and else is that of the bytes received. */
    private ManifestDocument document(ImageReference image, DocumentStore store) {
        String what = "manifest %s of %s".formatted(image.version(), image.name());
        Optional<byte[]> kept = image.digest().flatMap(digest -> store.document(digest, ManifestReader.MAX_BYTES));
        if (kept.isPresent()) {
            return ManifestReader.read(kept.get(), "", image.digest().orElseThrow(), what);
        }
        try (Http.Answer answer = request(image, "GET", manifestPath(image), Map.of("Accept", ACCEPT), doing(image))) {
            if (answer.status() != 200) {
                throw failure(image, doing(image), Refusal.read(answer));
            }
            byte[] bytes = answer.body().readNBytes(ManifestReader.MAX_BYTES + 1);
            if (bytes.length > ManifestReader.MAX_BYTES) {
                throw new ImageException("%s: larger than %d bytes".formatted(what, ManifestReader.MAX_BYTES));
            }
            if (answer.mediaType().contains("html")) {
                throw new RegistryException("%s in %s: registry %s answered with a web page"
                                .formatted(doing(image), image.name(), image.registry()))
                        .hint("check that this is the address of a registry");
            }
            Optional<Digest> announced = answer.header("Docker-Content-Digest").flatMap(RegistryClient::validDigest);
            Digest digest = verified(image, bytes, announced);
            if (image.digest().isEmpty()
                    && announced.filter(name -> !name.equals(digest)).isPresent()) {
                return announced(image, announced.get(), digest, store);
            }
            ManifestDocument document = ManifestReader.read(bytes, answer.mediaType(), digest, what);
            store.keep(digest, bytes);
            return document;
        } catch (IOException e) {
            throw failure(image, doing(image), e, 1);
        }
    }

    /** The digest of the bytes, by the algorithm that the name or else the registry uses. */
    private static Digest verified(ImageReference image, byte[] bytes, Optional<Digest> announced) {
        Digest found = image.digest()
                .or(() -> announced)
                .map(digest -> Digest.of(digest.algorithm(), digest.hasher().digest(bytes)))
                .orElseGet(() -> Digest.sha256(bytes));
        if (image.digest().filter(digest -> !digest.equals(found)).isPresent()) {
            throw new ImageException("manifest %s of %s has other bytes, their digest is %s"
                    .formatted(image.version(), image.name(), found));
        }
        return found;
    }

    /**
     * What a registry calls by a digest that the bytes it sent do not have. The tag may have moved in between, so the
     * digest is asked for; what it says in the end must fit.
     */
    private ManifestDocument announced(ImageReference image, Digest announced, Digest found, DocumentStore store) {
        try {
            return document(image.at(announced), store);
        } catch (BerthException e) {
            throw new ImageException(
                    "manifest %s of %s: the registry calls it %s, but its bytes have the digest %s"
                            .formatted(image.version(), image.name(), announced, found),
                    e);
        }
    }

    private static String manifestPath(ImageReference image) {
        return "/v2/%s/manifests/%s".formatted(image.repository(), image.version());
    }

    private static String doing(ImageReference image) {
        return "reading manifest " + image.version();
    }

    /** Opens a blob at an offset, whatever the registry makes of ranges. */
    Http.Answer openBlob(ImageReference image, Descriptor blob, long offset) throws IOException {
        String doing = "reading blob " + blob.digest();
        Map<String, String> headers = new HashMap<>();
        if (offset > 0) {
            headers.put("Range", "bytes=%d-".formatted(offset));
        }
        String path = "/v2/%s/blobs/%s".formatted(image.repository(), blob.digest());
        Http.Answer answer = request(image, "GET", path, headers, doing);
        boolean whole = answer.status() == 200;
        if (!whole && !(offset > 0 && answer.status() == 206)) {
            Refusal refusal = Refusal.read(answer);
            if (refusal.status() == 416) {
                throw new EOFException("the registry has no more than %d bytes".formatted(offset));
            }
            throw failure(image, doing, refusal);
        }
        Optional<Long> total = whole ? contentLength(answer) : total(answer, offset);
        if (total.filter(length -> length != blob.size()).isPresent()) {
            answer.close();
            throw new ImageException("%s in %s: the registry has %d bytes, the manifest says %d"
                    .formatted(doing, image.name(), total.get(), blob.size()));
        }
        if (whole) {
            // The registry ignored the range. The kept part is already hashed, so what differs now shows in the digest.
            answer.body().skipNBytes(offset);
        }
        return answer;
    }

    private static Optional<Long> contentLength(Http.Answer answer) {
        return answer.header("Content-Length")
                .filter(text -> text.matches("\\d{1,18}"))
                .map(Long::valueOf);
    }

    /** The size that a Content-Range names, if it begins where it must. */
    private static Optional<Long> total(Http.Answer answer, long offset) throws IOException {
        Matcher range =
                CONTENT_RANGE.matcher(answer.header("Content-Range").orElse("").strip());
        if (!range.matches() || Long.parseLong(range.group(1)) != offset) {
            answer.close();
            throw new IOException("the registry sent another part than the one asked for");
        }
        return Optional.of(range.group(3)).filter(size -> !size.equals("*")).map(Long::valueOf);
    }

    /** Sends a request until it is answered by anything but a passing failure; answers challenges on the way. */
    private Http.Answer request(
            ImageReference image, String method, String path, Map<String, String> headers, String doing) {
        URI uri = URI.create(scheme(image) + "://" + image.host() + path);
        Attempts attempts = new Attempts(settings.retries());
        boolean renewed = false;
        try {
            while (true) {
                Optional<String> authorization = tokens.current(image);
                Http.Answer answer;
                try {
                    answer = http.send(new Http.Request(method, uri, headers, authorization));
                } catch (InterruptedIOException e) {
                    throw e;
                } catch (IOException e) {
                    if (isFinal(e) || !attempts.again(Optional.empty())) {
                        throw failure(image, doing, e, attempts.failures());
                    }
                    continue;
                }
                boolean challenged = answer.status() == 401 && !renewed && Http.sameOrigin(uri, answer.uri());
                if (!challenged && !isTransient(answer.status())) {
                    return answer;
                }
                Refusal refusal = Refusal.read(answer);
                if (challenged) {
                    renewed = true;
                    if (!tokens.renew(image, uri, answer.headers().allValues("WWW-Authenticate"), authorization)) {
                        throw failure(image, doing, refusal);
                    }
                } else if (!attempts.again(retryAfter(answer))) {
                    throw failure(image, doing, refusal);
                }
            }
        } catch (IOException e) {
            throw failure(image, doing, e, attempts.failures());
        }
    }

    static boolean isTransient(int status) {
        return TRANSIENT.contains(status);
    }

    static Optional<Duration> retryAfter(Http.Answer answer) {
        return answer.header("Retry-After").flatMap(value -> Attempts.retryAfter(value, Instant.now()));
    }

    /** What a second try would not change. */
    private static boolean isFinal(IOException failure) {
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

    /**
     * The scheme for a registry. For the name localhost HTTP is tried first, as a registry on one's own machine rarely
     * has a certificate; one that does closes the connection or answers 400.
     */
    private String scheme(ImageReference image) {
        String host = image.host();
        return switch (settings.transport()) {
            case HTTP -> "http";
            case HTTPS ->
                host.equals("localhost") || host.startsWith("localhost:")
                        ? schemes.computeIfAbsent(host, this::probe)
                        : "https";
        };
    }

    private String probe(String host) {
        URI uri = URI.create("http://" + host + "/v2/");
        try (Http.Answer answer = http.send(new Http.Request("GET", uri, Map.of(), Optional.empty()))) {
            return answer.status() == 400 ? "https" : "http";
        } catch (ConnectException e) {
            return "http";
        } catch (IOException e) {
            return "https";
        }
    }

    /**
     * An answer that is not the one asked for.
     *
     * @param said by the registry, fit to be shown
     */
    private record Refusal(int status, boolean page, Optional<String> said) {
        /** Reads the body (bounded) and closes the answer. */
        static Refusal read(Http.Answer answer) {
            byte[] body;
            try (answer) {
                body = answer.body().readNBytes(MAX_ERROR_BODY);
            } catch (IOException e) {
                body = new byte[0];
            }
            return new Refusal(
                    answer.status(), answer.mediaType().contains("html"), Words.errorText(body, answer.mediaType()));
        }

        String saidAfterColon() {
            return said.map(text -> ": " + text).orElse("");
        }
    }

    private RegistryException failure(ImageReference image, String doing, Refusal refusal) {
        String where = "%s in %s".formatted(doing, image.name());
        return switch (refusal.status()) {
            case 401 -> denied(image, where, refusal.said().orElse("authentication required"));
            case 403 -> denied(image, where, refusal.said().orElse("requested access to the resource is denied"));
            case 404 -> {
                String missing = doing.startsWith("reading blob") ? "blob unknown" : "manifest unknown";
                RegistryException failure = new RegistryException(
                        "%s: %s".formatted(where, refusal.said().orElse(missing)));
                yield refusal.page()
                        ? failure.hint("check that %s is the address of a registry".formatted(image.registry()))
                        : failure;
            }
            case 429 ->
                new RegistryException("%s: registry %s answered 429, too many requests %s%s"
                                .formatted(where, image.registry(), tokens.identity(image), refusal.saidAfterColon()))
                        .hint("who logs in may pull more: set DOCKER_USERNAME and DOCKER_PASSWORD");
            default ->
                new RegistryException("%s: registry %s answered %d%s"
                        .formatted(where, image.registry(), refusal.status(), refusal.saidAfterColon()));
        };
    }

    private RegistryException denied(ImageReference image, String where, String reason) {
        return new RegistryException("%s: %s (registry %s, asked %s)"
                        .formatted(where, reason, image.registry(), tokens.identity(image)))
                .hint(
                        credentials.forRegistry(image.registry()).isPresent()
                                ? "check the password, and that the repository exists and this user may pull from it"
                                : "what is not public needs a login: set DOCKER_USERNAME and DOCKER_PASSWORD");
    }

    /** A connection that failed, in words. */
    BerthException failure(ImageReference image, String doing, IOException cause, int tries) {
        String where = "%s in %s: registry %s: ".formatted(doing, image.name(), image.registry());
        if (isUnknownHost(cause)) {
            return new RegistryException(where + "no such host", cause);
        }
        if (isRefused(cause)) {
            return new RegistryException(where + "connection refused", cause)
                    .hint("check the address, and that the registry is running");
        }
        if (cause instanceof SSLException) {
            return insecure(where, cause);
        }
        if (cause instanceof HttpConnectTimeoutException) {
            RegistryException failure = new RegistryException(where + "connecting timed out", cause);
            return settings.transport() == RegistrySettings.Transport.HTTPS
                    ? failure.hint("a registry without encryption is used with --no-https, one behind a proxy with"
                            + " https_proxy")
                    : failure;
        }
        String reason =
                Optional.ofNullable(cause.getMessage()).map(Words::clean).orElse("the connection broke");
        return new RegistryException(where + reason + (tries > 1 ? " (tried %d times)".formatted(tries) : ""), cause);
    }

    private static RegistryException insecure(String where, IOException cause) {
        String reason = Words.clean(String.valueOf(cause.getMessage()));
        String lower = reason.toLowerCase(Locale.ROOT);
        if (lower.contains("unrecognized ssl message")) {
            return new RegistryException(where + "server gave HTTP response to HTTPS client", cause)
                    .hint("a registry without encryption is used with --no-https");
        }
        RegistryException failure = new RegistryException(where + "no secure connection: " + reason, cause);
        return lower.contains("certif") || lower.contains("pkix")
                ? failure.hint("its certificate is not one that this machine trusts")
                : failure.hint("if it is a registry without encryption, use --no-https");
    }

    @Override
    public void close() {
        http.close();
    }
}
