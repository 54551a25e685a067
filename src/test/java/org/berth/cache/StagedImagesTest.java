package org.berth.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.host.Room;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StagedImagesTest {
    @TempDir
    Path folder;

    private Path store;
    private Path node;
    private int uid;
    private final List<String> told = new ArrayList<>();

    @BeforeEach
    void makePlaces() throws IOException {
        store = Files.createDirectories(folder.resolve("store"));
        node = Files.createDirectories(folder.resolve("node"));
        uid = (Integer) Files.getAttribute(folder, "unix:uid");
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
        return StagedImages.open(node, uid).copyOf(image, events);
    }

    @Test
    void anImageIsCopiedOnceUnderItsDigest() throws IOException {
        Path image = image("an image");
        Path copy = copyOf(image);
        assertTrue(copy.startsWith(StagedImages.root(node, uid)));
        assertEquals(
                ImageTrailer.read(image).orElseThrow().digest().hex(),
                copy.getFileName().toString());
        assertEquals(-1, Files.mismatch(image, copy));
        assertEquals(copy, copyOf(image));
        assertEquals(List.of("copying"), told);
        assertEquals(
                "rwx------",
                PosixFilePermissions.toString(Files.getPosixFilePermissions(StagedImages.root(node, uid))));
    }

    @Test
    void aFileWithoutADigestIsCopiedAsTheStateItIsIn() throws IOException {
        Path image = Files.writeString(store.resolve("mine.sif"), "one");
        Path first = copyOf(image);
        assertTrue(ImageTrailer.read(first).orElseThrow().matches(first));
        assertEquals(first, copyOf(image));
        Files.writeString(image, "another");
        assertNotEquals(first, copyOf(image));
    }

    @Test
    void manyAtOnceMakeOneCopy() throws Exception {
        Path image = image("an image".repeat(100_000));
        StagedImages images = StagedImages.open(node, uid);
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<Path>> copies = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                copies.add(threads.submit(() -> images.copyOf(image, events)));
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
        return StagedImages.delivered(node, uid, image).orElseThrow();
    }

    @Test
    void whatWasDeliveredWholeIsTaken() throws IOException {
        Path image = image("an image");
        Files.copy(image, delivered(image));
        Path copy = copyOf(image);
        assertEquals(-1, Files.mismatch(image, copy));
        assertEquals(List.of(), told);
        assertFalse(Files.exists(delivered(image)));
        Files.copy(image, delivered(image));
        assertEquals(copy, copyOf(image));
        assertFalse(Files.exists(delivered(image)));
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
            if (round == 2) {
                Files.createSymbolicLink(delivered(image), image);
            } else {
                Files.write(delivered(image), wrong);
            }
            Path copy = copyOf(image);
            assertEquals(-1, Files.mismatch(image, copy));
            assertFalse(Files.exists(delivered(image), LinkOption.NOFOLLOW_LINKS));
            assertTrue(Files.isRegularFile(copy, LinkOption.NOFOLLOW_LINKS));
            Files.delete(copy);
        }
        assertEquals(List.of("copying", "copying", "copying"), told);
    }

    @Test
    void anothersDirectoryIsNotUsed() throws IOException {
        assertThrows(HostException.class, () -> StagedImages.open(node, uid + 1));
        Files.createSymbolicLink(StagedImages.root(node, 4711), store);
        assertThrows(HostException.class, () -> StagedImages.open(node, 4711));
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
