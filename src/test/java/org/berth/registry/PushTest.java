package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.berth.error.BerthException;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageReference;
import org.berth.oci.Manifest;
import org.berth.oci.MediaTypes;
import org.berth.oci.Platforms;
import org.berth.oci.Progress;
import org.berth.oci.SifArtifact;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Uploads to a registry that may refuse, forget, or hang up. */
class PushTest {
    private static final byte[] FILE = TestRegistry.noise(40 << 20, 7);
    private static final Descriptor SIF = new Descriptor(SifArtifact.LAYER, Digest.sha256(FILE), FILE.length, Map.of());

    private final TestRegistry registry = new TestRegistry();
    private final Map<String, ByteArrayOutputStream> uploads = new HashMap<>();
    private final List<String> requests = new ArrayList<>();
    private final AtomicLong shown = new AtomicLong();
    private Optional<RegistryClient> client = Optional.empty();
    private Refuse refuse = (exchange, upload, body) -> false;

    /** Answers a request with a body in its place. */
    private interface Refuse {
        boolean answer(HttpExchange exchange, ByteArrayOutputStream upload, byte[] body) throws IOException;
    }

    @BeforeEach
    void aRegistryThatTakesUploads() {
        registry.fault((exchange, count) -> {
            String method = exchange.getRequestMethod();
            String path = exchange.getRequestURI().getPath();
            requests.add(method);
            if (method.equals("POST")) {
                uploads.put(path + uploads.size(), new ByteArrayOutputStream());
                exchange.getResponseHeaders().set("Location", path + (uploads.size() - 1) + "?state=1");
                TestRegistry.send(exchange, 202, new byte[0]);
                return true;
            }
            if (path.contains("/manifests/") && method.equals("PUT")) {
                byte[] body = exchange.getRequestBody().readAllBytes();
                registry.document("latest", MediaTypes.OCI_MANIFEST, new String(body));
                TestRegistry.send(exchange, 201, new byte[0]);
                return true;
            }
            Optional<ByteArrayOutputStream> upload = Optional.ofNullable(uploads.get(path));
            if (upload.isEmpty()) {
                return false;
            }
            upload(exchange, path, upload.get());
            return true;
        });
    }

    private void upload(HttpExchange exchange, String path, ByteArrayOutputStream upload) throws IOException {
        byte[] body = exchange.getRequestBody().readAllBytes();
        if (refuse.answer(exchange, upload, body)) {
            return;
        }
        upload.write(body);
        exchange.getResponseHeaders().set("Location", path + "?state=2");
        exchange.getResponseHeaders().set("Range", "0-" + Math.max(0, upload.size() - 1));
        switch (exchange.getRequestMethod()) {
            case "GET" -> TestRegistry.send(exchange, 204, new byte[0]);
            case "PATCH" -> TestRegistry.send(exchange, 202, new byte[0]);
            default -> {
                String wanted = exchange.getRequestURI().getQuery().replaceFirst(".*digest=", "");
                Digest digest = registry.blob(upload.toByteArray());
                if (digest.toString().equals(wanted)) {
                    TestRegistry.send(exchange, 201, new byte[0]);
                } else {
                    TestRegistry.error(exchange, 400, "digest invalid");
                }
            }
        }
    }

    @AfterEach
    void close() {
        client.ifPresent(RegistryClient::close);
        registry.close();
    }

    private RegistryClient client() {
        return client(Credentials.ANONYMOUS);
    }

    private RegistryClient client(Credentials credentials) {
        RegistryClient made = new RegistryClient(
                RegistrySettings.defaults(RegistrySettings.Transport.HTTP, Proxies.NONE, "berth/test")
                        .with(
                                Duration.ofSeconds(2),
                                Duration.ofSeconds(3),
                                new RetryPolicy(
                                        4, Duration.ofMillis(5), Duration.ofSeconds(1), Duration.ofSeconds(20))),
                credentials);
        client = Optional.of(made);
        return made;
    }

    private void upload(RegistryClient made) {
        made.upload(registry.image("a/b"), SIF, BlobContent.of(FILE), new Progress() {
            @Override
            public void start(Descriptor blob) {}

            @Override
            public void bytes(Descriptor blob, long count) {
                shown.addAndGet(count);
            }

            @Override
            public void done(Descriptor blob) {}
        });
    }

    private void isThere() {
        assertArrayEquals(FILE, registry.blobAt("/" + SIF.digest()));
        assertEquals(FILE.length, shown.get());
    }

    @Test
    void aFileGoesInOneRequestAndComesBackTheSame() throws IOException {
        RegistryClient made = client();
        ImageReference image = registry.image("a/b");
        upload(made);
        isThere();
        assertEquals(List.of("HEAD", "POST", "PUT"), requests);
        made.upload(image, SifArtifact.config(), BlobContent.of(SifArtifact.configBytes()), Progress.NONE);
        byte[] manifest = SifArtifact.manifest(SIF.digest(), SIF.size(), "x.img", Map.of("k", "v\"ü"));
        assertEquals(Digest.sha256(manifest), made.tag(image, manifest, MediaTypes.OCI_MANIFEST));
        Manifest read = made.artifact(image, Platforms.parse("amd64", ""), DocumentStore.NONE);
        assertEquals(Map.of("k", "v\"ü"), read.annotations());
        Descriptor sif = SifArtifact.sif(read, image);
        assertEquals("x.img", sif.annotations().get(SifArtifact.TITLE));
        try (var in = made.blobs(image).open(sif)) {
            assertArrayEquals(FILE, in.readAllBytes());
        }
    }

    @Test
    void aBlobThatIsThereIsNotSentAgain() {
        registry.blob(FILE);
        upload(client());
        assertEquals(List.of("HEAD"), requests);
    }

    @Test
    void tooMuchAtOnceGoesInPieces() {
        refuse = (exchange, upload, body) -> {
            if (body.length > 5 << 20) {
                TestRegistry.error(exchange, 413, "too large");
                return true;
            }
            return false;
        };
        upload(client());
        isThere();
        assertTrue(requests.contains("PATCH"), requests.toString());
    }

    @Test
    void aRegistryThatFailsAtOnceIsSentPiecesFromWhereItIs() {
        AtomicLong patches = new AtomicLong();
        refuse = (exchange, upload, body) -> {
            if (exchange.getRequestMethod().equals("PUT") && body.length > 0) {
                TestRegistry.error(exchange, 502, "bad gateway");
                return true;
            }
            if (exchange.getRequestMethod().equals("PATCH") && patches.incrementAndGet() == 2) {
                // Half of the piece was taken, and then the answer was lost.
                upload.write(body, 0, body.length / 2);
                TestRegistry.error(exchange, 500, "lost");
                return true;
            }
            return false;
        };
        upload(client());
        isThere();
        assertTrue(requests.contains("GET"), requests.toString());
    }

    @Test
    void aRegistryThatForgotTheUploadGetsItFromTheStart() {
        AtomicLong patches = new AtomicLong();
        refuse = (exchange, upload, body) -> {
            if (exchange.getRequestMethod().equals("PUT") && body.length > 0) {
                TestRegistry.error(exchange, 413, "too large");
                return true;
            }
            if (patches.get() == 2 && exchange.getRequestMethod().equals("GET")) {
                TestRegistry.error(exchange, 404, "upload unknown");
                return true;
            }
            if (exchange.getRequestMethod().equals("PATCH") && patches.incrementAndGet() == 2) {
                TestRegistry.error(exchange, 503, "restarted");
                return true;
            }
            return false;
        };
        upload(client());
        isThere();
    }

    @Test
    void aTokenIsRenewedInTheMiddle() {
        refuse = (exchange, upload, body) -> {
            String shownToken = exchange.getRequestHeaders().getFirst("Authorization");
            if (exchange.getRequestMethod().equals("PUT") && shownToken == null) {
                exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"x\"");
                TestRegistry.error(exchange, 401, "expired");
                return true;
            }
            return false;
        };
        upload(client(Credentials.of(new Credential.Login("u", "p", "test"))));
        isThere();
    }

    @Test
    void aRefusalIsToldWithTheRegistrysWords() {
        refuse = (exchange, upload, body) -> {
            TestRegistry.error(exchange, 403, "quota exceeded");
            return true;
        };
        BerthException failure = assertThrows(BerthException.class, () -> upload(client()));
        assertTrue(failure.getMessage().contains("quota exceeded"), failure.getMessage());
    }

    @Test
    void aRegistryThatIsDownEndsTheUpload() {
        refuse = (exchange, upload, body) -> {
            TestRegistry.error(exchange, 503, "down");
            return true;
        };
        BerthException failure = assertThrows(BerthException.class, () -> upload(client()));
        assertTrue(failure.getMessage().contains("503"), failure.getMessage());
    }

    @Test
    void anImageIsNoArtifactAndSaysHowItIsPulled() {
        registry.image("latest", "amd64", new byte[10]);
        ImageReference image = registry.image("a/b");
        Manifest manifest = client().artifact(image, Platforms.parse("amd64", ""), DocumentStore.NONE);
        ImageException failure = assertThrows(ImageException.class, () -> SifArtifact.sif(manifest, image));
        assertTrue(failure.getMessage().contains("is a container image"), failure.getMessage());
        assertEquals(Optional.of("use docker://" + image), failure.hint());
    }
}
