package org.berth.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.berth.error.BerthException;
import org.berth.error.ImageException;
import org.berth.error.RegistryException;
import org.berth.error.UsageException;
import org.berth.oci.Digest;
import org.berth.oci.Platform;
import org.berth.registry.LibraryClient;
import org.berth.registry.LibraryReference;
import org.berth.registry.Proxies;
import org.berth.registry.RegistrySettings;
import org.berth.registry.RetryPolicy;
import org.berth.sif.Architecture;
import org.berth.sif.FileSystemType;
import org.berth.sif.PartitionType;
import org.berth.sif.SifIdentity;
import org.berth.sif.SifObject;
import org.berth.sif.SifWriter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** SIF files from a library on the loopback interface, which gives them by a redirect to another server, as the public ones did. */
@Timeout(120)
class LibraryImagesTest {
    private static final String NAME = "lib/tools/hello:1.2";
    private static final RetryPolicy QUICK =
            new RetryPolicy(4, Duration.ofMillis(1), Duration.ofSeconds(1), Duration.ofSeconds(60));

    @TempDir
    Path directory;

    private final List<String> told = new ArrayList<>();
    private final List<String> asked = Collections.synchronizedList(new ArrayList<>());
    private final AtomicInteger fetched = new AtomicInteger();
    private HttpServer library;
    private HttpServer storage;
    private byte[] body = {};
    private String described = "";
    private int status = 200;
    private Sending sending = this::send;
    private RegistrySettings settings = RegistrySettings.defaults(
                    RegistrySettings.Transport.HTTPS, Proxies.of(name -> Optional.empty()), "berth/test")
            .with(Duration.ofSeconds(20), Duration.ofSeconds(20), QUICK);

    private interface Sending {
        void answer(HttpExchange exchange, int count) throws IOException;
    }

    @BeforeEach
    void serve() throws IOException {
        library = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        storage = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        library.createContext("/base/v1/images/", exchange -> {
            note(exchange);
            answer(exchange, status, described);
        });
        library.createContext("/base/v1/imagefile/", exchange -> {
            note(exchange);
            exchange.getResponseHeaders()
                    .set(
                            "Location",
                            "http://127.0.0.1:%d/bucket?signed=yes"
                                    .formatted(storage.getAddress().getPort()));
            exchange.sendResponseHeaders(303, -1);
            exchange.close();
        });
        storage.createContext("/bucket", exchange -> {
            note(exchange);
            try (exchange) {
                sending.answer(exchange, fetched.incrementAndGet());
            }
        });
        library.start();
        storage.start();
        body = sif();
        described = description(Digest.sha256(body).hex(), body.length);
    }

    @AfterEach
    void stop() {
        library.stop(0);
        storage.stop(0);
    }

    private void note(HttpExchange exchange) {
        asked.add("%s %s %s"
                .formatted(
                        exchange.getRequestURI(),
                        Optional.ofNullable(exchange.getRequestHeaders().getFirst("Range"))
                                .orElse(""),
                        Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization"))
                                .orElse(""))
                .strip());
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private void send(HttpExchange exchange, int count) throws IOException {
        String range = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Range"))
                .orElse("bytes=0-");
        int from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
        if (from > 0) {
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes %d-%d/%d".formatted(from, body.length - 1, body.length));
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, body.length - from);
        exchange.getResponseBody().write(body, from, body.length - from);
    }

    /** Breaks off after a part, this many times. */
    private void brokenTimes(int times) {
        sending = (exchange, count) -> {
            if (count > times) {
                send(exchange, count);
                return;
            }
            String range = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Range"))
                    .orElse("bytes=0-");
            int from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
            if (from > 0) {
                exchange.getResponseHeaders()
                        .set("Content-Range", "bytes %d-%d/%d".formatted(from, body.length - 1, body.length));
            }
            exchange.sendResponseHeaders(from > 0 ? 206 : 200, body.length - from);
            exchange.getResponseBody().write(body, from, (body.length - from) / 2);
            exchange.getResponseBody().flush();
        };
    }

    private static String description(String hex, long size) {
        return """
                {"data": {"id": "1", "hash": "sha256.%s", "size": %d, "uploaded": true, "arch": "amd64", "tags": ["1.2"]}}
                """.formatted(hex, size);
    }

    private byte[] sif() throws IOException {
        Path file = directory.resolve("source.sif");
        byte[] partition = new byte[3 << 20];
        new Random(1).nextBytes(partition);
        try (SifWriter sif = SifWriter.create(file, SifIdentity.DETERMINISTIC)) {
            sif.add(
                    SifObject.partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, Architecture.AMD64, ""),
                    partition);
            sif.finish(022);
        }
        return Files.readAllBytes(file);
    }

    private Puller.PulledImage pull(String name, Optional<Path> cache) {
        PullSettings pull = WebImagesTest.settings(cache, directory);
        URI address = URI.create(
                "http://127.0.0.1:%d/base".formatted(library.getAddress().getPort()));
        try (LibraryClient client = new LibraryClient(address, settings)) {
            return new SifPuller(pull, new WebImagesTest.Recorded(told))
                    .pull(new LibrarySource(client, LibraryReference.parse(name), new Platform("linux", "amd64", "")));
        }
    }

    private Optional<Path> cache() {
        return Optional.of(directory.resolve("cache"));
    }

    private String refused(Class<? extends BerthException> kind) {
        BerthException e = assertThrows(kind, () -> pull(NAME, cache()));
        assertThrows(kind, () -> pull(NAME, Optional.empty()));
        assertNothingLeft();
        return e.getMessage() + e.hint().map(" (%s)"::formatted).orElse("");
    }

    private void assertNothingLeft() {
        try (Stream<Path> files = Files.walk(directory)) {
            assertEquals(
                    List.of("source.sif"),
                    files.filter(Files::isRegularFile)
                            .map(path -> String.valueOf(path.getFileName()))
                            .filter(name -> name.contains("sif") || name.matches("[0-9a-f]{64}"))
                            .toList());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anImageIsFetchedOnceAndIsTheSameByteForByte() throws IOException {
        Path first = pull(NAME, cache()).file();
        assertEquals(-1, Files.mismatch(first, directory.resolve("source.sif")));
        assertEquals(first, pull(NAME, cache()).file());
        assertEquals(List.of("Downloading library image", "Using cached SIF image"), told);
        assertEquals(1, fetched.get());
        assertEquals(
                List.of(
                        "/base/v1/images/lib/tools/hello:1.2?arch=amd64",
                        "/base/v1/imagefile/lib/tools/hello:1.2?arch=amd64",
                        "/bucket?signed=yes",
                        "/base/v1/images/lib/tools/hello:1.2?arch=amd64"),
                asked);
        assertTrue(first.startsWith(directory.resolve("cache/cache/library")), first.toString());
    }

    @Test
    void withoutACacheItIsTemporary() throws IOException {
        Puller.PulledImage image = pull(NAME, Optional.empty());
        assertTrue(image.temporary());
        assertEquals(-1, Files.mismatch(image.file(), directory.resolve("source.sif")));
    }

    @Test
    void aBrokenDownloadIsTakenUpWhereItBroke() throws IOException {
        brokenTimes(3);
        Path file = pull(NAME, cache()).file();
        assertEquals(-1, Files.mismatch(file, directory.resolve("source.sif")));
        List<String> parts =
                asked.stream().filter(line -> line.startsWith("/bucket")).toList();
        assertEquals(4, parts.size());
        assertTrue(
                parts.subList(1, 4).stream().allMatch(line -> line.matches("/bucket.* bytes=[1-9][0-9]*-")),
                parts.toString());
    }

    @Test
    void aServerThatIgnoresRangesIsTakenUpToo() throws IOException {
        sending = (exchange, count) -> {
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body, 0, count == 1 ? body.length / 2 : body.length);
            exchange.getResponseBody().flush();
        };
        assertEquals(-1, Files.mismatch(pull(NAME, cache()).file(), directory.resolve("source.sif")));
    }

    @Test
    void otherBytesThanTheHashAreRefusedAndNotKept() {
        body = Arrays.copyOf(body, body.length);
        body[100_000] ^= 1;
        assertTrue(refused(ImageException.class).contains("has other bytes"));
        body = new byte[10];
        assertTrue(refused(ImageException.class).contains("has 10 bytes"));
    }

    @Test
    void aDigestInTheNameMustBeWhatTheLibraryHas() throws IOException {
        String hex = Digest.sha256(body).hex();
        assertFalse(pull("lib/tools/hello:sha256." + hex, cache()).temporary());
        assertTrue(asked.getFirst().startsWith("/base/v1/images/lib/tools/hello:sha256." + hex + "?"));
        ImageException e =
                assertThrows(ImageException.class, () -> pull("hello:sha256." + "0".repeat(64), Optional.empty()));
        assertTrue(String.valueOf(e.getMessage()).contains("has sha256." + hex + " instead"), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "404, image does not exist in the library: lib/tools/hello:1.2 (amd64)",
        "401, gives it to nobody without a login (401: no)",
        "403, gives it to nobody without a login",
        "400, answered 400: no",
        "503, answered 503: no"
    })
    void aRefusalIsToldInWords(int answer, String words) {
        status = answer;
        described = "{\"error\": {\"code\": %d, \"message\": \"no\"}}".formatted(answer);
        String message = refused(RegistryException.class);
        assertTrue(message.contains(words), message);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "<html>",
                "[]",
                "{}",
                "{\"data\": []}",
                "{\"data\": {}}",
                "{\"data\": {\"hash\": \"sif.1234\", \"size\": 10}}",
                "{\"data\": {\"hash\": \"sha256.12\", \"size\": 10}}",
                "{\"data\": {\"hash\": \"sha256.e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}}",
                "{\"data\": {\"hash\": 1, \"size\": \"x\"}}"
            })
    void anAnswerThatIsNoDescriptionIsRefused(String text) {
        described = text;
        refused(ImageException.class);
    }

    @Test
    void whatIsNoSifIsRefused() throws IOException {
        body = "<html>hello</html>".getBytes(StandardCharsets.UTF_8);
        described = description(Digest.sha256(body).hex(), body.length);
        ImageException e = assertThrows(ImageException.class, () -> pull(NAME, Optional.empty()));
        assertTrue(
                String.valueOf(e.getMessage()).contains("library://lib/tools/hello:1.2: what is there is not a SIF"));
    }

    @Test
    void noLibraryThereAndNoNetwork() {
        library.stop(0);
        assertTrue(refused(RegistryException.class).contains("connection refused"));
        settings = settings.with(RegistrySettings.Reach.CACHE);
        assertTrue(refused(RegistryException.class).contains("--offline forbids"));
    }

    @Test
    void namesAreTakenApart() {
        assertEquals(
                List.of(
                        new LibraryReference(Optional.empty(), "hello", "latest"),
                        new LibraryReference(Optional.empty(), "tools/hello", "latest"),
                        new LibraryReference(Optional.empty(), "lib/tools/hello", "1.2-a"),
                        new LibraryReference(Optional.of("host.example:8080"), "lib/tools/hello", "latest")),
                Stream.of("hello", "tools/hello", "/lib/tools/hello:1.2-a", "host.example:8080/lib/tools/hello")
                        .map(LibraryReference::parse)
                        .toList());
        assertEquals("hello_1.2.sif", LibraryReference.parse(NAME).defaultFileName());
        for (String wrong :
                List.of("", "/", "a/b/c/d/e", "a:b:c", "a:1,2", "../x", "a/../b", "a?b", "a b", "a:", "a/", "ä")) {
            assertThrows(UsageException.class, () -> LibraryReference.parse(wrong), wrong);
        }
    }
}
