package org.berth.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.berth.host.Owners;
import org.berth.oci.Digest;
import org.berth.oci.Platform;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheTest {
    private static final String KEY = "0".repeat(64);

    @TempDir
    Path root;

    static Cache open(Path root) {
        return assertInstanceOf(Cache.Opened.Usable.class, Cache.open(root, owners()))
                .cache();
    }

    /** Whoever runs the tests. */
    static Owners owners() {
        try {
            return Owners.only((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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
                assertInstanceOf(Cache.Opened.Unusable.class, Cache.open(Path.of("/proc/nope"), owners()));
        assertEquals(
                "Cache disabled - cache location /proc/nope cannot be made: /proc is not writable", unusable.reason());
    }

    @Test
    void whatSomebodyElseCouldHaveFilledIsNotUsed() throws IOException {
        open(root);
        Files.setPosixFilePermissions(root.resolve("cache/oci-tmp"), PosixFilePermissions.fromString("rwxrwxrwx"));
        Cache.Opened.Unusable open = assertInstanceOf(Cache.Opened.Unusable.class, Cache.open(root, owners()));
        assertEquals(
                "Cache disabled - %s/cache/oci-tmp may be written to by everybody (mode 0777)".formatted(root),
                open.reason());
        Files.delete(root.resolve("cache/oci-tmp"));
        Files.createSymbolicLink(root.resolve("cache/oci-tmp"), root);
        Cache.Opened.Unusable link = assertInstanceOf(Cache.Opened.Unusable.class, Cache.open(root, owners()));
        assertEquals("Cache disabled - %s/cache/oci-tmp is a symbolic link".formatted(root), link.reason());
        Files.delete(root.resolve("cache/oci-tmp"));
        Cache.Opened.Unusable another =
                assertInstanceOf(Cache.Opened.Unusable.class, Cache.open(root, Owners.only(owners().uid() + 1)));
        assertTrue(another.reason().contains("/cache belongs to "), another.reason());
        assertEquals(Optional.empty(), Cache.objection(root.resolve("none"), owners()));
    }

    @Test
    void aFileThatAnotherWroteIsNoneOfTheCache() throws IOException {
        Cache cache = open(root);
        Files.writeString(image(), "image");
        assertTrue(cache.finished(KEY, file -> true).isPresent());
        Files.setPosixFilePermissions(image(), PosixFilePermissions.fromString("rw-rw-rw-"));
        assertTrue(cache.finished(KEY, file -> true).isEmpty());
        Files.delete(image());
        Files.createSymbolicLink(image(), Files.writeString(root.resolve("other"), "image"));
        assertTrue(cache.finished(KEY, file -> true).isEmpty());
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
        try (ImageLease lease = cache.lease(KEY, file -> true, _ -> {})) {
            ImageLease.Writer writer = assertInstanceOf(ImageLease.Writer.class, lease);
            Files.writeString(writer.temporary(), "image");
            assertEquals(image(), writer.publish());
        }
        assertEquals(List.of(KEY), below("cache/oci-tmp"));
        assertEquals(new ImageLease.Finished(image()), cache.lease(KEY, file -> true, _ -> {}));
    }

    @Test
    void whatIsNotPublishedLeavesNothing() throws IOException {
        Cache cache = open(root);
        try (ImageLease lease = cache.lease(KEY, file -> true, _ -> {})) {
            Files.writeString(assertInstanceOf(ImageLease.Writer.class, lease).temporary(), "half");
        }
        assertEquals(List.of(), below("cache/oci-tmp"));
    }

    @Test
    void anImageThatWasCutIsMadeAnew() throws IOException {
        Cache cache = open(root);
        Files.writeString(image(), "ima");
        try (ImageLease lease = cache.lease(KEY, file -> file.toFile().length() == 5, _ -> {})) {
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
        try (ImageLease lease = cache.lease(KEY, file -> true, _ -> waits.incrementAndGet())) {
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
                ImageLease.Writer writer = (ImageLease.Writer) open(root).lease(KEY, file -> true, _ -> {});
                Files.writeString(writer.temporary(), "half");
                System.out.println("held");
                Thread.sleep(60_000);
            }
            case "churn" -> {
                Leases leases = new Leases(
                        root.resolve("cache/oci-tmp"),
                        "makes it",
                        new LeaseFile.Silent(Duration.ofSeconds(10), Jobs.NONE),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(60));
                for (int i = 0; true; i++) {
                    try (Leases.Lease _ =
                            leases.acquire(KEY, () -> false, _ -> {}).orElseThrow()) {
                        if (i == 0) {
                            System.out.println("held");
                        }
                    }
                }
            }
            case "make" -> {
                convert(open(root), made, new AtomicInteger(), Duration.ofMillis(300));
                Files.writeString(
                        root.resolve("log"),
                        "m".repeat(made.get()),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.APPEND);
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private Process start(String what) throws IOException {
        return Java.start(CacheTest.class, what, root.toString());
    }

    private static void awaitHeld(Process process) throws IOException {
        Java.await(process, "held");
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
        try (ImageLease lease = open(root).lease("1".repeat(64), file -> true, _ -> {})) {
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
    void theLeaseOfAConverterThatWasKilledAfterItsWorkGoesToo() throws Exception {
        Process holder = start("hold");
        awaitHeld(holder);
        holder.destroyForcibly().waitFor();
        Path part = image().resolveSibling(below("cache/oci-tmp").stream()
                .filter(name -> name.endsWith(".part"))
                .findFirst()
                .orElseThrow());
        Files.move(part, image());
        assertEquals(2, below("cache/oci-tmp").size());
        assertEquals(new ImageLease.Finished(image()), open(root).lease(KEY, file -> true, _ -> {}));
        assertEquals(List.of(KEY), below("cache/oci-tmp"));
    }

    @Test
    void aConverterThatIsAskedToEndLeavesNothing() throws Exception {
        Process holder = start("hold");
        awaitHeld(holder);
        assertEquals(2, below("cache/oci-tmp").size());
        holder.destroy();
        holder.waitFor();
        assertEquals(List.of(), below("cache/oci-tmp"));
    }

    @RepeatedTest(8)
    void aLeaseThatIsBeingTakenWhenTheEndComesIsNotLeft() throws Exception {
        open(root);
        Process holder = start("churn");
        awaitHeld(holder);
        holder.destroy();
        holder.waitFor();
        assertEquals(List.of(), below("cache/oci-tmp"));
    }

    @Test
    void aStoppedConverterIsNamedAndReplacedAndMayGoOn() throws Exception {
        Process holder = start("hold");
        awaitHeld(holder);
        Java.signal(holder, "STOP");
        List<String> told = new ArrayList<>();
        Duration renewal = Duration.ofMillis(50);
        Leases impatient = new Leases(
                root.resolve("cache/oci-tmp"),
                "makes it",
                new LeaseFile.Silent(renewal, Jobs.NONE),
                renewal,
                Duration.ofMillis(500));
        try (Leases.Lease lease = impatient.acquire(KEY, () -> false, told::add).orElseThrow()) {
            Files.writeString(image(), "image");
            lease.finished();
        }
        String name = "process %d on ".formatted(holder.pid());
        assertEquals(2, told.size(), told.toString());
        assertTrue(told.getFirst().startsWith("Waiting for " + name), told.toString());
        assertTrue(told.getLast().startsWith("No sign of " + name), told.toString());
        assertEquals(2, below("cache/oci-tmp").size(), "what he was writing is his as long as he lives");
        Java.signal(holder, "CONT");
        holder.destroy();
        holder.waitFor();
        assertEquals(List.of(KEY), below("cache/oci-tmp"));
    }
}
