package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.cache.NameFiles;
import org.berth.error.BerthException;
import org.berth.host.Owners;
import org.berth.oci.Digest;
import org.berth.oci.ImageNames;
import org.berth.oci.ImageReference;
import org.berth.registry.RegistrySettings.Reach;
import org.berth.registry.RegistrySettings.Transport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of a name that the cache knows when its registry does not answer as it should. */
class FallbackTest {
    private static final Digest KNOWN = Digest.sha256(new byte[] {1});
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();

    /** A port that answers in that way, for as long as it is open. */
    private interface Fault extends AutoCloseable {
        int port();

        @Override
        void close() throws IOException;
    }

    private static Fault fault(String kind) throws IOException {
        if (kind.matches("[0-9]+")) {
            HttpServer server = HttpServer.create(new InetSocketAddress(LOOPBACK, 0), 0);
            server.createContext("/", exchange -> {
                exchange.sendResponseHeaders(Integer.parseInt(kind), -1);
                exchange.close();
            });
            server.start();
            return fault(server.getAddress().getPort(), () -> server.stop(0));
        }
        if (kind.startsWith("token-")) {
            return tokenServer(fault(kind.substring("token-".length())));
        }
        ServerSocket socket = new ServerSocket(0, 50, LOOPBACK);
        if (kind.equals("refused")) {
            socket.close();
        } else if (kind.equals("plain")) {
            // No TLS: it says so in clear.
            Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        try (var connection = socket.accept()) {
                            connection.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes());
                        }
                    }
                } catch (IOException e) {
                    // Closed: the test has ended.
                }
            });
        }
        return fault(socket.getLocalPort(), socket::close);
    }

    /** A sound registry that sends everybody to a token server, which answers in that way. */
    private static Fault tokenServer(Fault tokens) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(LOOPBACK, 0), 0);
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders()
                    .set("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:%d/token\"".formatted(tokens.port()));
            exchange.sendResponseHeaders(401, -1);
            exchange.close();
        });
        server.start();
        return fault(server.getAddress().getPort(), () -> {
            server.stop(0);
            tokens.close();
        });
    }

    private interface End {
        void end() throws IOException;
    }

    private static Fault fault(int port, End end) {
        return new Fault() {
            @Override
            public int port() {
                return port;
            }

            @Override
            public void close() throws IOException {
                end.end();
            }
        };
    }

    private ImageNames names(ImageReference image) throws IOException {
        NameFiles names = new NameFiles(folder, Owners.only(uid()));
        names.remember(image, KNOWN);
        return names;
    }

    private int uid() throws IOException {
        return (int) Files.getAttribute(folder, "unix:uid");
    }

    private Digest ask(ImageReference image, ImageNames names, Transport transport, Reach reach) {
        RegistrySettings settings = RegistrySettings.defaults(transport, Proxies.NONE, "berth/test")
                .with(
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(1),
                        new RetryPolicy(2, Duration.ofMillis(1), Duration.ofMillis(2), Duration.ofSeconds(5)))
                .with(reach);
        try (RegistryClient client = new RegistryClient(settings, Credentials.ANONYMOUS, names, warnings::add)) {
            return client.digest(image);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "refused, HTTP,  true",
        "silent,  HTTP,  true",
        "500,     HTTP,  true",
        "502,     HTTP,  true",
        "503,     HTTP,  true",
        "429,     HTTP,  true",
        "401,     HTTP,  false",
        "403,     HTTP,  false",
        "404,     HTTP,  false",
        "400,     HTTP,  false",
        "plain,   HTTPS, false",
        "token-refused, HTTP, true",
        "token-silent,  HTTP, true",
        "token-500,     HTTP, true",
        "token-503,     HTTP, true",
        "token-429,     HTTP, true",
        "token-401,     HTTP, false",
        "token-403,     HTTP, false",
        "token-404,     HTTP, false",
    })
    void whatPassesFallsBackAndARefusalNever(String kind, Transport transport, boolean falls) throws IOException {
        try (Fault fault = fault(kind)) {
            ImageReference image = ImageReference.parse("127.0.0.1:%d/a/b:1".formatted(fault.port()));
            ImageNames names = names(image);
            if (falls) {
                assertEquals(KNOWN, ask(image, names, transport, Reach.NETWORK_OR_CACHE));
                assertEquals(1, warnings.size(), warnings.toString());
                assertTrue(warnings.getFirst().contains(KNOWN.toString()), warnings.toString());
                assertTrue(warnings.getFirst().endsWith("was 0 minutes ago"), warnings.toString());
            } else {
                assertThrows(BerthException.class, () -> ask(image, names, transport, Reach.NETWORK_OR_CACHE));
                assertEquals(List.of(), warnings);
            }
            BerthException failure =
                    assertThrows(BerthException.class, () -> ask(image, names, transport, Reach.NETWORK));
            assertEquals(
                    falls,
                    failure.hint().orElse("").contains("--offline"),
                    failure.hint().toString());
            ImageNames none = ImageNames.NONE;
            BerthException unknown =
                    assertThrows(BerthException.class, () -> ask(image, none, transport, Reach.NETWORK_OR_CACHE));
            assertEquals(Optional.empty(), unknown.hint().filter(hint -> hint.contains("--offline")));
        }
    }

    @Test
    void theAgeIsThatOfTheLastAnswer() throws IOException {
        ImageReference image = ImageReference.parse("127.0.0.1:1/a/b:1");
        ImageNames names = names(image);
        try (var files = Files.walk(folder)) {
            Path file = files.filter(Files::isRegularFile).findFirst().orElseThrow();
            Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(Duration.ofDays(3))));
        }
        ask(image, names, Transport.HTTP, Reach.NETWORK_OR_CACHE);
        assertTrue(warnings.getFirst().endsWith("was 3 days ago"), warnings.toString());
        names.remember(image, KNOWN);
        ask(image, names, Transport.HTTP, Reach.NETWORK_OR_CACHE);
        assertTrue(warnings.getLast().endsWith("was 0 minutes ago"), warnings.toString());
    }
}
