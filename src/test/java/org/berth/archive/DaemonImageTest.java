package org.berth.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.oci.Platforms;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The client of the Docker daemon against a double of its Engine API on a unix socket. */
@Timeout(30)
class DaemonImageTest {
    @TempDir
    Path directory;

    private final List<String> requests = new CopyOnWriteArrayList<>();
    private volatile byte[] answer = {};
    private ServerSocketChannel server;
    private DaemonAddress address;

    @BeforeEach
    void listen() throws IOException {
        Path socket = directory.resolve("docker.sock");
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        address = DaemonAddress.parse("unix://" + socket);
        Thread.ofVirtual().start(this::serve);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private void serve() {
        try {
            while (true) {
                try (SocketChannel client = server.accept()) {
                    ByteBuffer request = ByteBuffer.allocate(4096);
                    client.read(request);
                    requests.add(new String(request.array(), 0, request.position(), StandardCharsets.UTF_8)
                            .lines()
                            .findFirst()
                            .orElseThrow());
                    ByteBuffer bytes = ByteBuffer.wrap(answer);
                    while (bytes.hasRemaining()) {
                        client.write(bytes);
                    }
                }
            }
        } catch (IOException e) {
            // The end of the test.
        }
    }

    private static byte[] bytes(String head, byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(head.getBytes(StandardCharsets.UTF_8));
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    private Path save(String name) {
        return new DaemonImage(address, name).save(directory);
    }

    @Test
    void anImageIsSavedHoweverItsLengthIsGiven() throws IOException {
        byte[] body = "some bytes".getBytes(StandardCharsets.UTF_8);
        answer = bytes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", body, "more".getBytes(StandardCharsets.UTF_8));
        assertEquals("some bytes", Files.readString(save("a/b:1")));
        answer =
                bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nsome\r\n6\r\n bytes\r\n0\r\n\r\n");
        assertEquals("some bytes", Files.readString(save("a/b:1")));
        answer = bytes("HTTP/1.0 200 OK\r\n\r\n", body);
        assertEquals("some bytes", Files.readString(save("a/b:1")));
        assertEquals("GET /images/a/b:1/get HTTP/1.1", requests.getFirst());
    }

    @Test
    void anAnswerThatIsCutOffIsNoImage() throws IOException {
        for (String cut : List.of(
                "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nsome bytes",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nsome\r\n",
                "HTTP/1.1 200",
                "SSH-2.0-OpenSSH\r\n\r\n")) {
            answer = bytes(cut);
            HostException e = assertThrows(HostException.class, () -> save("a:1"), cut);
            assertTrue(String.valueOf(e.getMessage()).startsWith("the Docker daemon at unix://"), e.getMessage());
        }
        try (var left = Files.list(directory)) {
            assertEquals(List.of(directory.resolve("docker.sock")), left.toList());
        }
    }

    @Test
    void theDaemonsOwnWordsAreShown() {
        answer = bytes(
                "HTTP/1.1 404 Not Found\r\nContent-Length: 45\r\n\r\n{\"message\":\"reference does not exist\\n\\u001b[31m\"}");
        String text = String.valueOf(
                assertThrows(ImageException.class, () -> save("a:1")).getMessage());
        assertTrue(text.contains("reference does not exist") && text.contains("status 404"), text);
        assertTrue(text.codePoints().noneMatch(Character::isISOControl), text);
    }

    @Test
    void theIdIsTheDigestOfTheConfiguration() {
        String id = "sha256:" + "ab".repeat(32);
        answer = bytes("HTTP/1.1 200 OK\r\n\r\n{\"Id\":\"%s\"}".formatted(id));
        assertEquals(id, new DaemonImage(address, "a:1").id().orElseThrow().toString());
        answer = bytes("HTTP/1.1 404 Not Found\r\n\r\n");
        assertEquals(Optional.empty(), new DaemonImage(address, "a:1").id());
    }

    @Test
    void aSavedImageIsOpened() throws IOException {
        byte[] tar = Files.readAllBytes(CorpusFiles.file("tiny", "docker.tar"));
        answer = bytes("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n".formatted(tar.length), tar);
        StoredSource source = new StoredSource.Daemon(new DaemonImage(address, "tiny:latest"));
        try (OpenArchive archive = OpenArchive.open(source, Platforms.parse("amd64", ""), directory)) {
            assertEquals("amd64", archive.image().config().platform().architecture());
        }
    }

    @Test
    void aNameWithoutATagAndAnUnknownAddressAreErrors() {
        String text = String.valueOf(assertThrows(UsageException.class, () -> new DaemonImage(address, "hello"))
                .getMessage());
        assertTrue(text.contains("has neither a tag nor a digest"), text);
        for (String wrong : List.of("ssh://host", "npipe:////./pipe/docker", "unix://", "tcp://", "host")) {
            assertThrows(UsageException.class, () -> DaemonAddress.parse(wrong), wrong);
        }
        assertEquals(
                new DaemonAddress.Target.Network("host", 2375),
                DaemonAddress.parse("tcp://host").target());
        assertThrows(
                HostException.class,
                () -> new DaemonImage(DaemonAddress.parse("unix://" + directory.resolve("none")), "a:1")
                        .save(directory));
    }
}
