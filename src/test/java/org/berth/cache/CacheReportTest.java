package org.berth.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.berth.oci.Digest;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheReportTest {
    private static final List<CacheType> ALL = List.of(CacheType.values());
    private static final Instant WRITTEN = Instant.parse("2026-11-24T22:48:37Z");

    @TempDir
    Path root;

    private Cache cache;

    @BeforeEach
    void openCache() {
        cache = CacheTest.open(root);
    }

    private Path base() {
        return root.resolve("cache");
    }

    private void fill() throws IOException {
        byte[] blob = new byte[481];
        cache.blobs().keep(Digest.sha256(blob), blob);
        Files.setLastModifiedTime(
                base().resolve("blob/blobs/sha256").resolve(Digest.sha256(blob).hex()), FileTime.from(WRITTEN));
        Path image = Files.write(base().resolve("oci-tmp").resolve("e".repeat(64)), new byte[1_090_000]);
        Files.setLastModifiedTime(image, FileTime.from(WRITTEN));
        Files.write(base().resolve("oci-tmp").resolve("e".repeat(64) + ".1.part"), new byte[9]);
    }

    @Test
    void anEmptyCacheIsSummedUp() throws IOException {
        assertEquals(
                List.of(
                        "There are 0 container file(s) using 0.00 KiB and 0 oci blob file(s) using 0.00 KiB of space",
                        "Total space used: 0.00 KiB"),
                cache.report(ALL).summary());
    }

    @Test
    void entriesAreCountedByKind() throws IOException {
        fill();
        assertEquals(
                List.of(
                        "There are 1 container file(s) using 1.04 MiB and 1 oci blob file(s) using 0.47 KiB of space",
                        "Total space used: 1.04 MiB"),
                cache.report(ALL).summary());
        assertEquals(
                List.of("There are 0 container file(s) using 0.00 KiB of space", "Total space used: 0.00 KiB"),
                cache.report(List.of(CacheType.ORAS)).summary());
        assertEquals(
                List.of("There are of space", "Total space used: 0.00 KiB"),
                cache.report(List.of()).summary());
    }

    @Test
    void tableHasApptainersColumns() throws IOException {
        fill();
        List<String> table = cache.report(ALL).table(ZoneOffset.UTC);
        assertEquals("NAME                     DATE CREATED           SIZE             TYPE", table.get(0));
        assertTrue(table.get(1).matches("[0-9a-f]{22}   2026-11-24 22:48:37    0\\.47 KiB         blob"), table.get(1));
        assertEquals("eeeeeeeeeeeeeeeeeeeeee   2026-11-24 22:48:37    1.04 MiB         oci-tmp", table.get(2));
        assertEquals(3, table.size());
    }

    @Test
    void cleaningNamesWhatItRemovesAndRemovesIt() throws IOException {
        fill();
        CacheCleaning cleaning = cache.cleaning(ALL, Optional.empty());
        assertEquals(
                List.of(
                        "Removing blob cache entry: blobs",
                        "Removing blob cache entry: index.json",
                        "Removing blob cache entry: oci-layout",
                        "No cached files to remove at " + base().resolve("library"),
                        "Removing oci-tmp cache entry: " + "e".repeat(64),
                        "No cached files to remove at " + base().resolve("shub"),
                        "No cached files to remove at " + base().resolve("oras"),
                        "No cached files to remove at " + base().resolve("ipfs"),
                        "No cached files to remove at " + base().resolve("net")),
                cleaning.steps().stream().map(CacheCleaning.Step::message).toList());
        cleaning.steps().forEach(CacheCleaning.Step::perform);
        assertEquals(0, cache.report(ALL).entries().size());
    }

    @Test
    void cleaningByAgeSparesWhatIsYounger() throws IOException {
        fill();
        byte[] old = new byte[3];
        cache.blobs().keep(Digest.sha256(old), old);
        Path file =
                base().resolve("blob/blobs/sha256").resolve(Digest.sha256(old).hex());
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(Duration.ofDays(400))));
        Path image = base().resolve("oci-tmp").resolve("e".repeat(64));
        Files.setLastModifiedTime(image, FileTime.from(Instant.now()));
        CacheCleaning cleaning = cache.cleaning(List.of(CacheType.BLOB, CacheType.OCI_TMP), Optional.of(399));
        cleaning.steps().forEach(CacheCleaning.Step::perform);
        assertFalse(Files.exists(file));
        assertTrue(Files.exists(image));
    }
}
