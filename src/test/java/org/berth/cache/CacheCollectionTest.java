package org.berth.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.berth.files.OutputFiles;
import org.berth.oci.Digest;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheCollectionTest {
    private static final CacheLimits NOTHING = new CacheLimits(OptionalLong.of(0), OptionalLong.empty());

    @TempDir
    Path root;

    private Cache cache;

    @BeforeEach
    void open() {
        cache = CacheTest.open(root);
    }

    private static CacheCollection.Item item(String name, long bytes, int age, String reason) {
        return new CacheCollection.Item(
                CacheType.OCI_TMP,
                Path.of("/c", name),
                bytes,
                Instant.EPOCH.plusSeconds(1000 - age),
                Optional.of(reason).filter(r -> !r.isEmpty()));
    }

    private static List<String> names(List<CacheCollection.Item> items) {
        return items.stream().map(item -> item.entry().name()).toList();
    }

    private static final List<CacheCollection.Item> THREE =
            List.of(item("new", 10, 1, ""), item("old", 20, 3, ""), item("middle", 30, 2, ""));

    @Test
    void theLeastRecentlyUsedGoFirstAndNoMoreThanNeeded() {
        CacheCollection bytes = CacheCollection.of(THREE, new CacheLimits(OptionalLong.of(45), OptionalLong.empty()));
        assertEquals(List.of("old"), names(bytes.removed()));
        assertEquals(40, bytes.bytes());
        CacheCollection files = CacheCollection.of(THREE, new CacheLimits(OptionalLong.empty(), OptionalLong.of(1)));
        assertEquals(List.of("old", "middle"), names(files.removed()));
        assertEquals(1, files.files());
        CacheCollection none = CacheCollection.of(THREE, new CacheLimits(OptionalLong.of(60), OptionalLong.of(3)));
        assertEquals(List.of(), none.removed());
    }

    @Test
    void whatHasToStayIsPassedOver() {
        List<CacheCollection.Item> items = List.of(item("new", 10, 1, ""), item("old", 20, 3, "pinned"));
        CacheCollection collection =
                CacheCollection.of(items, new CacheLimits(OptionalLong.of(20), OptionalLong.empty()));
        assertEquals(List.of("new"), names(collection.removed()));
        assertEquals(List.of("old"), names(collection.kept()));
        assertEquals(20, CacheCollection.of(items, NOTHING).bytes());
    }

    private Path file(String name, Duration age) throws IOException {
        Path file = root.resolve("cache/oci-tmp").resolve(name);
        Files.writeString(file, name);
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(age)));
        return file;
    }

    private String reason(String name) throws IOException {
        return CacheCollection.items(cache, cache.uses()).stream()
                .filter(item -> item.entry().name().equals(name))
                .findFirst()
                .orElseThrow()
                .reason()
                .orElse("");
    }

    @Test
    void aUseKeepsAFileForAWhile() throws IOException {
        file("abc", Duration.ofDays(9));
        assertEquals("", reason("abc"));
        Uses.Entry entry = new Uses.Entry(CacheType.OCI_TMP, "abc");
        cache.uses().mark(entry);
        assertEquals("used a moment ago", reason("abc"));
        Path mark = root.resolve("cache/used/oci-tmp.abc");
        Files.setLastModifiedTime(mark, FileTime.from(Instant.now().minus(Duration.ofHours(1))));
        assertEquals("", reason("abc"));
        cache.uses().mark(entry);
        assertEquals("used a moment ago", reason("abc"));
    }

    @Test
    void aFileJustMadeStays() throws IOException {
        file("abc", Duration.ZERO);
        assertEquals("used a moment ago", reason("abc"));
    }

    @Test
    void aFileThatAProcessHasOpenStays() throws Exception {
        Path file = file("abc", Duration.ofDays(9));
        file("def", Duration.ofDays(9));
        Process reader = new ProcessBuilder("/bin/sleep", "1000")
                .redirectInput(file.toFile())
                .start();
        try {
            assertEquals("open in a process of this machine", reason("abc"));
            assertEquals("", reason("def"));
            List<CacheCollection.Item> items = CacheCollection.items(cache, cache.uses());
            CacheCollection collection = CacheCollection.of(items, NOTHING);
            assertEquals(List.of("def"), names(collection.removed()));
        } finally {
            reader.destroyForcibly().waitFor();
        }
        assertEquals("", reason("abc"));
    }

    @Test
    void pinsHoldUntilTheyAreTakenAwayAndThoseOfJobsUntilTheirEnd() throws IOException {
        file("abcdef1", Duration.ofDays(9));
        Uses uses = cache.uses();
        Uses.Entry entry = new Uses.Entry(CacheType.OCI_TMP, "abcdef1");
        uses.pin(entry, "docker://x/y:1");
        assertEquals("pinned", reason("abcdef1"));
        assertEquals(List.of(new Uses.Pin(entry, "docker://x/y:1")), uses.pinned());
        assertEquals(List.of(), uses.unpin("docker://x/y"));
        assertEquals(1, uses.unpin("docker://x/y:1").size());
        uses.pin(entry, "docker://x/y:1");
        assertEquals(List.of(), uses.unpin("abcde"));
        assertEquals(1, uses.unpin("abcdef").size());
        uses.pinForJob(entry, "17", "blue", Instant.now().plusSeconds(3600));
        uses.pinForJob(entry, "16", "red", Instant.now().minusSeconds(3600));
        assertEquals("used by job 17", reason("abcdef1"));
        assertEquals(List.of(), uses.pinned());
        assertEquals(Set.of("17"), uses.jobs("blue"));
        cache.sweep();
        assertFalse(Files.exists(root.resolve("cache/pins/oci-tmp.abcdef1.job-16")));
        assertTrue(Files.exists(root.resolve("cache/pins/oci-tmp.abcdef1.job-17")));
        // A later task of an array.
        uses.pinForJob(entry, "18", "blue", Instant.now().minusSeconds(3600));
        uses.pinForJob(entry, "18", "blue", Instant.now().plusSeconds(3600));
        uses.pinForJob(entry, "18", "blue", Instant.now().minusSeconds(3600));
        cache.sweep();
        assertEquals(Set.of("17", "18"), uses.jobs("blue"));
        uses.release("blue", Set.of("18"));
        // Its job has ended before its time.
        uses.release("red", Set.of("17"));
        assertEquals("used by job 17", reason("abcdef1"));
        uses.release("blue", Set.of("17"));
        assertEquals("", reason("abcdef1"));
    }

    @Test
    void whatIsBeingMadeAnewStaysAndItsBlobsToo() throws Exception {
        Path file = file("abc", Duration.ofDays(9));
        Path blob = blob("layer");
        CacheCollection.Item item = CacheCollection.items(cache, cache.uses()).stream()
                .filter(i -> i.file().equals(file))
                .findFirst()
                .orElseThrow();
        try (Leases.Lease _ = leases(file).tryAcquire("abc").orElseThrow()) {
            assertEquals("an image is being made", reason(blob.getFileName().toString()));
            assertEquals(Optional.of("being made by another process"), CacheCollection.remove(item, cache.uses()));
        }
        assertEquals(Optional.empty(), CacheCollection.remove(item, cache.uses()));
    }

    private static Leases leases(Path file) {
        return new Leases(OutputFiles.folder(file), "tests", new LeaseFile.Silent(Leases.RENEWAL, Jobs.NONE));
    }

    @Test
    void aRemovalLooksAgain() throws IOException {
        Path file = file("abc", Duration.ofDays(9));
        CacheCollection.Item item = CacheCollection.of(CacheCollection.items(cache, cache.uses()), NOTHING)
                .removed()
                .getFirst();
        cache.uses().mark(item.entry());
        assertEquals(Optional.of("used a moment ago"), CacheCollection.remove(item, cache.uses()));
        assertTrue(Files.exists(file));
        Files.setLastModifiedTime(root.resolve("cache/used/oci-tmp.abc"), FileTime.fromMillis(0));
        assertEquals(Optional.empty(), CacheCollection.remove(item, cache.uses()));
        assertFalse(Files.exists(file));
        assertFalse(Files.exists(root.resolve("cache/used/oci-tmp.abc")));
    }

    private Path blob(String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Digest digest = Digest.sha256(bytes);
        cache.blobs().keep(digest, bytes);
        Path blob = root.resolve("cache/blob/blobs/sha256").resolve(digest.hex());
        Files.setLastModifiedTime(blob, FileTime.fromMillis(0));
        return blob;
    }

    @Test
    void blobsAndImagesAreCollectedTogether() throws IOException {
        Path blob = blob("layer");
        Path image = file("abc", Duration.ofDays(9));
        CacheCollection collection = cache.collection(new CacheLimits(OptionalLong.of(3), OptionalLong.empty()));
        assertEquals(
                List.of(blob),
                collection.removed().stream().map(CacheCollection.Item::file).toList());
        assertEquals(3, collection.bytes());
        assertTrue(Files.exists(image));
    }

    @Test
    void verificationReadsAll() throws IOException {
        Path blob = blob("layer");
        Path image = file("abc", Duration.ZERO);
        assertEquals(
                Optional.of("it was cut, or is no image of this program's"),
                CacheVerification.damage(CacheType.OCI_TMP, image));
        ImageTrailer.append(image);
        assertEquals(Optional.empty(), CacheVerification.damage(CacheType.OCI_TMP, image));
        assertEquals(Optional.empty(), CacheVerification.damage(CacheType.BLOB, blob));
        for (Path file : List.of(blob, image)) {
            byte[] bytes = Files.readAllBytes(file);
            bytes[1] ^= 1;
            Files.write(file, bytes);
        }
        assertEquals(
                Optional.of("its digest is not the one it was made with"),
                CacheVerification.damage(CacheType.OCI_TMP, image));
        assertTrue(CacheVerification.damage(CacheType.BLOB, blob).orElseThrow().startsWith("its digest is sha256:"));
        assertEquals(Optional.empty(), CacheVerification.damage(CacheType.BLOB, blob.resolveSibling("0".repeat(64))));
        Files.writeString(blob.resolveSibling("stray"), "x");
        assertEquals(
                Optional.of("its name is no digest"),
                CacheVerification.damage(CacheType.BLOB, blob.resolveSibling("stray")));
    }

    @Test
    void aTrailerTellsLengthAndDigestAndIsLeftOutOfCopies() throws IOException {
        Path image = file("abc", Duration.ZERO);
        assertEquals(Optional.empty(), ImageTrailer.read(image));
        ImageTrailer.append(image);
        assertEquals(3 + ImageTrailer.LENGTH, Files.size(image));
        ImageTrailer trailer = ImageTrailer.read(image).orElseThrow();
        assertEquals(new ImageTrailer(3, Digest.sha256("abc".getBytes(StandardCharsets.UTF_8))), trailer);
        assertTrue(trailer.matches(image));
        ImageCopies.copy(image, root.resolve("copy"), 0644);
        assertEquals("abc", Files.readString(root.resolve("copy")));
        List<Optional<ImageTrailer>> cut = new ArrayList<>();
        byte[] bytes = Files.readAllBytes(image);
        for (int length = 0; length < bytes.length; length++) {
            Files.write(image, Arrays.copyOf(bytes, length));
            cut.add(ImageTrailer.read(image));
        }
        assertTrue(cut.stream().allMatch(Optional::isEmpty));
        assertInstanceOf(Cache.class, cache);
    }

    @Test
    void onlyImagesOfTheCacheAreEntries() {
        assertEquals(
                Optional.of(new Uses.Entry(CacheType.OCI_TMP, "k")), Uses.entry(root, root.resolve("cache/oci-tmp/k")));
        assertEquals(Optional.empty(), Uses.entry(root, root.resolve("cache/blob/blobs")));
        assertEquals(Optional.empty(), Uses.entry(root, root.resolve("cache/oci-tmp/k/l")));
        assertEquals(Optional.empty(), Uses.entry(root, root.resolve("cache/oci-tmp")));
        assertEquals(Optional.empty(), Uses.entry(root, Path.of("/elsewhere/cache/oci-tmp/k")));
    }
}
