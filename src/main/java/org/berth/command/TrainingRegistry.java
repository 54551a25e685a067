package org.berth.command;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.berth.oci.Digest;
import org.berth.oci.MediaTypes;

/** A registry on the loopback interface with one small image, for as long as the training runs. */
final class TrainingRegistry implements AutoCloseable {
    private static final int FILES = 200;
    private static final int FILE_SIZE = 20_000;

    private final ServerSocket server;
    private final Map<String, byte[]> content = new HashMap<>();
    private final Digest manifest;

    TrainingRegistry() throws IOException {
        byte[] layer = layer();
        String plain = Digest.sha256(archive()).toString();
        byte[] config = utf8("""
                {"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sh"]},
                 "rootfs":{"type":"layers","diff_ids":["%s"]}}
                """.formatted(plain));
        byte[] document = utf8("""
                {"schemaVersion":2,"mediaType":"%s",
                 "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},
                 "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"%s","size":%d}]}
                """.formatted(
                MediaTypes.OCI_MANIFEST, Digest.sha256(config), config.length, Digest.sha256(layer), layer.length));
        manifest = Digest.sha256(document);
        content.put("/v2/train/manifests/latest", document);
        content.put("/v2/train/manifests/" + manifest, document);
        content.put("/v2/train/blobs/" + Digest.sha256(config), config);
        content.put("/v2/train/blobs/" + Digest.sha256(layer), layer);
        server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
        Thread.ofPlatform().daemon().name("training-registry").start(this::serve);
    }

    /** {@code docker://localhost:PORT/train}. */
    String image() {
        return "docker://localhost:%d/train".formatted(server.getLocalPort());
    }

    @Override
    public void close() throws IOException {
        server.close();
    }

    private void serve() {
        while (!server.isClosed()) {
            try {
                Socket client = server.accept();
                Thread.ofPlatform().daemon().start(() -> answer(client));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void answer(Socket client) {
        try (client) {
            var in = new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII));
            for (String request = in.readLine(); request != null; request = in.readLine()) {
                for (String header = in.readLine(); header != null && !header.isEmpty(); header = in.readLine()) {
                    // The answer does not depend on headers.
                }
                String[] words = request.split(" ");
                respond(client.getOutputStream(), words[0], content.get(words[1]));
            }
        } catch (IOException e) {
            // The client is done.
        }
    }

    private void respond(OutputStream out, String method, byte @org.jspecify.annotations.Nullable [] body)
            throws IOException {
        int length = body == null ? 0 : body.length;
        out.write(utf8("HTTP/1.1 %s\r\nContent-Type: %s\r\nDocker-Content-Digest: %s\r\nContent-Length: %d\r\n\r\n"
                .formatted(body == null ? "404 Not Found" : "200 OK", MediaTypes.OCI_MANIFEST, manifest, length)));
        if (body != null && !method.equals("HEAD")) {
            out.write(body);
        }
        out.flush();
    }

    private static byte[] layer() throws IOException {
        var compressed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(compressed)) {
            gzip.write(archive());
        }
        return compressed.toByteArray();
    }

    /** A ustar archive of files that compress as programs do. */
    private static byte[] archive() {
        var archive = new ByteArrayOutputStream();
        Random random = new Random(1);
        byte[] data = new byte[FILE_SIZE];
        for (int i = 0; i < FILES; i++) {
            for (int j = 0; j < data.length; j++) {
                data[j] = j % 3 == 0 ? (byte) random.nextInt(256) : (byte) ('a' + j % 17);
            }
            archive.writeBytes(header("usr/lib/part-%03d/file".formatted(i), data.length));
            archive.writeBytes(data);
            archive.writeBytes(new byte[(512 - data.length % 512) % 512]);
        }
        archive.writeBytes(new byte[1024]);
        return archive.toByteArray();
    }

    private static byte[] header(String name, int size) {
        byte[] block = new byte[512];
        put(block, 0, name);
        put(block, 100, "0000644\0");
        put(block, 108, "0000000\0");
        put(block, 116, "0000000\0");
        put(block, 124, "%011o\0".formatted(size));
        put(block, 136, "%011o\0".formatted(1_700_000_000));
        put(block, 148, "        ");
        block[156] = '0';
        put(block, 257, "ustar\00000");
        int sum = 0;
        for (byte b : block) {
            sum += b & 0xFF;
        }
        put(block, 148, "%06o\0 ".formatted(sum));
        return block;
    }

    private static void put(byte[] block, int at, String text) {
        byte[] bytes = utf8(text);
        System.arraycopy(bytes, 0, block, at, bytes.length);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
