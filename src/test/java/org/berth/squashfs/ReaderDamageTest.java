package org.berth.squashfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.berth.error.ImageException;
import org.berth.files.Trees;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Damaged and hostile images: each ends in a result or in one message, soon and in bounded memory. */
class ReaderDamageTest {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final int INODE_TABLE = 64;
    private static final int DIRECTORY_TABLE = 72;

    @TempDir
    static Path directory;

    private static Path tree;

    @BeforeAll
    static void makeTree() throws IOException {
        tree = Files.createDirectories(directory.resolve("tree/d"));
        Images.shell(tree, """
                for i in $(seq 50); do echo "file $i" >f$i; done
                seq 20000 >text; mkdir -p e/f; ln -s text link; ln text hard; head -c 9000 /dev/urandom >random
                """);
        tree = tree.getParent();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd", "lz4", "xz"})
    void flippedBitsEndInAResultOrAMessage(String compressor) throws IOException {
        byte[] whole = image(compressor, "-b", "4096");
        Fuzz.of("squashfs-" + compressor).cases(150).allocating(1 << 30).run(random -> {
            byte[] bytes = whole.clone();
            int at = random.nextInt(4) == 0 ? random.nextInt(Superblock.SIZE) : random.nextInt(bytes.length);
            bytes[at] ^= (byte) (1 << random.nextInt(8));
            readAll(random.nextInt(4) == 0 ? Mutation.bytes(bytes, random) : bytes);
        });
    }

    /** Uncompressed metadata: every change in a table reaches the parser. */
    @Test
    void flippedBitsInPlainMetadataEndInAResultOrAMessage() throws IOException {
        byte[] whole = image("gzip", "-noI", "-noD", "-noF", "-noX");
        Fuzz.of("squashfs-plain").cases(600).allocating(1 << 30).run(random -> readAll(damagedTables(whole, random)));
    }

    private static byte[] damagedTables(byte[] whole, RandomGenerator random) {
        int tables = (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong(INODE_TABLE);
        byte[] bytes = whole.clone();
        for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
            bytes[tables + random.nextInt(bytes.length - tables)] ^= (byte) (1 << random.nextInt(8));
        }
        if (random.nextInt(3) == 0) {
            byte[] changed = Mutation.bytes(Arrays.copyOfRange(bytes, tables, bytes.length), random);
            System.arraycopy(changed, 0, bytes, tables, Math.min(changed.length, bytes.length - tables));
        }
        return bytes;
    }

    /** Whatever names, links and places a damaged image has: nothing appears outside of the directory. */
    @Test
    void damagedImagesAreUnpackedNowhereElse() throws IOException {
        byte[] whole = image("gzip", "-noI", "-noD", "-noF", "-noX");
        Path top = Files.createDirectories(directory.resolve("unpacking"));
        Path beside = Files.writeString(top.resolve("beside"), "as it was");
        Path out = top.resolve("out");
        Path file = directory.resolve("unpacked.sqfs");
        Fuzz.of("unpack").cases(60).allocating(1 << 30).run(random -> {
            Files.write(file, damagedTables(whole, random));
            Files.createDirectory(out);
            try (SquashfsReader reader = Images.open(file)) {
                Unpacker.unpack(reader, out, 2);
            } finally {
                Trees.remove(out);
                try (Stream<Path> left = Files.list(top)) {
                    assertEquals(List.of(beside), left.toList());
                }
                assertEquals("as it was", Files.readString(beside));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "zstd"})
    void truncatedImagesEndInAMessage(String compressor) throws IOException {
        byte[] whole = image(compressor);
        long used = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong(40);
        Random random = new Random(3);
        for (int round = 0; round < 100; round++) {
            byte[] part = Arrays.copyOf(whole, random.nextInt((int) used));
            Path file = Files.write(directory.resolve("part.sqfs"), part);
            ImageException error = assertThrows(ImageException.class, () -> Images.open(file));
            assertTrue(error.getMessage().startsWith(file + ": "));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, 4, 0x12345678, not a squashfs",
        "12, 4, 0x40000000, block size",
        "12, 4, 0, block size",
        "20, 2, 9, compressor number 9",
        "26, 2, 0, owners",
        "28, 2, 3, squashfs version 3.0",
        "32, 8, 0x7fffffffffffffff, an inode lies outside",
        "40, 8, 0x7fffffffffffffff, it claims",
        "40, 8, -1, it claims",
        "48, 8, -1, owners",
        "56, 8, 10, extended attributes",
        "64, 8, 0x7ffffffffffffff0, tables are misplaced",
        "72, 8, 96, tables are misplaced",
    })
    void superblockFieldsAreChecked(int at, int size, String value, String message) throws IOException {
        byte[] bytes = image("gzip");
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        switch (size) {
            case 2 -> buffer.putShort(at, Short.decode(value));
            case 4 -> buffer.putInt(at, Integer.decode(value));
            default -> buffer.putLong(at, Long.decode(value));
        }
        Path file = Files.write(directory.resolve("field.sqfs"), bytes);
        String text = assertThrows(ImageException.class, () -> {
                    try (SquashfsReader reader = Images.open(file)) {
                        reader.root();
                    }
                })
                .getMessage();
        assertTrue(text.startsWith(file + ": ") && text.contains(message), text);
    }

    @Test
    void aDirectoryInsideItselfIsNotUnpackedForever() throws IOException {
        byte[] bytes = image("gzip", "-noI");
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        // The last entry of the root's listing, "d", is made to name the root's own inode.
        int listing = rootListing(buffer);
        long root = buffer.getLong(32);
        buffer.putInt(listing + 4, (int) (root >>> 16));
        buffer.putShort(listing + 12, (short) (root & 0xffff));
        Path file = Files.write(directory.resolve("cycle.sqfs"), bytes);
        Path out = Files.createDirectories(directory.resolve("cycle-out"));
        try (SquashfsReader reader = Images.open(file)) {
            assertTimeoutPreemptively(LIMIT, () -> {
                String text = assertThrows(ImageException.class, () -> Unpacker.unpack(reader, out, 2))
                        .getMessage();
                assertEquals(file + ": damaged squashfs: a directory is in two places", text);
            });
            assertTrue(reader.find("d/d/d/d/d", Links.FOLLOW).isPresent());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "."})
    void namesThatLeadElsewhereAreRefused(String name) throws IOException {
        byte[] bytes = image("gzip", "-noI");
        int listing = rootListing(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
        bytes[listing + 20] = (byte) name.charAt(0);
        Path file = Files.write(directory.resolve("name.sqfs"), bytes);
        Path out = Files.createDirectories(directory.resolve("name-out"));
        try (SquashfsReader reader = Images.open(file)) {
            assertThrows(ImageException.class, () -> Unpacker.unpack(reader, out, 2));
        }
    }

    @Test
    void aFileThatClaimsMoreBytesThanThereAreEndsInAMessage() throws IOException {
        byte[] bytes = image("gzip", "-noI", "-no-fragments");
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        // A basic file's size is the word at offset 28 of its inode.
        long reference;
        try (SquashfsReader reader = Images.open(directory.resolve("whole.sqfs"))) {
            reference = reader.find("d/random", Links.NOFOLLOW)
                    .orElseThrow()
                    .attributes()
                    .reference();
        }
        int inode = (int) (buffer.getLong(INODE_TABLE) + (reference >>> 16) + 2 + (reference & 0xffff));
        assertEquals(9000, buffer.getInt(inode + 28));
        buffer.putInt(inode + 28, -1);
        Path file = Files.write(directory.resolve("size.sqfs"), bytes);
        assertTimeoutPreemptively(LIMIT, () -> {
            try (SquashfsReader reader = Images.open(file)) {
                Inode.RegularFile random = (Inode.RegularFile)
                        reader.find("d/random", Links.NOFOLLOW).orElseThrow();
                assertEquals(4294967295L, random.size());
                assertThrows(ImageException.class, () -> RootfsTree.sha256(reader.open(random)));
                assertThrows(ImageException.class, () -> reader.read(random, 1 << 30));
            }
        });
    }

    /** Where the root's only header begins, for the root of this test's tree: the last listing of the table. */
    private static int rootListing(ByteBuffer image) {
        int block = (int) image.getLong(DIRECTORY_TABLE);
        long root = image.getLong(32);
        int inode = (int) image.getLong(INODE_TABLE) + (int) (root >>> 16) + 2 + (int) (root & 0xffff);
        assertEquals(1, image.getShort(inode));
        int offset = Short.toUnsignedInt(image.getShort(inode + 26));
        return block + image.getInt(inode + 16) + 2 + offset;
    }

    private static byte[] image(String compressor, String... options) throws IOException {
        String[] all = Arrays.copyOf(options, options.length + 2);
        all[options.length] = "-comp";
        all[options.length + 1] = compressor;
        return Files.readAllBytes(Images.squash(tree, directory.resolve("whole.sqfs"), all));
    }

    private static void readAll(byte[] bytes) throws IOException {
        Path file = Files.write(directory.resolve("flipped.sqfs"), bytes);
        try (SquashfsReader reader = Images.open(file)) {
            reader.unpackedExtent();
            reader.find("d/link", Links.FOLLOW);
            RootfsTree.ofUntrusted(reader, 2000);
        } catch (ImageException e) {
            assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
        }
    }
}
