package org.berth.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.berth.error.BerthException;
import org.berth.error.ImageException;
import org.berth.error.RegistryException;
import org.berth.oci.ConfigReader;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageConfig;
import org.berth.oci.ImageNames;
import org.berth.oci.ImageReference;
import org.berth.oci.Index;
import org.berth.oci.LayerSource;
import org.berth.oci.Manifest;
import org.berth.oci.ManifestDocument;
import org.berth.oci.ManifestReader;
import org.berth.oci.MediaTypes;
import org.berth.oci.Platform;
import org.berth.oci.Platforms;
import org.berth.oci.Progress;
import org.berth.oci.VerifyingInputStream;

/**
 * Pulls from and pushes to registries (OCI distribution specification 1.1). May be used from several threads.
 *
 * <p>Nothing that a registry says is believed: documents and blobs are what their digests say, or an error.
 */
public final class RegistryClient implements AutoCloseable {
    /** A real index has two levels at most; each further one costs a request. */
    private static final int MAX_INDEX_DEPTH = 4;

    private static final int MAX_DOCUMENTS = 16;
    private static final String ACCEPT = String.join(", ", MediaTypes.MANIFESTS);

    private final RegistrySettings settings;
    private final ImageNames names;
    private final Exchange exchange;
    private final Consumer<String> warning;
    private final Map<String, Endpoint> chosen = new ConcurrentHashMap<>();

    public RegistryClient(RegistrySettings settings, Credentials credentials) {
        this(settings, credentials, ImageNames.NONE, _ -> {});
    }

    /**
     * @param names told what names stand for, and asked in the registry's place when there is no network
     * @param warning told what is used in the registry's place
     */
    public RegistryClient(
            RegistrySettings settings, Credentials credentials, ImageNames names, Consumer<String> warning) {
        this.warning = warning;
        this.settings = settings;
        this.names = names;
        this.exchange = new Exchange(settings, credentials);
    }

    /** What a registry last said of its limit of pulls; empty if none did. */
    public Optional<RateLimit> rateLimit() {
        return exchange.limit();
    }

    /**
     * The digest that a name stands for now; one small request, none if the name has a digest.
     *
     * <p>It is what the registry says and not verified: good to look for something that is known, not to name something
     * new. For that there is {@link ResolvedImage#digest()}.
     */
    public Digest digest(ImageReference image) {
        if (image.digest().isPresent()) {
            return image.digest().orElseThrow();
        }
        if (settings.reach() == RegistrySettings.Reach.CACHE) {
            return names.find(image).orElseThrow(() -> offline(image.toString(), image));
        }
        try {
            Optional<Digest> announced = headDigest(image);
            announced.ifPresent(digest -> names.remember(image, digest));
            return announced.orElseGet(() -> document(image, DocumentStore.NONE).digest());
        } catch (RegistryException e) {
            return known(image, e);
        }
    }

    /** What the name stood for, where the registry's failure is one that passes. */
    private Digest known(ImageReference image, RegistryException failure) {
        Optional<Digest> known = failure.isPassing() ? names.find(image) : Optional.empty();
        if (known.isEmpty()) {
            throw failure;
        }
        if (settings.reach() != RegistrySettings.Reach.NETWORK_OR_CACHE) {
            String first = failure.hint().map(hint -> hint + "; ").orElse("");
            throw failure.hint(first + "--offline uses what the cache has under that name");
        }
        warning.accept("%s; %s is used, which %s was %s"
                .formatted(
                        failure.getMessage(),
                        known.orElseThrow(),
                        image,
                        names.seen(image).map(RegistryClient::ago).orElse("before")));
        return known.orElseThrow();
    }

    private static String ago(Instant then) {
        Duration age = Duration.between(then, Instant.now());
        return age.toDays() > 1
                ? age.toDays() + " days ago"
                : age.toHours() > 1 ? age.toHours() + " hours ago" : Math.max(age.toMinutes(), 0) + " minutes ago";
    }

    /**
     * Registries that know no HEAD, or send no digest with it, are asked by GET; so is one whose refusal needs words.
     */
    private Optional<Digest> headDigest(ImageReference image) {
        return atFirst(image, doing(image), endpoint -> {
            try (Http.Answer answer = exchange.request(
                    endpoint, "HEAD", manifestPath(endpoint, image), Map.of("Accept", ACCEPT), doing(image))) {
                return answer.status() == 200
                        ? answer.header("Docker-Content-Digest").flatMap(RegistryClient::validDigest)
                        : Optional.empty();
            }
        });
    }

    private static RegistryException offline(String what, ImageReference image) {
        return new RegistryException("%s is not in the cache, and --offline forbids to ask registry %s"
                        .formatted(what, image.registry()))
                .hint("use it once without --offline");
    }

    private interface Ask<T> {
        Optional<T> at(Endpoint endpoint) throws IOException;
    }

    /**
     * Asks the mirrors and then the registry, until one has an answer. Where a repository was found it is looked for first
     * from then on.
     *
     * @throws BerthException the registry's own failure, if it failed too
     */
    private <T> Optional<T> atFirst(ImageReference image, Exchange.Doing doing, Ask<T> ask) {
        List<Endpoint> endpoints = endpoints(image);
        List<String> failures = new ArrayList<>();
        for (Endpoint endpoint : endpoints) {
            try {
                Optional<T> answer = ask.at(endpoint);
                if (answer.isPresent()) {
                    chosen.put(image.name(), endpoint);
                    return answer;
                }
            } catch (IOException e) {
                failures.add(lastOrNext(endpoints, endpoint, failures, exchange.failure(endpoint, doing, e, 1)));
            } catch (BerthException e) {
                failures.add(lastOrNext(endpoints, endpoint, failures, e));
            }
        }
        return Optional.empty();
    }

    /** The failure of a mirror in words; that of the registry itself is final, and tells of the mirrors. */
    private static String lastOrNext(
            List<Endpoint> endpoints, Endpoint endpoint, List<String> failures, BerthException failure) {
        if (endpoint != endpoints.getLast()) {
            return String.valueOf(failure.getMessage());
        }
        if (failures.isEmpty() || !(failure instanceof RegistryException)) {
            throw failure;
        }
        RegistryException told = new RegistryException(
                "%s; before: %s".formatted(failure.getMessage(), String.join("; ", failures)), failure);
        failure.hint().ifPresent(told::hint);
        if (((RegistryException) failure).isPassing()) {
            told.passing();
        }
        throw told;
    }

    private List<Endpoint> endpoints(ImageReference image) {
        List<Endpoint> endpoints = new ArrayList<>(settings.rules().forPull(image));
        Optional.ofNullable(chosen.get(image.name())).ifPresent(first -> {
            if (endpoints.remove(first)) {
                endpoints.addFirst(first);
            }
        });
        return endpoints;
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
            throw failure(image, descriptor, e, 1);
        }
        ImageConfig config = ConfigReader.read(bytes, what);
        store.keep(descriptor.digest(), bytes);
        return config;
    }

    /** The repository's blobs: verified, and taken up again where a connection broke. */
    public LayerSource blobs(ImageReference image) {
        return new LayerSource() {
            @Override
            public InputStream open(Descriptor blob) {
                return new VerifyingInputStream(remote(blob, 0), blob, image.name());
            }

            @Override
            public InputStream open(Descriptor blob, InputStream start, long length) {
                return new VerifyingInputStream(
                        new SequenceInputStream(start, remote(blob, length)), blob, image.name());
            }

            private InputStream remote(Descriptor blob, long offset) {
                BlobStream.Origin origin = new BlobStream.Origin() {
                    @Override
                    public Http.Answer open(long from) throws IOException {
                        return openBlob(image, blob, from);
                    }

                    @Override
                    public BerthException failure(IOException cause, int tries) {
                        return RegistryClient.this.failure(image, blob, cause, tries);
                    }
                };
                return new BlobStream(origin, blob.size(), new Attempts(settings.retries()), offset);
            }
        };
    }

    /** A manifest or index, whose digest is verified if the name has one, and else is that of the bytes received. */
    private ManifestDocument document(ImageReference image, DocumentStore store) {
        if (settings.reach() == RegistrySettings.Reach.CACHE) {
            ImageReference exact = image.at(digest(image));
            return kept(exact, store).orElseThrow(() -> offline(image.toString(), image));
        }
        return kept(image, store)
                .orElseGet(() -> atFirst(image, doing(image), endpoint -> Optional.of(document(image, endpoint, store)))
                        .orElseThrow());
    }

    private static Optional<ManifestDocument> kept(ImageReference image, DocumentStore store) {
        return image.digest()
                .flatMap(digest -> store.document(digest, ManifestReader.MAX_BYTES))
                .map(bytes -> ManifestReader.read(bytes, "", image.digest().orElseThrow(), what(image)));
    }

    private static String what(ImageReference image) {
        return "manifest %s of %s".formatted(image.version(), image.name());
    }

    private ManifestDocument document(ImageReference image, Endpoint endpoint, DocumentStore store) throws IOException {
        Exchange.Doing doing = doing(image);
        try (Http.Answer answer =
                exchange.request(endpoint, "GET", manifestPath(endpoint, image), Map.of("Accept", ACCEPT), doing)) {
            if (answer.status() != 200) {
                throw exchange.failure(endpoint, doing, Exchange.Refusal.read(answer));
            }
            byte[] bytes = answer.body().readNBytes(ManifestReader.MAX_BYTES + 1);
            if (bytes.length > ManifestReader.MAX_BYTES) {
                throw new ImageException("%s: larger than %d bytes".formatted(what(image), ManifestReader.MAX_BYTES));
            }
            if (answer.mediaType().contains("html")) {
                throw new RegistryException("%s in %s: registry %s answered with a web page"
                                .formatted(doing.text(), endpoint.name(), endpoint.registry()))
                        .hint("check that this is the address of a registry");
            }
            Optional<Digest> announced = answer.header("Docker-Content-Digest").flatMap(RegistryClient::validDigest);
            Digest digest = verified(image, bytes, announced);
            if (image.digest().isEmpty()
                    && announced.filter(name -> !name.equals(digest)).isPresent()) {
                return announced(image, endpoint, announced.get(), digest, store);
            }
            ManifestDocument document = ManifestReader.read(bytes, answer.mediaType(), digest, what(image));
            store.keep(digest, bytes);
            if (image.digest().isEmpty()) {
                names.remember(image, digest);
            }
            return document;
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
    private ManifestDocument announced(
            ImageReference image, Endpoint endpoint, Digest announced, Digest found, DocumentStore store)
            throws IOException {
        try {
            return document(image.at(announced), endpoint, store);
        } catch (BerthException e) {
            throw new ImageException(
                    "manifest %s of %s: the registry calls it %s, but its bytes have the digest %s"
                            .formatted(image.version(), image.name(), announced, found),
                    e);
        }
    }

    private static String manifestPath(Endpoint endpoint, ImageReference image) {
        return "/v2/%s/manifests/%s".formatted(endpoint.repository(), image.version());
    }

    private static Exchange.Doing doing(ImageReference image) {
        return Exchange.Doing.pulling("reading manifest " + image.version());
    }

    private static Exchange.Doing doing(Descriptor blob) {
        return Exchange.Doing.pulling("reading blob " + blob.digest());
    }

    /** Opens a blob at an offset, whatever the registry makes of ranges. */
    private Http.Answer openBlob(ImageReference image, Descriptor blob, long offset) throws IOException {
        if (settings.reach() == RegistrySettings.Reach.CACHE) {
            throw offline("blob %s of %s".formatted(blob.digest(), image), image);
        }
        List<Endpoint> endpoints = endpoints(image);
        List<String> failures = new ArrayList<>();
        for (Endpoint endpoint : endpoints) {
            try {
                return openBlob(endpoint, blob, offset);
            } catch (BerthException e) {
                failures.add(lastOrNext(endpoints, endpoint, failures, e));
            }
        }
        throw new IOException("there is no place to read it from");
    }

    private Http.Answer openBlob(Endpoint endpoint, Descriptor blob, long offset) throws IOException {
        Exchange.Doing doing = doing(blob);
        String path = "/v2/%s/blobs/%s".formatted(endpoint.repository(), blob.digest());
        Http.Answer answer = exchange.request(endpoint, "GET", path, RangedAnswer.headers(offset), doing);
        if (!RangedAnswer.isGiven(answer, offset)) {
            Exchange.Refusal refusal = Exchange.Refusal.read(answer);
            RangedAnswer.requireOffset(refusal.status(), offset);
            throw exchange.failure(endpoint, doing, refusal);
        }
        return RangedAnswer.from(answer, offset, blob, "%s in %s".formatted(doing.text(), endpoint.name()));
    }

    private BerthException failure(ImageReference image, Descriptor blob, IOException cause, int tries) {
        return exchange.failure(endpoints(image).getFirst(), doing(blob), cause, tries);
    }

    /**
     * Reads the manifest of an artifact: something kept in a registry that is not layers of a file system.
     *
     * @param platform chosen where the name stands for an index
     */
    public Manifest artifact(ImageReference reference, Platform platform, DocumentStore store) {
        ManifestDocument top = document(reference, store);
        return select(reference, top, platform, store, new Budget(), 0)
                .orElseThrow(() -> noChild(reference, top, platform));
    }

    /** What a registry made of a login. */
    public enum Login {
        ACCEPTED,
        /** The registry asks nobody who he is, so nothing was checked. */
        NOT_ASKED
    }

    /**
     * Shows this client's credential to a registry.
     *
     * @throws RegistryException if it is refused, or there is no registry
     */
    public Login login(String registry) {
        Endpoint endpoint = settings.rules().forRegistry(registry);
        Exchange.Doing doing = Exchange.Doing.pulling("logging in");
        try (Http.Answer answer = exchange.request(endpoint, "GET", "/v2/", Map.of(), doing)) {
            if (answer.status() == 200) {
                return exchange.isAuthorized(endpoint) ? Login.ACCEPTED : Login.NOT_ASKED;
            }
            Exchange.Refusal refusal = Exchange.Refusal.read(answer);
            if (refusal.status() == 404) {
                throw new RegistryException("%s is no registry: it has no /v2/".formatted(registry));
            }
            throw exchange.failure(endpoint, doing, refusal);
        }
    }

    /**
     * Uploads a blob unless the repository has it.
     *
     * @param content with the descriptor's size and digest, which the registry checks
     */
    public void upload(ImageReference image, Descriptor blob, BlobContent content, Progress progress) {
        new BlobUpload(exchange, settings.rules().forPush(image), blob, content, settings.retries(), progress).run();
    }

    /**
     * Puts a manifest under the name's tag; its blobs must be there.
     *
     * @return the digest of the bytes
     */
    public Digest tag(ImageReference image, byte[] manifest, String mediaType) {
        Endpoint endpoint = settings.rules().forPush(image);
        Exchange.Doing doing = Exchange.Doing.pushing("writing manifest " + image.version());
        Http.Request request = new Http.Request(
                        "PUT",
                        exchange.uri(endpoint, manifestPath(endpoint, image)),
                        Map.of("Content-Type", mediaType),
                        Optional.empty())
                .with(Body.of(manifest));
        Digest digest = Digest.sha256(manifest);
        try (Http.Answer answer = exchange.request(endpoint, request, doing)) {
            if (answer.status() / 100 != 2) {
                throw exchange.failure(endpoint, doing, Exchange.Refusal.read(answer));
            }
            answer.header("Docker-Content-Digest")
                    .flatMap(RegistryClient::validDigest)
                    .filter(kept -> kept.algorithm().equals(digest.algorithm()) && !kept.equals(digest))
                    .ifPresent(kept -> {
                        throw new RegistryException("%s in %s: registry %s keeps it as %s instead of %s"
                                .formatted(doing.text(), endpoint.name(), endpoint.registry(), kept, digest));
                    });
        }
        return digest;
    }

    @Override
    public void close() {
        exchange.close();
    }
}
