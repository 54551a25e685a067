package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.berth.error.RegistryException;
import org.berth.oci.Digest;
import org.berth.oci.ImageReference;
import org.junit.jupiter.api.Test;

/** A registry that is gone for some seconds while it is used. */
class RestartTest {
    private static final Digest DIGEST = Digest.sha256(new byte[] {1});
    private static final int AWAY_MILLIS = 3000;

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
