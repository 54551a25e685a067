package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.berth.error.BerthException;
import org.berth.error.ImageException;
import org.berth.error.RegistryException;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.Documents;
import org.berth.oci.ImageReference;
import org.berth.oci.MediaTypes;
import org.berth.oci.Platforms;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegistryClientTest {
    private static final RetryPolicy QUICK =
            new RetryPolicy(4, Duration.ofMillis(5), Duration.ofSeconds(2), Duration.ofSeconds(10));
    private static final Credential.Login ALICE =
            new Credential.Login("alice", "s3cret:with:colons", "DOCKER_USERNAME");
    private static final byte[] LAYER = TestRegistry.noise(3 << 20, 1);

    private final TestRegistry registry = new TestRegistry();
    private final List<RegistryClient> clients = new ArrayList<>();
    private Digest manifest = Digest.sha256(new byte[0]);

    @BeforeEach
    void anImageIsThere() {
        manifest = registry.image("latest", "amd64", LAYER);
    }

    @AfterEach
    void close() {
        clients.forEach(RegistryClient::close);
        registry.close();
    }

    private RegistryClient client(Credentials credentials) {
        return client(RegistrySettings.Transport.HTTP, credentials);
    }

    private RegistryClient client(RegistrySettings.Transport transport, Credentials credentials) {
        RegistryClient client = new RegistryClient(
                RegistrySettings.defaults(transport, Proxies.NONE, "berth/test")
                        .with(Duration.ofSeconds(2), Duration.ofMillis(300), QUICK),
                credentials);
        clients.add(client);
        return client;
    }

    private RegistryClient client() {
        return client(Credentials.ANONYMOUS);
    }

    private ResolvedImage resolve(RegistryClient client, ImageReference image) {
        return client.resolve(image, Platforms.parse("amd64", ""), DocumentStore.NONE);
    }

    /** The whole way: manifest, configuration, layer. */
    private byte[] pull(RegistryClient client) throws IOException {
        ImageReference image = registry.image("a/b");
        ResolvedImage resolved = resolve(client, image);
        assertEquals(List.of("latest"), resolved.config().cmd());
        return layer(client, image, resolved.manifest().layers().getFirst());
    }

    private static byte[] layer(RegistryClient client, ImageReference image, Descriptor layer) throws IOException {
        try (InputStream in = client.blobs(image).open(layer)) {
            return in.readAllBytes();
        }
    }

    private static boolean isBlob(HttpExchange exchange) {
        return exchange.getRequestURI().getPath().contains("/blobs/");
    }

    private String failure(RegistryClient client) {
        BerthException failure = assertThrows(BerthException.class, () -> pull(client));
        assertEquals(1, failure.getMessage().lines().count(), failure.getMessage());
        return failure.getMessage();
    }

    private static void contains(String text, String... parts) {
        for (String part : parts) {
            assertTrue(text.contains(part), text);
        }
    }

    @Test
    void anImageIsPulled() throws IOException {
        assertArrayEquals(LAYER, pull(client()));
        assertEquals(manifest, client().digest(registry.image("a/b")));
        assertEquals(manifest, resolve(client(), registry.image("a/b")).digest());
    }

    @Test
    void aDigestIsAskedForAsADigestAndMustFit() throws IOException {
        ImageReference image = registry.image("a/b").at(manifest);
        assertEquals(manifest, resolve(client(), image).digest());
        byte[] other = Documents.utf8("{}");
        registry.fault((exchange, count) -> {
            TestRegistry.send(exchange, 200, other);
            return true;
        });
        ImageException failure = assertThrows(ImageException.class, () -> resolve(client(), image));
        contains(failure.getMessage(), "has other bytes");
    }

    @Test
    void digestOfAHeadIsNotBelieved() throws IOException {
        registry.fault((exchange, count) -> {
            if (exchange.getRequestMethod().equals("HEAD")) {
                exchange.getResponseHeaders().set("Docker-Content-Digest", Documents.DIGEST);
                TestRegistry.send(exchange, 200, new byte[0]);
                return true;
            }
            return false;
        });
        assertEquals(Documents.DIGEST, client().digest(registry.image("a/b")).toString());
        assertEquals(manifest, resolve(client(), registry.image("a/b")).digest());
    }

    @Test
    void aManifestThatItsRegistryCallsByAnotherDigestIsRefused() {
        registry.fault((exchange, count) -> {
            if (!exchange.getRequestURI().getPath().endsWith("/latest")) {
                return false;
            }
            exchange.getResponseHeaders().set("Docker-Content-Digest", Documents.DIGEST);
            TestRegistry.send(exchange, 200, registry.documentAt("latest"));
            return true;
        });
        contains(failure(client()), "the registry calls it " + Documents.DIGEST);
    }

    @Test
    void aTagThatMovesIsReadAtTheAnnouncedDigest() {
        registry.fault((exchange, count) -> {
            if (!exchange.getRequestURI().getPath().endsWith("/latest")) {
                return false;
            }
            exchange.getResponseHeaders().set("Docker-Content-Digest", manifest.toString());
            TestRegistry.send(exchange, 200, Documents.utf8("{}"));
            return true;
        });
        assertEquals(manifest, resolve(client(), registry.image("a/b")).digest());
    }

    @ParameterizedTest
    @ValueSource(ints = {405, 404, 200})
    void registriesWithoutHeadOrItsDigestAreAskedByGet(int status) {
        registry.fault((exchange, count) -> {
            if (exchange.getRequestMethod().equals("HEAD")) {
                TestRegistry.send(exchange, status, new byte[0]);
                return true;
            }
            return false;
        });
        assertEquals(manifest, client().digest(registry.image("a/b")));
    }

    @Test
    void allFourManifestTypesAreAccepted() {
        List<String> accepted = new ArrayList<>();
        registry.fault((exchange, count) -> {
            accepted.add(exchange.getRequestHeaders().getFirst("Accept"));
            return false;
        });
        client().digest(registry.image("a/b"));
        MediaTypes.MANIFESTS.forEach(type -> contains(accepted.getFirst(), type));
    }

    @Test
    void bodiesThatBreakAreTakenUpAtTheSameByte() throws IOException {
        registry.fault((exchange, count) -> {
            byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
            if (isBlob(exchange) && bytes.length == LAYER.length && count == 1) {
                TestRegistry.cut(exchange, 200, bytes, 1_000_000);
                return true;
            }
            return false;
        });
        assertArrayEquals(LAYER, pull(client()));
        assertTrue(registry.seen().stream().anyMatch(seen -> seen.range().matches("bytes=[1-9]\\d*-")));
    }

    /** Whatever the bytes after which a server drops the connection: nothing that came is fetched twice. */
    @Test
    void aServerThatDropsAfterRandomBytesUntilItIsDoneSendsLittleTwice() throws IOException {
        for (int seed = 0; seed < 5; seed++) {
            Random random = new Random(seed);
            AtomicLong sent = new AtomicLong();
            registry.fault((exchange, count) -> {
                byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
                if (!isBlob(exchange) || bytes.length != LAYER.length) {
                    return false;
                }
                String range = exchange.getRequestHeaders().getFirst("Range");
                int start = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
                if (range != null) {
                    exchange.getResponseHeaders()
                            .set("Content-Range", "bytes %d-%d/%d".formatted(start, bytes.length - 1, bytes.length));
                }
                byte[] rest = Arrays.copyOfRange(bytes, start, bytes.length);
                int length = Math.min(rest.length, 1 + random.nextInt(LAYER.length / 4));
                sent.addAndGet(length);
                TestRegistry.cut(exchange, range == null ? 200 : 206, rest, length);
                return true;
            });
            assertArrayEquals(LAYER, pull(client()));
            assertTrue(sent.get() <= LAYER.length * 1.1, "seed %d: %d bytes".formatted(seed, sent.get()));
            assertTrue(sent.get() >= LAYER.length);
        }
    }

    @Test
    void registriesThatIgnoreRangesAreReadFromTheStart() throws IOException {
        registry.fault((exchange, count) -> {
            byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
            if (!isBlob(exchange)) {
                return false;
            }
            TestRegistry.cut(exchange, 200, bytes, count <= 2 ? bytes.length / 2 : bytes.length);
            return true;
        });
        assertArrayEquals(LAYER, pull(client()));
    }

    @Test
    void anotherPartThanTheOneAskedForIsRefused() {
        registry.fault((exchange, count) -> {
            byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
            if (!isBlob(exchange) || bytes.length != LAYER.length) {
                return false;
            }
            if (count > 1) {
                exchange.getResponseHeaders()
                        .set("Content-Range", "bytes 0-%d/%d".formatted(bytes.length - 1, bytes.length));
            }
            TestRegistry.cut(exchange, count > 1 ? 206 : 200, bytes, 500_000);
            return true;
        });
        contains(failure(client()), "another part", "tried 4 times");
    }

    @Test
    void wrongBytesAfterAResumeAreFound() {
        registry.fault((exchange, count) -> {
            byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
            if (!isBlob(exchange) || bytes.length != LAYER.length) {
                return false;
            }
            if (count == 1) {
                TestRegistry.cut(exchange, 200, bytes, 500_000);
            } else {
                int start = Integer.parseInt(
                        exchange.getRequestHeaders().getFirst("Range").replaceAll("\\D", ""));
                exchange.getResponseHeaders()
                        .set("Content-Range", "bytes %d-%d/%d".formatted(start, bytes.length - 1, bytes.length));
                TestRegistry.send(exchange, 206, Arrays.copyOf(bytes, bytes.length - start));
            }
            return true;
        });
        contains(failure(client()), "has other bytes");
    }

    @Test
    void bodiesThatAlwaysBreakEndInAnError() {
        registry.fault((exchange, count) -> {
            byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
            if (isBlob(exchange) && bytes.length == LAYER.length) {
                TestRegistry.cut(exchange, 200, bytes, 100);
                return true;
            }
            return false;
        });
        contains(failure(client()), "tried 4 times");
    }

    @Test
    void stalledBodiesEndInAnError() {
        registry.fault((exchange, count) -> {
            byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
            if (!isBlob(exchange) || bytes.length != LAYER.length) {
                return false;
            }
            TestRegistry.cut(exchange, 200, bytes, 100);
            pause(5_000);
            return true;
        });
        contains(failure(client()), "nothing came for", "tried 4 times");
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void endlessBodiesAreCutAtTheSizeOfTheDescriptor() throws IOException {
        registry.fault((exchange, count) -> {
            byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
            if (!isBlob(exchange) || bytes.length != LAYER.length) {
                return false;
            }
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write(bytes);
            for (int i = 0; i < 100_000; i++) {
                exchange.getResponseBody().write(new byte[1 << 16]);
            }
            return true;
        });
        assertArrayEquals(LAYER, pull(client()));
    }

    @Test
    void anotherSizeThanTheManifestSaysIsRefusedAtOnce() {
        registry.fault((exchange, count) -> {
            if (isBlob(exchange)) {
                TestRegistry.send(exchange, 200, new byte[10]);
                return true;
            }
            return false;
        });
        contains(failure(client()), "the registry has 10 bytes");
    }

    @Test
    void aWrongBlobIsRefused() throws IOException {
        byte[] other = LAYER.clone();
        other[LAYER.length - 1] ^= 1;
        registry.blob(Digest.sha256(LAYER), other);
        contains(failure(client()), "has other bytes");
    }

    @ParameterizedTest
    @ValueSource(ints = {429, 500, 502, 503, 504})
    void passingFailuresAreTriedAgain(int status) throws IOException {
        registry.fault((exchange, count) -> {
            if (count > 2) {
                return false;
            }
            TestRegistry.error(exchange, status, "busy");
            return true;
        });
        assertArrayEquals(LAYER, pull(client()));
    }

    @Test
    void retryAfterIsObeyed() throws IOException {
        long start = System.nanoTime();
        registry.fault((exchange, count) -> {
            if (count > 1 || isBlob(exchange)) {
                return false;
            }
            exchange.getResponseHeaders().set("Retry-After", "1");
            TestRegistry.error(exchange, 429, "busy");
            return true;
        });
        assertArrayEquals(LAYER, pull(client()));
        assertTrue(System.nanoTime() - start > 1_000_000_000L);
    }

    @Test
    void aRegistryThatAsksForTooLongIsNotWaitedFor() {
        registry.fault((exchange, count) -> {
            exchange.getResponseHeaders().set("Retry-After", "3600");
            TestRegistry.error(exchange, 429, "You have reached your pull rate limit");
            return true;
        });
        RegistryException failure = assertThrows(RegistryException.class, () -> pull(client()));
        contains(failure.getMessage(), "429", "without credentials", "You have reached your pull rate limit");
        contains(failure.hint().orElseThrow(), "berth registry login");
        assertEquals(1, registry.seen().size());
    }

    @Test
    void aRegistryThatIsDownIsNamed() {
        registry.fault((exchange, count) -> {
            TestRegistry.error(exchange, 503, "down\\u001b[2J\\nfor\\u0007 ever" + "x".repeat(5000));
            return true;
        });
        String message = failure(client());
        contains(message, "reading manifest latest in 127.0.0.1:" + registry.port() + "/a/b", "answered 503", "down");
        assertFalse(message.contains("\u001b"), message);
        assertTrue(message.length() < 500, message);
        assertEquals(4, registry.seen().size());
    }

    @Test
    void anUnknownTagIsAnsweredInTheRegistrysWords() {
        RegistryException failure =
                assertThrows(RegistryException.class, () -> resolve(client(), registry.image("a/b:nope")));
        assertEquals(
                "reading manifest nope in 127.0.0.1:%d/a/b: manifest unknown".formatted(registry.port()),
                failure.getMessage());
    }

    @Test
    void aWebPageIsNoManifest() {
        registry.fault((exchange, count) -> {
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            TestRegistry.send(exchange, 200, Documents.utf8("<html>Please log in</html>"));
            return true;
        });
        contains(failure(client()), "answered with a web page");
    }

    @Test
    void manifestsMayBeCalledPlainText() throws IOException {
        registry.fault((exchange, count) -> {
            if (isBlob(exchange)) {
                return false;
            }
            exchange.getResponseHeaders().set("Content-Type", "text/plain");
            TestRegistry.send(exchange, 200, registry.documentAt("latest"));
            return true;
        });
        assertArrayEquals(LAYER, pull(client()));
    }

    @Test
    void hugeManifestsAreNotRead() {
        registry.fault((exchange, count) -> {
            exchange.sendResponseHeaders(200, 0);
            for (int i = 0; i < 10_000; i++) {
                exchange.getResponseBody().write(new byte[1 << 16]);
            }
            return true;
        });
        contains(failure(client()), "larger than");
    }

    @Test
    void redirectsAreFollowedWithoutCredentialsToAnotherOrigin() throws IOException {
        try (TestRegistry storage = new TestRegistry()) {
            storage.blob(LAYER);
            registry.fault((exchange, count) -> {
                if (!exchange.getRequestHeaders().containsKey("Authorization")) {
                    exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"x\"");
                    TestRegistry.error(exchange, 401, "authentication required");
                    return true;
                }
                byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
                if (!isBlob(exchange) || bytes.length != LAYER.length) {
                    return false;
                }
                exchange.getResponseHeaders()
                        .set(
                                "Location",
                                "http://localhost:%d/blobs/%s".formatted(storage.port(), Digest.sha256(LAYER)));
                exchange.sendResponseHeaders(307, -1);
                return true;
            });
            assertArrayEquals(LAYER, pull(client(Credentials.of(ALICE))));
            assertEquals(1, storage.seen().size());
            assertEquals("", storage.seen().getFirst().authorization());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:///etc/hostname", "ftp://localhost/x", "http:", "//", "http://[", "gopher://x/"})
    void redirectsOffTheWebAreRefused(String location) {
        registry.fault((exchange, count) -> {
            exchange.getResponseHeaders().set("Location", location);
            exchange.sendResponseHeaders(307, -1);
            return true;
        });
        contains(failure(client()), "redirected");
        assertEquals(1, registry.seen().size());
    }

    @Test
    void redirectsInACircleEnd() {
        registry.fault((exchange, count) -> {
            exchange.getResponseHeaders()
                    .set("Location", exchange.getRequestURI().getPath());
            exchange.sendResponseHeaders(302, -1);
            return true;
        });
        contains(failure(client()), "redirected more than 10 times");
        assertEquals(11, registry.seen().size());
    }

    private TestRegistry.Fault tokens(String challenge, String wantedToken) {
        return (exchange, count) -> {
            String path = exchange.getRequestURI().getPath();
            if (path.equals("/token")) {
                TestRegistry.send(
                        exchange, 200, Documents.utf8("{\"access_token\":\"t%d\",\"expires_in\":60}".formatted(count)));
                return true;
            }
            String given = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
            if (given.matches("Bearer " + wantedToken)) {
                return false;
            }
            exchange.getResponseHeaders()
                    .add("WWW-Authenticate", challenge.replace("$", "http://127.0.0.1:" + registry.port() + "/token"));
            TestRegistry.error(exchange, 401, "authentication required");
            return true;
        };
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Bearer realm=\"$\",service=\"test\",scope=\"repository:a/b:pull\"",
                "bearer scope = \"repository:a/b:pull\" , realm = \"$\"",
                "Bearer service=test,realm=\"$\"",
                "Basic realm=\"x\", Bearer realm=\"$\"",
                "Negotiate YII==, Bearer error=\"invalid_token\",realm=\"$?account=x\"",
            })
    void anyLegalChallengeIsAnswered(String challenge) throws IOException {
        registry.fault(tokens(challenge, "t1"));
        assertArrayEquals(LAYER, pull(client()));
        List<String> asked = registry.seen().stream()
                .map(TestRegistry.Seen::path)
                .filter(path -> path.startsWith("/token"))
                .toList();
        assertEquals(1, asked.size(), asked.toString());
        contains(asked.getFirst(), "scope=repository%3Aa%2Fb%3Apull");
    }

    @Test
    void aUserIsNamedToTheTokenServerAndNotToTheRegistry() throws IOException {
        registry.fault(tokens("Bearer realm=\"$\"", "t1"));
        assertArrayEquals(LAYER, pull(client(Credentials.of(ALICE))));
        for (TestRegistry.Seen seen : registry.seen()) {
            assertEquals(seen.path().startsWith("/token"), seen.authorization().equals(ALICE.basic()), seen.toString());
        }
    }

    @Test
    void aTokenThatExpiresInTheMiddleOfABlobIsRenewed() throws IOException {
        TestRegistry.Fault first = tokens("Bearer realm=\"$\"", "t1");
        TestRegistry.Fault second = tokens("Bearer realm=\"$\"", "t2");
        registry.fault((exchange, count) -> {
            byte[] bytes = registry.blobAt(exchange.getRequestURI().getPath());
            boolean layer = isBlob(exchange) && bytes.length == LAYER.length;
            if (layer && count > 1) {
                return second.answer(exchange, count);
            }
            if (first.answer(exchange, count)) {
                return true;
            }
            if (layer) {
                TestRegistry.cut(exchange, 200, bytes, 1_500_000);
                return true;
            }
            return false;
        });
        assertArrayEquals(LAYER, pull(client()));
    }

    @Test
    void tokensThatNeverSatisfyEndInAnError() {
        registry.fault(tokens("Bearer realm=\"$\"", "never"));
        String message = failure(client(Credentials.of(ALICE)));
        contains(message, "authentication required", "127.0.0.1:" + registry.port(), "alice", "DOCKER_USERNAME");
        assertFalse(message.contains("s3cret"), message);
        assertEquals(3, registry.seen().size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:///etc/passwd", "", "http://", "ftp://x/", "javascript:x", "http://[", "/token"})
    void realmsOffTheWebAreRefused(String realm) {
        registry.fault((exchange, count) -> {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer realm=\"%s\"".formatted(realm));
            TestRegistry.error(exchange, 401, "no");
            return true;
        });
        contains(failure(client(Credentials.of(ALICE))), "not a place to send one to");
    }

    @Test
    void basicCredentialsWork() throws IOException {
        registry.fault((exchange, count) -> {
            if (ALICE.basic().equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                return false;
            }
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"registry\"");
            TestRegistry.error(exchange, 401, "authentication required");
            return true;
        });
        assertArrayEquals(LAYER, pull(client(Credentials.of(ALICE))));
        contains(failure(client()), "authentication required", "without credentials");
        contains(
                failure(client(Credentials.of(new Credential.Login("bob", "x", "a file")))),
                "authentication required",
                "as user bob (from a file)");
    }

    @Test
    void anIndexIsFollowedToThePlatform() {
        Digest arm = registry.image("arm", "arm64", TestRegistry.noise(10, 2));
        Digest inner = registry.document(
                "inner",
                MediaTypes.OCI_INDEX,
                Documents.index("[" + Documents.entry(manifest.toString(), "linux", "amd64", "") + "]"));
        Digest top = registry.document(
                "multi",
                MediaTypes.OCI_INDEX,
                Documents.index("[%s,%s]"
                        .formatted(
                                Documents.entry(arm.toString(), "linux", "arm64", "v8"),
                                Documents.descriptor(MediaTypes.OCI_INDEX, inner.toString(), "1"))));
        ResolvedImage image = resolve(client(), registry.image("a/b:multi"));
        assertEquals(top, image.digest());
        assertEquals(manifest, image.manifest().digest());
        ImageException failure = assertThrows(
                ImageException.class,
                () -> client().resolve(registry.image("a/b:multi"), Platforms.parse("s390x", ""), DocumentStore.NONE));
        assertEquals(
                "no child with platform linux/s390x in index 127.0.0.1:%d/a/b".formatted(registry.port()),
                failure.getMessage());
    }

    @Test
    void indexesNestedWithoutEndAreRefused() {
        Digest next = manifest;
        for (int i = 0; i < 20; i++) {
            next = registry.document(
                    "deep",
                    MediaTypes.OCI_INDEX,
                    Documents.index("[" + Documents.descriptor(MediaTypes.OCI_INDEX, next.toString(), "1") + "]"));
        }
        ImageException failure =
                assertThrows(ImageException.class, () -> resolve(client(), registry.image("a/b:deep")));
        contains(failure.getMessage(), "indexes in indexes");
        assertTrue(registry.seen().size() < 8);
    }

    @Test
    void plainHttpNeedsItsOption() throws IOException {
        try (ServerSocket plain = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> answerPlainly(plain));
            ImageReference image = ImageReference.parse("127.0.0.1:%d/a/b".formatted(plain.getLocalPort()));
            RegistryClient secure = client(RegistrySettings.Transport.HTTPS, Credentials.ANONYMOUS);
            RegistryException failure = assertThrows(RegistryException.class, () -> resolve(secure, image));
            contains(failure.getMessage(), "server gave HTTP response to HTTPS client");
            contains(failure.hint().orElseThrow(), "--no-https");
        }
    }

    /** As the servers do that real registries are built with. */
    private static void answerPlainly(ServerSocket server) {
        try (Socket socket = server.accept()) {
            socket.getInputStream().read(new byte[64]);
            socket.getOutputStream().write(Documents.utf8("HTTP/1.0 400 Bad Request\r\n\r\n"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void localhostIsTriedWithPlainHttpByItself() {
        RegistryClient secure = client(RegistrySettings.Transport.HTTPS, Credentials.ANONYMOUS);
        ImageReference local = ImageReference.parse("localhost:%d/a/b".formatted(registry.port()));
        assertEquals(manifest, resolve(secure, local).digest());
    }

    @Test
    void aServerThatDoesNotSpeakIsNotWaitedForTwice() throws IOException {
        // Connections wait in its queue for ever: an HTTP server would answer where a handshake has a newline in it.
        try (ServerSocket silent = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
            ImageReference image = ImageReference.parse("127.0.0.1:%d/a/b".formatted(silent.getLocalPort()));
            RegistryClient secure = client(RegistrySettings.Transport.HTTPS, Credentials.ANONYMOUS);
            RegistryException failure = assertThrows(RegistryException.class, () -> resolve(secure, image));
            contains(failure.getMessage(), "timed out");
            contains(failure.hint().orElseThrow(), "--no-https");
        }
    }

    @Test
    void nobodyThereIsSaidInWords() {
        RegistryException refused = assertThrows(
                RegistryException.class, () -> resolve(client(), ImageReference.parse("127.0.0.1:1/tiny")));
        contains(refused.getMessage(), "127.0.0.1:1/tiny", "connection refused");
        RegistryException unknown = assertThrows(
                RegistryException.class, () -> resolve(client(), ImageReference.parse("no-such-host.invalid/tiny")));
        contains(unknown.getMessage(), "no-such-host.invalid/tiny", "no such host");
    }
}
