package org.berth.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.berth.cache.StagedImages.Origin;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.host.Owners;
import org.berth.host.Room;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StagedImagesTest {
    @TempDir
    Path folder;

    private Path store;
    private Path node;
    private Owners owners;
    private final List<String> told = new ArrayList<>();

    @BeforeEach
    void makePlaces() throws IOException {
        store = Files.createDirectories(folder.resolve("store"));
        node = Files.createDirectories(folder.resolve("node"));
        owners = CacheTest.owners();
    }

    private final StagedImages.Events events = new StagedImages.Events() {
        @Override
        public void waiting(String whom) {
            told("waiting");
        }

        @Override
        public void copying(Path to) {
            told("copying");
        }
    };

    private synchronized void told(String what) {
        told.add(what);
    }

    private Path image(String text) throws IOException {
        Path image = Files.writeString(store.resolve("image"), text);
        ImageTrailer.append(image);
        return image;
    }

    private List<String> files() throws IOException {
        try (Stream<Path> paths = Files.walk(node)) {
            return paths.filter(Files::isRegularFile)
                    .map(path -> node.relativize(path).toString())
                    .toList();
        }
    }

    private Path copyOf(Path image) {
        return StagedImages.open(node, owners).copyOf(image, Origin.OWN_CACHE, events);
    }

    private Path copyOfAnother(Path image) {
        return StagedImages.open(node, owners).copyOf(image, Origin.ELSEWHERE, events);
    }

    private static byte[] bytes(Path copy) throws IOException {
        ImageTrailer trailer = ImageTrailer.read(copy).orElseThrow();
        assertTrue(trailer.matches(copy));
        return Arrays.copyOf(Files.readAllBytes(copy), (int) trailer.size());
    }

    /** Seen: the trailer of another image, appended by hand, chose that one's copy. */
    @Test
    void aTrailerAppendedByHandChoosesNothing() throws IOException {
        Path trusted = Files.writeString(store.resolve("trusted.sif"), "the image that was looked at");
        Path other = image("another one");
        Path copyOfOther = copyOf(other);
        byte[] trailer = Files.readAllBytes(other);
        trailer = Arrays.copyOfRange(trailer, trailer.length - ImageTrailer.LENGTH, trailer.length);
        Path forged = Files.copy(trusted, store.resolve("forged.sif"));
        Files.write(forged, trailer, StandardOpenOption.APPEND);
        Path copy = copyOfAnother(forged);
        assertNotEquals(copyOfOther, copy);
        assertArrayEquals(Files.readAllBytes(forged), bytes(copy));
        // With the right length too, which is the last that the trailer says.
        Path same = Files.writeString(store.resolve("same.sif"), "ANOTHER ONE");
        Files.write(same, trailer, StandardOpenOption.APPEND);
        assertArrayEquals(Files.readAllBytes(same), bytes(copyOfAnother(same)));
        assertEquals(-1, Files.mismatch(copyOfOther, copyOf(other)));
    }

    /** Seen: replaced in place with its size and time of modification kept, the old copy ran. */
    @Test
    void aFileThatWasReplacedInPlaceIsCopiedAnew() throws Exception {
        Path image = Files.writeString(store.resolve("mine.sif"), "one");
        FileTime time = Files.getLastModifiedTime(image);
        Path first = copyOfAnother(image);
        assertEquals(first, copyOfAnother(image));
        // The kernel's clock has ticks.
        Thread.sleep(20);
        Files.writeString(image, "two");
        Files.setLastModifiedTime(image, time);
        assertArrayEquals("two".getBytes(StandardCharsets.UTF_8), bytes(copyOfAnother(image)));
    }

    /** A copy under the right name, but with the trailer of another image. */
    @Test
    void aHitHasTheDigestThatIsWanted() throws IOException {
        Path image = image("an image");
        Path copy = copyOf(image);
        Files.writeString(copy, "a lie");
        ImageTrailer.append(copy);
        assertEquals(-1, Files.mismatch(image, copyOf(image)));
    }

    @Test
    void anImageThatChangesWhileItIsCopiedIsNotTaken() throws IOException {
        Path image = Files.writeString(store.resolve("mine.sif"), "one");
        StagedImages.Events changing = new StagedImages.Events() {
            @Override
            public void waiting(String whom) {}

            @Override
            public void copying(Path to) {
                try {
                    Files.writeString(image, "other");
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        };
        HostException e = assertThrows(
                HostException.class, () -> StagedImages.open(node, owners).copyOf(image, Origin.ELSEWHERE, changing));
        assertTrue(e.getMessage().contains("it was changed while it was copied"), e.getMessage());
        assertEquals(List.of(), files());
    }

    @Test
    void anImageIsCopiedOnceUnderItsDigest() throws IOException {
        Path image = image("an image");
        Path copy = copyOf(image);
        assertTrue(copy.startsWith(StagedImages.root(node, owners).orElseThrow()));
        assertEquals(
                ImageTrailer.read(image).orElseThrow().digest().hex(),
                copy.getFileName().toString());
        assertEquals(-1, Files.mismatch(image, copy));
        assertEquals(copy, copyOf(image));
        assertEquals(List.of("copying"), told);
        assertEquals(
                "rwx------",
                PosixFilePermissions.toString(Files.getPosixFilePermissions(
                        StagedImages.root(node, owners).orElseThrow())));
    }

    @Test
    void aFileWithoutADigestIsCopiedAsTheStateItIsIn() throws IOException {
        Path image = Files.writeString(store.resolve("mine.sif"), "one");
        Path first = copyOfAnother(image);
        assertTrue(ImageTrailer.read(first).orElseThrow().matches(first));
        assertEquals(first, copyOfAnother(image));
        Files.writeString(image, "another");
        assertNotEquals(first, copyOfAnother(image));
    }

    @Test
    void manyAtOnceMakeOneCopy() throws Exception {
        Path image = image("an image".repeat(100_000));
        StagedImages images = StagedImages.open(node, owners);
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<Path>> copies = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                copies.add(threads.submit(() -> images.copyOf(image, Origin.OWN_CACHE, events)));
            }
            for (Future<Path> copy : copies) {
                assertEquals(-1, Files.mismatch(image, copy.get()));
            }
        }
        assertEquals(1, told.stream().filter("copying"::equals).count());
        assertEquals(
                1, files().stream().filter(name -> name.contains("/oci-tmp/")).count());
    }

    @Test
    void aDamagedImageIsNotCopied() throws IOException {
        Path image = image("an image");
        byte[] bytes = Files.readAllBytes(image);
        bytes[0] ^= 1;
        Files.write(image, bytes);
        assertThrows(ImageException.class, () -> copyOf(image));
        assertEquals(List.of(), files());
    }

    @Test
    void aCopyThatWasCutIsMadeAnew() throws IOException {
        Path image = image("an image");
        Path copy = copyOf(image);
        Files.writeString(copy, "an im");
        assertEquals(-1, Files.mismatch(image, copyOf(image)));
    }

    private Path delivered(Path image) {
        return StagedImages.delivery(node, owners, image).orElseThrow();
    }

    @Test
    void whatWasDeliveredWholeIsTaken() throws IOException {
        Path image = image("an image");
        Path first = Files.copy(image, delivered(image));
        Path copy = copyOf(image);
        assertEquals(-1, Files.mismatch(image, copy));
        assertEquals(List.of(), told);
        assertFalse(Files.exists(first));
        Path second = Files.copy(image, delivered(image));
        assertNotEquals(first, second);
        assertEquals(copy, copyOf(image));
        assertFalse(Files.exists(second));
    }

    @Test
    void whatWasDeliveredInPartOrWronglyIsRemovedAndNotTaken() throws IOException {
        Path image = image("an image");
        byte[] bytes = Files.readAllBytes(image);
        for (int round = 0; round < 3; round++) {
            byte[] wrong = Arrays.copyOf(bytes, round == 0 ? bytes.length - 3 : bytes.length);
            if (round == 1) {
                wrong[2] ^= 1;
            }
            Path delivered = delivered(image);
            if (round == 2) {
                Files.createSymbolicLink(delivered, image);
            } else {
                Files.write(delivered, wrong);
            }
            Path copy = copyOf(image);
            assertEquals(-1, Files.mismatch(image, copy));
            assertFalse(Files.exists(delivered, LinkOption.NOFOLLOW_LINKS));
            assertTrue(Files.isRegularFile(copy, LinkOption.NOFOLLOW_LINKS));
            Files.delete(copy);
        }
        assertEquals(List.of("copying", "copying", "copying"), told);
    }

    @Test
    void anothersDirectoryIsNotUsed() throws IOException {
        Path taken = Files.createSymbolicLink(node.resolve("berth-" + owners.uid()), store);
        Path copy = copyOf(image("an image"));
        assertTrue(copy.toString().matches("\\Q" + taken + "\\E\\.[0-9a-f]{16}/cache/.*"), copy.toString());
        assertEquals(copy, copyOf(store.resolve("image")));
        assertEquals(List.of("copying"), told);
        Path root = StagedImages.root(node, owners).orElseThrow();
        Owners another = Owners.only(owners.uid() + 1);
        assertEquals(Optional.empty(), StagedImages.root(node, another));
        Files.move(root.resolve("cache"), store.resolve("cache"));
        Files.createSymbolicLink(root.resolve("cache"), store.resolve("cache"));
        assertThrows(HostException.class, () -> StagedImages.open(node, owners));
    }

    @Test
    void whatOthersDeliveredIsNotTaken() throws IOException {
        assumeTrue(owners.uid() == 0, "only root gives files away");
        Path image = image("an image");
        Path theirs = Files.copy(image, delivered(image));
        Files.setAttribute(theirs, "unix:uid", 12345);
        copyOf(image);
        assertEquals(List.of("copying"), told);
        assertTrue(Files.exists(theirs));
    }

    @Test
    void roomIsAskedForWithTheNumbers() throws IOException {
        Room room = Room.of(folder);
        HostException bytes =
                assertThrows(HostException.class, () -> Space.require(folder, room.bytes() + (100L << 30)));
        assertTrue(bytes.getMessage().matches(".*: no space: .* needed, .* free"), bytes.getMessage());
        long half = room.bytes() / 2 + (50L << 30);
        HostException together = assertThrows(
                HostException.class,
                () -> Space.require(List.of(new Space.Need(store, half, 1), new Space.Need(node, half, 1))));
        assertTrue(together.getMessage().contains("no space"), together.getMessage());
        Space.require(List.of(new Space.Need(store, 1, 1), new Space.Need(node, 1, 1)));
        if (room.files() != Long.MAX_VALUE) {
            HostException files = assertThrows(
                    HostException.class,
                    () -> Space.require(List.of(new Space.Need(folder, 1, room.files() + 1_000_000))));
            assertTrue(files.getMessage().contains(" files needed, "), files.getMessage());
        }
    }
}
