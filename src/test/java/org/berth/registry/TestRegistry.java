package org.berth.registry;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.berth.oci.Digest;
import org.berth.oci.Documents;
import org.berth.oci.ImageReference;
import org.berth.oci.MediaTypes;

/** A registry on the loopback interface whose every answer a test may replace. */
final class TestRegistry implements AutoCloseable {
    /** Answers one request; returns false to let the registry answer as it should. */
    interface Fault {
        boolean answer(HttpExchange exchange, int count) throws IOException;
    }

    /** @param header values of Authorization and Range, or empty strings */
    record Seen(String method, String path, String authorization, String range) {}

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Map<String, byte[]> blobs = new ConcurrentHashMap<>();
    private final Map<String, Document> documents = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> counts = new ConcurrentHashMap<>();
    private final List<Seen> seen = Collections.synchronizedList(new ArrayList<>());
    private volatile Fault fault = (exchange, count) -> false;

    private record Document(String mediaType, byte[] bytes) {}

    TestRegistry() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            try (exchange) {
                handle(exchange);
            }
        });
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    ImageReference image(String name) {
        return ImageReference.parse("127.0.0.1:%d/%s".formatted(port(), name));
    }

    void fault(Fault next) {
        counts.clear();
        seen.clear();
        fault = next;
    }

    List<Seen> seen() {
        return List.copyOf(seen);
    }

    Digest blob(byte[] bytes) {
        Digest digest = Digest.sha256(bytes);
        blobs.put(digest.toString(), bytes);
        return digest;
    }

    void blob(Digest digest, byte[] bytes) {
        blobs.put(digest.toString(), bytes);
    }

    Digest document(String tag, String mediaType, String text) {
        byte[] bytes = Documents.utf8(text);
        Digest digest = Digest.sha256(bytes);
        documents.put(tag, new Document(mediaType, bytes));
        documents.put(digest.toString(), new Document(mediaType, bytes));
        return digest;
    }

    /** An image of one layer at a tag; returns the digest of its manifest. */
    Digest image(String tag, String architecture, byte[] layer) {
        Digest layerDigest = blob(layer);
        String config = ("{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"%s\"]},"
                        + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}")
                .formatted(architecture, tag, Documents.DIGEST);
        Digest configDigest = blob(Documents.utf8(config));
        return document(
                tag,
                MediaTypes.OCI_MANIFEST,
                Documents.manifest(
                        Documents.descriptor(
                                "application/vnd.oci.image.config.v1+json",
                                configDigest.toString(),
                                Integer.toString(config.length())),
                        "["
                                + Documents.descriptor(
                                        "application/vnd.oci.image.layer.v1.tar+gzip",
                                        layerDigest.toString(),
                                        Integer.toString(layer.length))
                                + "]"));
    }

    static byte[] noise(int size, long seed) {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static String header(HttpExchange exchange, String name) {
        String value = exchange.getRequestHeaders().getFirst(name);
        return value == null ? "" : value;
    }

    private void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().toString();
        seen.add(new Seen(
                exchange.getRequestMethod(), path, header(exchange, "Authorization"), header(exchange, "Range")));
        int count = counts.computeIfAbsent(exchange.getRequestMethod() + path, unused -> new AtomicInteger())
                .incrementAndGet();
        if (!fault.answer(exchange, count)) {
            serve(exchange);
        }
    }

    /** The answer of a sound registry. */
    void serve(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String last = path.substring(path.lastIndexOf('/') + 1);
        if (path.contains("/manifests/") && documents.containsKey(last)) {
            Document document = documents.get(last);
            exchange.getResponseHeaders().set("Content-Type", document.mediaType());
            exchange.getResponseHeaders()
                    .set(
                            "Docker-Content-Digest",
                            Digest.sha256(document.bytes()).toString());
            send(exchange, 200, document.bytes());
        } else if (path.contains("/blobs/") && blobs.containsKey(last)) {
            blob(exchange, blobs.get(last));
        } else {
            error(exchange, 404, path.contains("/blobs/") ? "blob unknown" : "manifest unknown");
        }
    }

    private static void blob(HttpExchange exchange, byte[] bytes) throws IOException {
        String range = header(exchange, "Range");
        int start = range.isEmpty() ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        if (start > 0) {
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes %d-%d/%d".formatted(start, bytes.length - 1, bytes.length));
        }
        send(exchange, start > 0 ? 206 : 200, Arrays.copyOfRange(bytes, start, bytes.length));
    }

    byte[] documentAt(String tag) {
        return documents.get(tag).bytes();
    }

    byte[] blobAt(String path) {
        return blobs.get(path.substring(path.lastIndexOf('/') + 1));
    }

    static void error(HttpExchange exchange, int status, String message) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        send(exchange, status, Documents.utf8("{\"errors\":[{\"code\":\"X\",\"message\":\"%s\"}]}".formatted(message)));
    }

    static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    /** Announces all of the bytes, sends the first ones and hangs up. */
    static void cut(HttpExchange exchange, int status, byte[] body, int length) throws IOException {
        exchange.sendResponseHeaders(status, body.length);
        OutputStream out = exchange.getResponseBody();
        out.write(body, 0, length);
        out.flush();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
