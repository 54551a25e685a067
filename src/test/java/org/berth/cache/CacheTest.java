package org.berth.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.berth.oci.Digest;
import org.berth.oci.Platform;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheTest {
    private static final String KEY = "0".repeat(64);

    @TempDir
    Path root;

    static Cache open(Path root) {
        return assertInstanceOf(Cache.Opened.Usable.class, Cache.open(root)).cache();
    }

    private Path image() {
        return root.resolve("cache/oci-tmp").resolve(KEY);
    }

    private List<String> below(String directory) throws IOException {
        try (Stream<Path> paths = Files.list(root.resolve(directory))) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void firstUseMakesPrivateDirectories() throws IOException {
        open(root.resolve("new"));
        assertEquals(List.of("ipfs", "library", "net", "oci-tmp", "oras", "shub"), below("new/cache"));
        for (String directory : List.of("new", "new/cache", "new/cache/net")) {
            assertEquals(
                    "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(root.resolve(directory))));
        }
    }

    @Test
    void whereNoCacheCanBeTheReasonIsSaid() {
        Cache.Opened.Unusable unusable =
                assertInstanceOf(Cache.Opened.Unusable.class, Cache.open(Path.of("/proc/nope")));
        assertEquals("Cache disabled - cache location /proc is not writable", unusable.reason());
    }

    @Test
    void keyDependsOnAllThatChangesTheBytes() {
        Digest digest = Digest.sha256(new byte[0]);
        Platform platform = new Platform("linux", "arm", "v7");
        List<String> keys = List.of(
                Cache.key(digest, platform, "zstd"),
                Cache.key(digest, platform, "gzip"),
                Cache.key(digest, new Platform("linux", "arm", "v6"), "zstd"),
                Cache.key(Digest.sha256(new byte[1]), platform, "zstd"));
        assertEquals(4, keys.stream().distinct().count());
        assertTrue(keys.getFirst().matches("[0-9a-f]{64}"));
    }

    @Test
    void anImageIsMadeOnceAndFoundAfterwards() throws IOException {
        Cache cache = open(root);
        try (ImageLease lease = cache.lease(KEY, file -> true, () -> {})) {
            ImageLease.Writer writer = assertInstanceOf(ImageLease.Writer.class, lease);
            Files.writeString(writer.temporary(), "image");
            assertEquals(image(), writer.publish());
        }
        assertEquals(List.of(KEY), below("cache/oci-tmp"));
        assertEquals(new ImageLease.Finished(image()), cache.lease(KEY, file -> true, () -> {}));
    }

    @Test
    void whatIsNotPublishedLeavesNothing() throws IOException {
        Cache cache = open(root);
        try (ImageLease lease = cache.lease(KEY, file -> true, () -> {})) {
            Files.writeString(assertInstanceOf(ImageLease.Writer.class, lease).temporary(), "half");
        }
        assertEquals(List.of(), below("cache/oci-tmp"));
    }

    @Test
    void anImageThatWasCutIsMadeAnew() throws IOException {
        Cache cache = open(root);
        Files.writeString(image(), "ima");
        try (ImageLease lease = cache.lease(KEY, file -> file.toFile().length() == 5, () -> {})) {
            ImageLease.Writer writer = assertInstanceOf(ImageLease.Writer.class, lease);
            Files.writeString(writer.temporary(), "image");
            writer.publish();
        }
        assertEquals("image", Files.readString(image()));
    }

    @Test
    void sixteenThreadsMakeItOnce() throws Exception {
        Cache cache = open(root);
        AtomicInteger made = new AtomicInteger();
        AtomicInteger waits = new AtomicInteger();
        try (ExecutorService threads = Executors.newFixedThreadPool(16)) {
            List<Future<String>> results = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                results.add(threads.submit(() -> convert(cache, made, waits, Duration.ofMillis(150))));
            }
            for (Future<String> result : results) {
                assertEquals("image", result.get());
            }
        }
        assertEquals(1, made.get());
        assertTrue(waits.get() > 0);
        assertEquals(List.of(KEY), below("cache/oci-tmp"));
    }

    private static String convert(Cache cache, AtomicInteger made, AtomicInteger waits, Duration time)
            throws IOException, InterruptedException {
        try (ImageLease lease = cache.lease(KEY, file -> true, waits::incrementAndGet)) {
            return switch (lease) {
                case ImageLease.Finished(Path file) -> Files.readString(file);
                case ImageLease.Writer writer -> {
                    made.incrementAndGet();
                    Files.writeString(writer.temporary(), "image");
                    Thread.sleep(time);
                    yield Files.readString(writer.publish());
                }
            };
        }
    }

    /** Another process: {@code hold} takes the lease and stays, {@code make} makes the image if it is not there. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path root = Path.of(arguments[1]);
        AtomicInteger made = new AtomicInteger();
        switch (arguments[0]) {
            case "hold" -> {
                ImageLease.Writer writer = (ImageLease.Writer) open(root).lease(KEY, file -> true, () -> {});
                Files.writeString(writer.temporary(), "half");
                System.out.println("held");
                Thread.sleep(60_000);
            }
            case "make" -> {
                convert(open(root), made, new AtomicInteger(), Duration.ofMillis(300));
                Files.writeString(
                        root.resolve("log"),
                        "m".repeat(made.get()),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.APPEND);
            }
            case "temporary" -> {
                Cache.temporary(root);
                System.out.println("held");
                Thread.sleep(60_000);
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private Process start(String what) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CacheTest.class.getName(),
                        what,
                        root.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    private static void awaitHeld(Process process) throws IOException {
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        assertEquals("held", out.readLine());
    }

    @Test
    void aKilledConverterIsReplacedAndItsLeftoversGo() throws Exception {
        Process holder = start("hold");
        awaitHeld(holder);
        assertTrue(below("cache/oci-tmp").stream().anyMatch(name -> name.endsWith(".part")));
        AtomicInteger waits = new AtomicInteger();
        AtomicInteger made = new AtomicInteger();
        Thread killer = Thread.ofVirtual().start(() -> {
            while (waits.get() == 0) {
                Thread.onSpinWait();
            }
            holder.destroyForcibly();
        });
        assertEquals("image", convert(open(root), made, waits, Duration.ZERO));
        killer.join();
        assertEquals(1, made.get());
        assertEquals(List.of(KEY), below("cache/oci-tmp"));
    }

    @Test
    void leftoversOfOtherImagesGoToo() throws Exception {
        Process holder = start("hold");
        awaitHeld(holder);
        holder.destroyForcibly().waitFor();
        try (ImageLease lease = open(root).lease("1".repeat(64), file -> true, () -> {})) {
            assertInstanceOf(ImageLease.Writer.class, lease);
            assertTrue(below("cache/oci-tmp").stream().noneMatch(name -> name.startsWith(KEY)));
        }
    }

    @Test
    void processesMakeItOnce() throws Exception {
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            processes.add(start("make"));
        }
        for (Process process : processes) {
            assertEquals(0, process.waitFor());
        }
        assertEquals("m", Files.readString(root.resolve("log")));
        assertEquals(List.of(KEY), below("cache/oci-tmp"));
    }

    @Test
    void aTemporaryCacheIsRemovedAtItsEndOrByTheNextOne() throws Exception {
        Process holder = start("temporary");
        awaitHeld(holder);
        try (Cache _ = Cache.temporary(root)) {
            assertEquals(2, below(".").size());
            holder.destroyForcibly().waitFor();
        }
        try (Cache _ = Cache.temporary(root)) {
            assertEquals(1, below(".").size());
        }
        assertEquals(List.of(), below("."));
    }

    @Test
    void aLeaseFileServesWhereLocksAreRefused() throws Exception {
        Locking refusing = base -> {
            throw new IOException("Function not implemented");
        };
        LeaseFileLocking files = new LeaseFileLocking(Duration.ofMillis(20), Duration.ofMillis(300));
        Leases first = new Leases(root, List.of(refusing, files));
        Leases second = new Leases(
                root, List.of(refusing, new LeaseFileLocking(Duration.ofMillis(20), Duration.ofMillis(300))));
        Leases.Lease held = first.acquire("x", () -> {});
        AtomicInteger order = new AtomicInteger();
        Thread waiter = Thread.ofVirtual().start(() -> {
            try (Leases.Lease _ = second.acquire("x", () -> order.compareAndSet(0, 1))) {
                assertTrue(order.compareAndSet(2, 3));
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        Thread.sleep(600);
        assertTrue(order.compareAndSet(1, 2), "the lease was renewed, so nobody may steal it");
        held.close();
        waiter.join();
        assertEquals(3, order.get());
        assertEquals(List.of(), below("."));
    }

    @Test
    void aLeaseFileOfTheDeadIsStolen() throws Exception {
        LeaseFileLocking files = new LeaseFileLocking(Duration.ofSeconds(10), Duration.ofMillis(100));
        Leases leases = new Leases(root, List.of(files));
        Files.writeString(root.resolve("x.lease"), "elsewhere 1 1\n");
        leases.acquire("x", () -> {}).close();
        assertEquals(List.of(), below("."));
    }

    @Test
    void oldPartsWithoutALeaseAreSwept() throws IOException {
        Path old = Files.writeString(root.resolve("x.1.part"), "");
        Files.writeString(root.resolve("y.1.part"), "");
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
        new Leases(root).sweep(Leases.Unfinished.REMOVED);
        assertFalse(Files.exists(old));
        assertEquals(List.of("y.1.part"), below("."));
    }
}
