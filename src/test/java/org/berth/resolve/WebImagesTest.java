package org.berth.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.cache.ImageCopies;
import org.berth.cache.Jobs;
import org.berth.convert.Compression;
import org.berth.error.BerthException;
import org.berth.error.ImageException;
import org.berth.error.RegistryException;
import org.berth.host.Owners;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.ImageLimits;
import org.berth.resolve.Puller.PulledImage;
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

/** SIF files from a web server on the loopback interface. */
@Timeout(30)
class WebImagesTest {
    @TempDir
    Path directory;

    private final List<String> told = new ArrayList<>();
    private HttpServer server;
    private byte[] body = {};
    private int length;
    private Optional<String> tag = Optional.of("\"one\"");
    private Optional<String> modified = Optional.empty();

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/image.sif", exchange -> {
            tag.ifPresent(text -> exchange.getResponseHeaders().set("ETag", text));
            modified.ifPresent(text -> exchange.getResponseHeaders().set("Last-Modified", text));
            exchange.sendResponseHeaders(200, length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.createContext("/moved", exchange -> {
            exchange.getResponseHeaders().set("Location", "/image.sif");
            exchange.sendResponseHeaders(302, -1);
            exchange.close();
        });
        server.start();
        give(sif());
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private void give(byte[] bytes) {
        body = bytes;
        length = bytes.length;
    }

    private byte[] sif() throws IOException {
        Path file = directory.resolve("source.sif");
        try (SifWriter sif = SifWriter.create(file, SifIdentity.DETERMINISTIC)) {
            sif.add(
                    SifObject.partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, Architecture.AMD64, ""),
                    new byte[4096]);
            sif.finish(022);
        }
        return Files.readAllBytes(file);
    }

    private static int uid() {
        try {
            return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Of a pull without any option. */
    static PullSettings settings(Optional<Path> cache, Path temporary) {
        return new PullSettings(
                cache,
                Owners.only(uid()),
                Jobs.NONE,
                () -> temporary,
                Compression.ZSTD,
                1,
                new BuildTime.Now(),
                ZoneOffset.UTC,
                1,
                ImageLimits.DEFAULTS,
                022,
                "test");
    }

    private PulledImage fetch(String path, Optional<Path> cache) {
        PullSettings settings = settings(cache, directory);
        try (WebImages web = new WebImages(settings, new Recorded(told), ProxySelector.of(null), "berth/test")) {
            return web.fetch(
                    "http://127.0.0.1:%d%s".formatted(server.getAddress().getPort(), path));
        }
    }

    record Recorded(List<String> told) implements PullEvents {
        @Override
        public void cached(String text) {
            told.add(text);
        }

        @Override
        public void info(String text) {
            told.add(text);
        }

        @Override
        public void warning(String text) {
            told.add(text);
        }

        @Override
        public void image(Digest digest, List<Descriptor> layers) {}

        @Override
        public ShownProgress progress() {
            return new ShownProgress() {
                @Override
                public void start(Descriptor blob) {}

                @Override
                public void bytes(Descriptor blob, long count) {}

                @Override
                public void done(Descriptor blob) {}

                @Override
                public void close() {}
            };
        }
    }

    @Test
    void anUnchangedImageComesFromTheCache() throws IOException {
        Optional<Path> cache = Optional.of(directory.resolve("cache"));
        Path first = fetch("/image.sif", cache).file();
        assertEquals(first, fetch("/image.sif", cache).file());
        assertEquals(List.of("Downloading network image", "Using image from cache"), told);
        tag = Optional.of("\"two\"");
        assertFalse(first.equals(fetch("/image.sif", cache).file()));
        ImageCopies.copy(first, directory.resolve("copy.sif"), 0644);
        assertEquals(-1, Files.mismatch(directory.resolve("copy.sif"), directory.resolve("source.sif")));
    }

    @Test
    void theCacheIsUsedWhileLastModifiedHolds() {
        Optional<Path> cache = Optional.of(directory.resolve("cache"));
        tag = Optional.empty();
        modified = Optional.of("Tue, 01 Dec 2026 00:00:00 GMT");
        Path first = fetch("/image.sif", cache).file();
        assertEquals(first, fetch("/image.sif", cache).file());
        // Another server, or another address of it, may have another file of the same time.
        assertFalse(first.equals(fetch("/moved", cache).file()));
        modified = Optional.of("Tue, 01 Dec 2026 00:00:01 GMT");
        assertFalse(first.equals(fetch("/image.sif", cache).file()));
        assertEquals(
                List.of(
                        "Downloading network image",
                        "Using image from cache",
                        "Downloading network image",
                        "Downloading network image"),
                told);
    }

    @Test
    void withoutACacheOrAValidatorTheImageIsTemporary() {
        assertTrue(fetch("/image.sif", Optional.empty()).temporary());
        tag = Optional.empty();
        assertTrue(fetch("/moved", Optional.of(directory.resolve("cache"))).temporary());
    }

    @Test
    void whatIsNoWholeSifIsRefusedAndLeavesNothing() throws IOException {
        give("<html>not found</html>".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        Optional<Path> cache = Optional.of(directory.resolve("cache"));
        assertThrows(ImageException.class, () -> fetch("/image.sif", cache));
        assertThrows(ImageException.class, () -> fetch("/image.sif", Optional.empty()));
        give(sif());
        length = body.length + 100;
        assertThrows(BerthException.class, () -> fetch("/image.sif", cache));
        assertThrows(RegistryException.class, () -> fetch("/nothing", cache));
        try (var left = Files.walk(directory)) {
            assertEquals(
                    List.of("source.sif"),
                    left.filter(Files::isRegularFile)
                            .map(path -> path.getFileName().toString())
                            .filter(name -> name.contains("sif") || name.endsWith(".part"))
                            .toList());
        }
    }
}
