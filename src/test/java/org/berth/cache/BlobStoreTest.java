package org.berth.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.LayerSource;
import org.berth.oci.Progress;
import org.berth.oci.VerifyingInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(20)
class BlobStoreTest {
    @TempDir
    Path root;

    private BlobStore store;
    private final Map<Digest, byte[]> remote = new HashMap<>();
    private final List<Digest> asked = Collections.synchronizedList(new ArrayList<>());

    @BeforeEach
    void openStore() {
        store = CacheTest.open(root).blobs();
    }

    private Descriptor blob(int size, long seed) {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        Digest digest = Digest.sha256(bytes);
        remote.put(digest, bytes);
        return new Descriptor("", digest, size, Map.of());
    }

    private InputStream source(Descriptor blob) {
        asked.add(blob.digest());
        return new VerifyingInputStream(new ByteArrayInputStream(remote.get(blob.digest())), blob, "test");
    }

    private List<String> files() throws IOException {
        try (Stream<Path> paths = Files.list(root.resolve("cache/blob/blobs/sha256"))) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    private static byte[] read(LayerSource source, Descriptor blob) throws IOException {
        try (InputStream in = source.open(blob)) {
            return in.readAllBytes();
        }
    }

    @Test
    void blobsArriveOnceTopFirstAndStay() throws IOException {
        Descriptor low = blob(300_000, 1);
        Descriptor middle = blob(1, 2);
        Descriptor top = blob(0, 3);
        AtomicLong counted = new AtomicLong();
        Progress progress = new Progress() {
            @Override
            public void start(Descriptor blob) {}

            @Override
            public void bytes(Descriptor blob, long count) {
                counted.addAndGet(count);
            }

            @Override
            public void done(Descriptor blob) {}
        };
        try (Download download = store.fetch(List.of(low, middle, low, top), this::source, progress)) {
            for (Descriptor blob : List.of(top, low, middle, low)) {
                assertArrayEquals(remote.get(blob.digest()), read(download, blob));
            }
            download.finish();
        }
        assertEquals(3, asked.size());
        assertEquals(300_001, counted.get());
        assertEquals(3, files().size());
        assertTrue(Files.exists(root.resolve("cache/blob/oci-layout")));
        assertTrue(Files.exists(root.resolve("cache/blob/index.json")));
        try (Download download = store.fetch(List.of(low), this::source, Progress.NONE)) {
            assertArrayEquals(remote.get(low.digest()), read(download, low));
        }
        assertEquals(3, asked.size());
    }

    /** Gives so many bytes and then breaks, and continues what was begun before. */
    private LayerSource breaking(long after, List<Long> starts) {
        return new LayerSource() {
            @Override
            public InputStream open(Descriptor blob) {
                return open(blob, InputStream.nullInputStream(), 0);
            }

            @Override
            public InputStream open(Descriptor blob, InputStream start, long length) {
                starts.add(length);
                byte[] bytes = remote.get(blob.digest());
                InputStream some =
                        new ByteArrayInputStream(bytes, (int) length, (int) Math.min(after, bytes.length - length));
                InputStream broken = new InputStream() {
                    @Override
                    public int read() throws IOException {
                        throw new IOException("the connection broke");
                    }
                };
                InputStream all = new SequenceInputStream(start, new SequenceInputStream(some, broken));
                return new VerifyingInputStream(all, blob, "test");
            }
        };
    }

    private void fetch(Descriptor blob, LayerSource source) throws IOException {
        try (Download download = store.fetch(List.of(blob), source, Progress.NONE)) {
            download.finish();
        }
    }

    @Test
    void whatWasCutOffIsContinuedByTheNextRun() throws IOException {
        Descriptor blob = blob(5 << 20, 1);
        List<Long> starts = new ArrayList<>();
        assertThrows(IOException.class, () -> fetch(blob, breaking(2 << 20, starts)));
        assertEquals(1, files().stream().filter(name -> name.endsWith(".part")).count());
        assertThrows(IOException.class, () -> fetch(blob, breaking(1 << 20, starts)));
        fetch(blob, breaking(5 << 20, starts));
        assertEquals(List.of(0L, 2L << 20, 3L << 20), starts);
        assertEquals(List.of(blob.digest().hex()), withoutLocks());
        try (Download download = store.fetch(List.of(blob), breaking(0, starts), Progress.NONE)) {
            assertArrayEquals(remote.get(blob.digest()), read(download, blob));
        }
    }

    @Test
    void aPieceOfSomethingElseIsRemoved() throws IOException {
        Descriptor blob = blob(3 << 20, 1);
        List<Long> starts = new ArrayList<>();
        fetch(blob(10, 2), breaking(10, starts));
        Path part = root.resolve(
                "cache/blob/blobs/sha256/%s.0.part".formatted(blob.digest().hex()));
        Files.write(part, new byte[2 << 20]);
        ImageException failure = assertThrows(ImageException.class, () -> fetch(blob, breaking(3 << 20, starts)));
        assertTrue(failure.getMessage().contains("what an earlier download left"), failure.getMessage());
        assertFalse(Files.exists(part));
        fetch(blob, breaking(3 << 20, starts));
    }

    private List<String> withoutLocks() throws IOException {
        return files().stream().filter(name -> !name.endsWith(LeaseFile.SUFFIX)).toList();
    }

    @Test
    void bytesAreReadWhileTheyCome() throws Exception {
        Descriptor blob = blob(200_000, 1);
        CountDownLatch firstHalfRead = new CountDownLatch(1);
        LayerSource halting = wanted -> new FilterInputStream(source(wanted)) {
            private int left = 100_000;

            @Override
            public int read(byte[] buffer, int offset, int length) throws IOException {
                if (left == 0) {
                    try {
                        firstHalfRead.await();
                    } catch (InterruptedException e) {
                        throw new IOException(e);
                    }
                    return super.read(buffer, offset, length);
                }
                int count = super.read(buffer, offset, Math.min(length, left));
                left -= count;
                return count;
            }
        };
        try (Download download = store.fetch(List.of(blob), halting, Progress.NONE);
                InputStream in = download.open(blob)) {
            byte[] half = in.readNBytes(100_000);
            firstHalfRead.countDown();
            byte[] rest = in.readAllBytes();
            byte[] all = remote.get(blob.digest());
            assertArrayEquals(Arrays.copyOf(all, 100_000), half);
            assertArrayEquals(Arrays.copyOfRange(all, 100_000, 200_000), rest);
        }
    }

    @Test
    void aReaderThatNeverReadsHoldsUpNobody() throws IOException {
        List<Descriptor> blobs = Stream.iterate(1, n -> n + 1)
                .limit(8)
                .map(n -> blob(500_000, n))
                .toList();
        try (Download download = store.fetch(blobs, this::source, Progress.NONE);
                InputStream idle = download.open(blobs.getLast())) {
            download.finish();
            assertEquals(8, files().size());
            assertEquals(500_000, idle.readAllBytes().length);
        }
    }

    @Test
    void wrongBytesReachTheReaderAsAnErrorAndAreNotKept() throws IOException {
        Descriptor blob = blob(500_000, 1);
        remote.get(blob.digest())[499_999] ^= 1;
        try (Download download = store.fetch(List.of(blob), this::source, Progress.NONE)) {
            assertThrows(ImageException.class, () -> read(download, blob));
            assertThrows(ImageException.class, () -> download.finish());
        }
        assertEquals(List.of(), files());
    }

    @Test
    void aBrokenSourceIsToldToEveryReader() throws IOException {
        Descriptor blob = blob(10, 1);
        LayerSource broken = wanted -> {
            throw new IOException("the wire is cut");
        };
        try (Download download = store.fetch(List.of(blob), broken, Progress.NONE)) {
            assertEquals(
                    "the wire is cut",
                    assertThrows(IOException.class, () -> read(download, blob)).getMessage());
            assertThrows(IOException.class, () -> read(download, blob));
        }
    }

    @Test
    void aDownloadThatIsGivenUpEndsAndLeavesNoParts() throws Exception {
        Descriptor blob = blob(10, 1);
        CountDownLatch started = new CountDownLatch(1);
        LayerSource hanging = wanted -> {
            started.countDown();
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                throw new IOException("given up", e);
            }
            return source(wanted);
        };
        Download download = store.fetch(List.of(blob, blob(11, 2)), hanging, Progress.NONE);
        started.await();
        download.close();
        assertThrows(IOException.class, () -> read(download, blob));
        assertEquals(List.of(), files());
    }

    @Test
    void cachedBlobsAreCheckedBySizeAndByDigest() throws IOException {
        Descriptor blob = blob(1000, 1);
        try (Download download = store.fetch(List.of(blob), this::source, Progress.NONE)) {
            download.finish();
        }
        Path file =
                root.resolve("cache/blob/blobs/sha256").resolve(blob.digest().hex());
        Files.write(file, new byte[999]);
        try (Download download = store.fetch(List.of(blob), this::source, Progress.NONE)) {
            assertArrayEquals(remote.get(blob.digest()), read(download, blob));
            download.finish();
        }
        assertEquals(2, asked.size());
        Files.write(file, new byte[1000]);
        try (Download download = store.fetch(List.of(blob), this::source, Progress.NONE)) {
            ImageException failure = assertThrows(ImageException.class, () -> read(download, blob));
            assertTrue(failure.getMessage().contains("was damaged and has been removed"), failure.getMessage());
        }
        assertFalse(Files.exists(file));
    }

    @Test
    void oneDigestWithTwoSizesIsRefused() {
        Descriptor blob = blob(10, 1);
        Descriptor other = new Descriptor("", blob.digest(), 11, Map.of());
        assertThrows(ImageException.class, () -> store.fetch(List.of(blob, other), this::source, Progress.NONE));
    }

    @Test
    void whatHasNoRoomIsNotBegun() {
        Descriptor huge = new Descriptor("", Digest.sha256(new byte[0]), 1L << 44, Map.of());
        HostException failure =
                assertThrows(HostException.class, () -> store.fetch(List.of(huge), this::source, Progress.NONE));
        assertTrue(failure.getMessage().contains("16.00 TiB needed"), failure.getMessage());
        assertEquals(List.of(), asked);
    }

    @Test
    void concurrentDownloadsOfOneBlobFetchItOnce() throws Exception {
        Descriptor blob = blob(3_000_000, 1);
        AtomicInteger failures = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                try (Download download = store.fetch(List.of(blob), this::source, Progress.NONE)) {
                    assertArrayEquals(remote.get(blob.digest()), read(download, blob));
                } catch (IOException | AssertionError e) {
                    failures.incrementAndGet();
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(0, failures.get());
        assertEquals(1, asked.size());
    }

    @Test
    void documentsAreKeptVerified() throws IOException {
        byte[] bytes = {1, 2, 3};
        Digest digest = Digest.sha256(bytes);
        assertEquals(Optional.empty(), store.document(digest, 10));
        store.keep(digest, bytes);
        assertArrayEquals(bytes, store.document(digest, 10).orElseThrow());
        assertEquals(Optional.empty(), store.document(digest, 2));
        Files.write(root.resolve("cache/blob/blobs/sha256").resolve(digest.hex()), new byte[] {1, 2, 4});
        assertEquals(Optional.empty(), store.document(digest, 10));
        assertEquals(List.of(), files());
    }
}
