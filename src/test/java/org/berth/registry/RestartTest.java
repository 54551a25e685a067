package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.berth.error.RegistryException;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.ImageReference;
import org.junit.jupiter.api.Test;

/** A registry that is gone for some seconds while it is used. */
class RestartTest {
    private static final Digest DIGEST = Digest.sha256(new byte[] {1});
    private static final int AWAY_MILLIS = 3000;
    private static final int LONG_AWAY_MILLIS = 15_000;

    private static HttpServer server(int port) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders().add("Docker-Content-Digest", DIGEST.toString());
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();
        return server;
    }

    private static RegistryClient client() {
        return new RegistryClient(
                RegistrySettings.defaults(RegistrySettings.Transport.HTTP, Proxies.NONE, "berth/test"),
                Credentials.ANONYMOUS);
    }

    @Test
    void oneThatHasAnsweredIsWaitedFor() throws Exception {
        HttpServer first = server(0);
        int port = first.getAddress().getPort();
        try (RegistryClient client = client()) {
            assertEquals(DIGEST, client.digest(ImageReference.parse("127.0.0.1:%d/a/b:1".formatted(port))));
            first.stop(0);
            Thread again = Thread.ofPlatform().start(() -> {
                try {
                    Thread.sleep(AWAY_MILLIS);
                    HttpServer second = server(port);
                    Thread.sleep(10 * AWAY_MILLIS);
                    second.stop(0);
                } catch (InterruptedException e) {
                    // The test is done.
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            assertEquals(DIGEST, client.digest(ImageReference.parse("127.0.0.1:%d/a/b:2".formatted(port))));
            again.interrupt();
            again.join();
        }
    }

    /** A layer of which a part has come: no byte is fetched twice, and nothing is given up for a restart. */
    @Test
    void oneThatGoesAwayInTheMidstOfALayerIsTakenUpAtTheSameByte() throws Exception {
        byte[] layer = TestRegistry.noise(1 << 20, 1);
        int half = layer.length / 2;
        Descriptor blob = new Descriptor("application/octet-stream", Digest.sha256(layer), layer.length, Map.of());
        List<String> ranges = Collections.synchronizedList(new ArrayList<>());
        HttpServer first = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        int port = first.getAddress().getPort();
        first.createContext("/", exchange -> {
            TestRegistry.cut(exchange, 200, layer, half);
            exchange.close();
            first.stop(0);
        });
        first.start();
        Thread again = Thread.ofPlatform().start(() -> {
            try {
                // Longer than all tries of a failure of another kind together.
                Thread.sleep(LONG_AWAY_MILLIS);
                HttpServer second = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
                second.createContext("/", exchange -> {
                    ranges.add(exchange.getRequestHeaders().getFirst("Range"));
                    exchange.getResponseHeaders()
                            .set("Content-Range", "bytes %d-%d/%d".formatted(half, layer.length - 1, layer.length));
                    TestRegistry.send(exchange, 206, Arrays.copyOfRange(layer, half, layer.length));
                    exchange.close();
                });
                second.start();
                Thread.sleep(10 * LONG_AWAY_MILLIS);
                second.stop(0);
            } catch (InterruptedException e) {
                // The test is done.
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        try (RegistryClient client = client();
                InputStream in = client.blobs(ImageReference.parse("127.0.0.1:%d/a/b:1".formatted(port)))
                        .open(blob)) {
            assertArrayEquals(layer, in.readAllBytes());
        } finally {
            again.interrupt();
            again.join();
        }
        assertEquals(List.of("bytes=%d-".formatted(half)), ranges);
    }

    @Test
    void oneThatWasNeverThereIsNot() throws IOException {
        HttpServer server = server(0);
        int port = server.getAddress().getPort();
        server.stop(0);
        long begin = System.nanoTime();
        try (RegistryClient client = client()) {
            ImageReference image = ImageReference.parse("127.0.0.1:%d/a/b:1".formatted(port));
            String text = assertThrows(RegistryException.class, () -> client.digest(image))
                    .getMessage();
            assertTrue(text.contains("connection refused"), text);
        }
        assertTrue(System.nanoTime() - begin < 20_000_000_000L, "it was waited for");
    }
}
