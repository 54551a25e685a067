package org.berth.archive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.berth.error.BerthException;
import org.berth.error.UsageException;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.Platform;
import org.berth.oci.Platforms;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Layouts and archives as nobody would write them; beside them lies what no name in them may reach. */
class ArchiveFuzzTest {
    private static final Platform AMD64 = Platforms.parse("amd64", "");
    private static final byte[] SECRET = "beside".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] LAYER = "layer".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] CONFIG =
            "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[\"%s\"]}}"
                    .formatted(Digest.sha256(LAYER))
                    .getBytes(StandardCharsets.US_ASCII);
    private static final List<String> WORDS = Mutation.json(
            "null",
            "\"Config\":",
            "\"Layers\":",
            "\"RepoTags\":",
            "\"digest\":",
            "\"size\":",
            "../secret",
            "/etc/passwd",
            "link",
            "..",
            "manifest.json",
            "index.json",
            "sha256:",
            "\\u0000",
            "blobs/sha256/");

    @TempDir
    Path directory;

    private Path scratch;

    @BeforeEach
    void prepare() throws IOException {
        scratch = Files.createDirectory(directory.resolve("scratch"));
        Files.write(directory.resolve("secret"), SECRET);
    }

    private static Map<String, byte[]> dockerSave() {
        var files = new LinkedHashMap<String, byte[]>();
        String config = Digest.sha256(CONFIG).hex() + ".json";
        files.put("l/layer.tar", LAYER);
        files.put(config, CONFIG);
        files.put(
                "manifest.json",
                "[{\"Config\":\"%s\",\"RepoTags\":[\"a:b\"],\"Layers\":[\"l/layer.tar\"]}]"
                        .formatted(config)
                        .getBytes(StandardCharsets.US_ASCII));
        return files;
    }

    private static Map<String, byte[]> layout() {
        var files = new LinkedHashMap<String, byte[]>();
        byte[] manifest = """
                {"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},
                "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%d}]}""".formatted(Digest.sha256(CONFIG), CONFIG.length, Digest.sha256(LAYER), LAYER.length)
                .getBytes(StandardCharsets.US_ASCII);
        files.put("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.US_ASCII));
        for (byte[] blob : List.of(CONFIG, LAYER, manifest)) {
            files.put("blobs/sha256/" + Digest.sha256(blob).hex(), blob);
        }
        files.put("index.json", """
                {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s",
                "size":%d,"annotations":{"org.opencontainers.image.ref.name":"t"}}]}""".formatted(Digest.sha256(manifest), manifest.length)
                .getBytes(StandardCharsets.US_ASCII));
        return files;
    }

    @Test
    void archives() {
        Path file = directory.resolve("image.tar");
        Fuzz.of("archive").cases(200).run(random -> {
            boolean docker = random.nextBoolean();
            byte[] tar = tar(damaged(docker ? dockerSave() : layout(), random), random);
            if (random.nextInt(4) == 0) {
                tar = Mutation.bytes(tar, random);
            }
            Files.write(file, random.nextInt(6) == 0 ? Mutation.bytes(gzip(tar), random) : tar);
            Optional<String> name = Mutation.one(
                    List.of(Optional.<String>empty(), Optional.of("a:b"), Optional.of("@0"), Optional.of("t")), random);
            read(docker ? new StoredSource.DockerSave(file, name) : new StoredSource.LayoutArchive(file, name));
        });
    }

    @Test
    void layouts() throws IOException {
        Path root = Files.createDirectory(directory.resolve("layout"));
        Fuzz.of("layout").cases(100).run(random -> {
            clear(root);
            for (var entry : damaged(layout(), random).entrySet()) {
                Path file = root.resolve(entry.getKey()).normalize();
                if (file.startsWith(root) && !file.equals(root) && !Files.isDirectory(file)) {
                    Files.createDirectories(file.getParent());
                    if (random.nextInt(12) == 0) {
                        Files.deleteIfExists(file);
                        Files.createSymbolicLink(
                                file,
                                Path.of(Mutation.one(List.of("../secret", "/etc/passwd", ".", "nowhere"), random)));
                    } else {
                        Files.write(file, entry.getValue());
                    }
                }
            }
            read(new StoredSource.Layout(root, random.nextBoolean() ? Optional.empty() : Optional.of("t")));
        });
    }

    /** Opens the image and reads its layers; what is read is never what lies beside, and nothing is left in scratch. */
    private void read(StoredSource source) throws IOException {
        try (OpenArchive archive = OpenArchive.open(source, AMD64, scratch)) {
            for (Descriptor layer : archive.image().manifest().layers()) {
                try (InputStream in = archive.image().layers().open(layer)) {
                    assertFalse(java.util.Arrays.equals(SECRET, in.readNBytes(1 << 20)), "a file outside was read");
                }
            }
        } finally {
            try (Stream<Path> left = Files.list(scratch)) {
                assertEquals(List.of(), left.toList());
            }
        }
    }

    private static Map<String, byte[]> damaged(Map<String, byte[]> whole, RandomGenerator random) {
        var files = new LinkedHashMap<String, byte[]>();
        whole.forEach((name, bytes) -> {
            byte[] content = switch (random.nextInt(8)) {
                case 0 -> Mutation.bytes(bytes, random);
                case 1 ->
                    Mutation.text(new String(bytes, StandardCharsets.UTF_8), WORDS, random)
                            .getBytes(StandardCharsets.UTF_8);
                default -> bytes;
            };
            if (random.nextInt(16) != 0) {
                files.put(
                        random.nextInt(16) == 0 ? Mutation.one(WORDS, random).replaceAll("/$|\\\\u0000", "x") : name,
                        content);
            }
        });
        return files;
    }

    private static byte[] tar(Map<String, byte[]> files, RandomGenerator random) throws IOException {
        var out = new ByteArrayOutputStream();
        try (var tar = new TarArchiveOutputStream(out)) {
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            for (var file : files.entrySet()) {
                if (random.nextInt(16) == 0) {
                    var link = new TarArchiveEntry(file.getKey(), random.nextBoolean() ? (byte) '2' : (byte) '1');
                    link.setLinkName(Mutation.one(
                            List.of("../secret", "/etc/passwd", "manifest.json", "l/layer.tar", file.getKey(), "a"),
                            random));
                    tar.putArchiveEntry(link);
                } else {
                    var entry = new TarArchiveEntry(file.getKey());
                    entry.setSize(file.getValue().length);
                    tar.putArchiveEntry(entry);
                    tar.write(file.getValue());
                }
                tar.closeArchiveEntry();
            }
        }
        return out.toByteArray();
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        var out = new ByteArrayOutputStream();
        try (OutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    private static void clear(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                if (!path.equals(root)) {
                    Files.delete(path);
                }
            }
        }
    }

    /** What something that is no Docker daemon says. */
    @Test
    void daemons() throws IOException {
        Path socket = directory.resolve("s");
        byte[] tar = tar(dockerSave(), new java.util.SplittableRandom(1));
        String head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\n";
        List<byte[]> whole = List.of(
                joined("%sContent-Length: %d\r\n\r\n".formatted(head, tar.length), tar, ""),
                joined("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n".formatted(head, tar.length), tar, "\r\n0\r\n\r\n"),
                joined(
                        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n",
                        new byte[0],
                        "{\"message\":\"x\"}"));
        List<String> words = List.of(
                "\r\n",
                "\n",
                "HTTP/1.1 ",
                "Content-Length: ",
                "Transfer-Encoding: chunked",
                "fffffffffffffff",
                "-1",
                " ",
                ":");
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            var image = new DaemonImage(DaemonAddress.parse("unix://" + socket), "a:b");
            Fuzz.of("daemon").cases(100).run(random -> {
                byte[] answer = Mutation.one(whole, random);
                byte[] said = random.nextBoolean()
                        ? Mutation.bytes(answer, random)
                        : Mutation.text(new String(answer, StandardCharsets.ISO_8859_1), words, random)
                                .getBytes(StandardCharsets.ISO_8859_1);
                Thread talking = Thread.ofVirtual().start(() -> talk(server, said));
                try {
                    read(new StoredSource.Daemon(image));
                } finally {
                    talking.join();
                }
            });
        }
    }

    private static void talk(ServerSocketChannel server, byte[] said) {
        try (SocketChannel channel = server.accept()) {
            channel.read(ByteBuffer.allocate(4096));
            ByteBuffer bytes = ByteBuffer.wrap(said);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            // The other side had heard enough.
        }
    }

    private static byte[] joined(String before, byte[] bytes, String after) {
        var out = new ByteArrayOutputStream();
        out.writeBytes(before.getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(bytes);
        out.writeBytes(after.getBytes(StandardCharsets.US_ASCII));
        return out.toByteArray();
    }

    @Test
    void addressesOfDaemons() {
        assertThrows(UsageException.class, () -> DaemonAddress.parse("unix:///run/\0"));
        List<String> words = List.of(
                "unix://",
                "tcp://",
                "http://",
                "/var/run",
                "localhost",
                ":2375",
                ":99999",
                "[::1]",
                "\udcff",
                "%",
                "?");
        Fuzz.of("docker-host").cases(1000).run(random -> {
            try {
                DaemonAddress.parse(Mutation.text(words, 4, random));
            } catch (BerthException e) {
                assertFalse(String.valueOf(e.getMessage()).isBlank());
            }
        });
    }
}
