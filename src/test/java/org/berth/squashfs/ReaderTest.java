package org.berth.squashfs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.commons.compress.compressors.xz.XZUtils;
import org.berth.error.ImageException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that mksquashfs made, against the trees that they were made of. */
class ReaderTest {
    @TempDir
    static Path directory;

    private static Path tree;

    @BeforeAll
    static void makeTree() throws IOException {
        tree = Images.variedTree(directory.resolve("tree"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-comp gzip",
                "-comp zstd -Xcompression-level 1",
                "-comp lz4",
                "-comp xz",
                "-comp gzip -b 4096",
                "-comp zstd -b 1M -Xcompression-level 1",
                "-comp gzip -no-fragments",
                "-comp gzip -always-use-fragments",
                "-comp gzip -noI -noD -noF -noX",
                "-comp gzip -noI -noId",
                "-comp gzip -no-exports -no-duplicates",
                "-comp zstd -no-xattrs"
            })
    void everyFileIsAsInTheSource(String options) throws IOException {
        Path image = Images.squash(tree, directory.resolve("image.sqfs"), options.split(" "));
        if (options.contains("-comp xz") && !XZUtils.isXZCompressionAvailable()) {
            String message =
                    assertThrows(ImageException.class, () -> Images.open(image)).getMessage();
            assertEquals(image + ": its squashfs is compressed with xz, which cannot be read here", message);
            return;
        }
        try (SquashfsReader reader = Images.open(image)) {
            List<String> differences = RootfsTree.differences(RootfsTree.of(tree), RootfsTree.of(reader)).stream()
                    .filter(line -> !options.contains("-no-xattrs") || !line.startsWith("xattrs"))
                    .toList();
            assertEquals(List.of(), differences);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"lzo", "lzma"})
    void otherCompressorsAreRefusedInWords(String compressor) throws IOException {
        Path image = Images.squash(tree, directory.resolve("other.sqfs"), "-comp", compressor);
        String message =
                assertThrows(ImageException.class, () -> Images.open(image)).getMessage();
        assertEquals(
                image + ": its squashfs is compressed with %s, which cannot be read here".formatted(compressor),
                message);
    }

    @Test
    void anImageInsideAFileIsReadFromItsOffset() throws IOException {
        Path image = Images.squash(tree, directory.resolve("inner.sqfs"), "-comp", "zstd");
        Path outer = directory.resolve("outer");
        Images.shell(directory, "{ head -c 36864 /dev/zero; cat inner.sqfs; echo behind; } >outer");
        try (SquashfsReader reader = SquashfsReader.open(outer, 36864, Files.size(image))) {
            assertEquals(List.of(), RootfsTree.differences(RootfsTree.of(tree), RootfsTree.of(reader)));
        }
    }

    @Test
    void tenThousandEntriesAreListedAndFound() throws IOException {
        Path many = Files.createDirectories(directory.resolve("many/d"));
        Images.shell(many, "seq -f 'a-rather-long-name-%05g' 10000 | xargs touch");
        Path image = Images.squash(many.getParent(), directory.resolve("many.sqfs"), "-comp", "gzip");
        try (SquashfsReader reader = Images.open(image)) {
            Inode.Directory d = assertInstanceOf(
                    Inode.Directory.class, reader.find("d", Links.NOFOLLOW).orElseThrow());
            assertEquals(
                    IntStream.rangeClosed(1, 10000)
                            .mapToObj("a-rather-long-name-%05d"::formatted)
                            .toList(),
                    reader.list(d).stream().map(DirectoryEntry::name).toList());
            assertTrue(reader.find("/d/a-rather-long-name-09999", Links.FOLLOW).isPresent());
            assertEquals(10002, reader.unpackedExtent().files());
        }
    }

    @Test
    void namesAreBytes() throws IOException {
        Path odd = Files.createDirectories(directory.resolve("odd"));
        Images.shell(odd, "touch $'\\xff\\xfe' $'new\\nline' 'a b' $'\\xc3\\xa4'; touch $(printf 'n%.0s' $(seq 255))");
        Path image = Images.squash(odd, directory.resolve("odd.sqfs"), "-comp", "gzip");
        try (SquashfsReader reader = Images.open(image)) {
            List<DirectoryEntry> entries = reader.list(reader.root());
            assertEquals(
                    List.of("a b", "new\nline", "n".repeat(255), "ä"),
                    entries.stream().limit(4).map(DirectoryEntry::name).toList());
            assertArrayEquals(
                    new byte[] {(byte) 0xff, (byte) 0xfe}, entries.get(4).rawName());
        }
    }

    @Test
    void linksAreFollowedInsideTheImage() throws IOException {
        Path links = Files.createDirectories(directory.resolve("links"));
        Images.shell(links, """
                mkdir -p usr/lib etc; echo os >usr/lib/os-release; echo host >etc/hostname
                ln -s usr/lib lib; ln -s /lib/os-release etc/os-release; ln -s ../../../../etc/hostname etc/out
                ln -s loop-b loop-a; ln -s loop-a loop-b; ln -s dangling nowhere; ln -s . self
                """);
        Path image = Images.squash(links, directory.resolve("links.sqfs"), "-comp", "gzip");
        try (SquashfsReader reader = Images.open(image)) {
            assertEquals("os\n", text(reader, "/etc/os-release"));
            assertEquals("host\n", text(reader, "etc/out"));
            assertEquals("os\n", text(reader, "/self/self/./lib/../lib/os-release"));
            assertInstanceOf(
                    Inode.SymbolicLink.class,
                    reader.find("/etc/os-release", Links.NOFOLLOW).orElseThrow());
            assertEquals(Optional.empty(), reader.find("/loop-a", Links.FOLLOW));
            assertEquals(Optional.empty(), reader.find("/nowhere", Links.FOLLOW));
            assertEquals(Optional.empty(), reader.find("/etc/hostname/x", Links.FOLLOW));
            assertEquals(Optional.empty(), reader.find("/missing", Links.FOLLOW));
            assertEquals(reader.root(), reader.find("/../..", Links.FOLLOW).orElseThrow());
        }
    }

    private static String text(SquashfsReader reader, String path) {
        Inode.RegularFile file = assertInstanceOf(
                Inode.RegularFile.class, reader.find(path, Links.FOLLOW).orElseThrow());
        return new String(reader.read(file, 100), StandardCharsets.UTF_8);
    }

    @Test
    void readAndOpenGiveTheSameBytesAndReadHasALimit() throws IOException {
        Path image = Images.squash(tree, directory.resolve("bytes.sqfs"), "-comp", "zstd");
        try (SquashfsReader reader = Images.open(image)) {
            for (String name : List.of("empty", "one", "blocks", "sparse", "hole-then-end", "text")) {
                Inode.RegularFile file = assertInstanceOf(
                        Inode.RegularFile.class,
                        reader.find(name, Links.NOFOLLOW).orElseThrow());
                byte[] expected = Files.readAllBytes(tree.resolve(name));
                assertArrayEquals(expected, reader.read(file, expected.length), name);
                try (InputStream in = reader.open(file)) {
                    int first = in.read();
                    assertEquals(expected.length == 0 ? -1 : expected[0] & 0xff, first);
                    assertEquals(Math.max(0, expected.length - 1), in.readAllBytes().length);
                }
                if (expected.length > 0) {
                    assertThrows(ImageException.class, () -> reader.read(file, expected.length - 1));
                }
            }
        }
    }

    @Test
    void theSuperblockIsRead() throws IOException {
        Path image = Images.squash(
                tree, directory.resolve("super.sqfs"), "-comp", "zstd", "-b", "64K", "-mkfs-time", "1700000000");
        try (SquashfsReader reader = Images.open(image)) {
            assertEquals(CompressionType.ZSTD, reader.superblock().compression());
            assertEquals(65536, reader.superblock().blockSize());
            assertEquals(1700000000, reader.superblock().modifiedAt());
        }
    }

    @Test
    void otherFilesAreNoSquashfs() throws IOException {
        Path text = Files.writeString(directory.resolve("text.txt"), "x".repeat(1000));
        assertEquals(
                text + ": not a squashfs (it has no squashfs superblock)",
                assertThrows(ImageException.class, () -> Images.open(text)).getMessage());
        Path small = Files.writeString(directory.resolve("small.txt"), "hsqs");
        assertEquals(
                small + ": not a squashfs (it has only 4 bytes)",
                assertThrows(ImageException.class, () -> Images.open(small)).getMessage());
        assertEquals(
                "missing: no such file",
                assertThrows(ImageException.class, () -> SquashfsReader.open(Path.of("missing"), 0, 100))
                        .getMessage());
    }

    @Test
    void extendedAttributesSharedByFilesAreRead() throws IOException {
        Path image = Images.squash(tree, directory.resolve("xattrs.sqfs"), "-comp", "gzip");
        try (SquashfsReader reader = Images.open(image)) {
            Inode text = reader.find("text", Links.NOFOLLOW).orElseThrow();
            assertEquals(
                    "user.large user.small",
                    reader.xattrs(text).keySet().stream().sorted().collect(Collectors.joining(" ")));
            assertEquals(1500, reader.xattrs(text).get("user.large").length);
        }
    }
}
