package org.berth.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.function.IntFunction;
import org.berth.convert.ConvertOptions.DiffIds;
import org.berth.convert.Extra.Rule;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.fuzz.Fuzz;
import org.berth.oci.Digest;
import org.berth.oci.ImageLimits;
import org.berth.oci.LayerSource;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The edge cases, each on layers made by hand; the judge of the result is the kernel or squashfuse. */
class ConverterTest {
    private static final Instant IMAGE_TIME = Instant.ofEpochSecond(1_600_000_000);

    @TempDir
    Path directory;

    private final List<Extra> extras = new ArrayList<>();
    private Converter.Result result;

    @Test
    void hardLinkToAFileThatAHigherLayerReplacesKeepsContentAndAttributes() throws Exception {
        var tree = tree(
                new TarMaker()
                        .with(0640, 5, 6, 1_500_000_000)
                        .pax("SCHILY.xattr.user.mark", "old")
                        .file("first", "old content")
                        .with(0600, 9, 9, 1)
                        .hardLink("second", "first"),
                new TarMaker().file("first", "new content"));
        assertEquals(1, result.layersReadAgain());
        assertEquals("0640 5 6 1500000000", attributes(tree.get("/second")));
        assertEquals(sha256("old content"), tree.get("/second").get("sha256").asText());
        assertEquals("b2xk", tree.get("/second").at("/xattrs/user.mark").asText());
        assertEquals(sha256("new content"), tree.get("/first").get("sha256").asText());
        assertFalse(tree.get("/second").has("hard"));
    }

    @Test
    void entriesOfAnUpperLayerFollowLinksOfALowerOne() throws Exception {
        var tree = tree(
                new TarMaker()
                        .directory("usr")
                        .directory("usr/lib")
                        .file("usr/lib/old", "old")
                        .symlink("lib", "usr/lib")
                        .symlink("far", "/nowhere/../usr")
                        .symlink("out", "../../../../usr/lib"),
                new TarMaker()
                        .file("lib/added", "a")
                        .file("far/lib/more", "b")
                        .file("out/up", "c")
                        .empty("lib/.wh.old"));
        assertEquals("usr/lib", tree.get("/lib").get("link").asText());
        assertTrue(tree.containsKey("/usr/lib/added") && tree.containsKey("/usr/lib/more"));
        assertTrue(tree.containsKey("/usr/lib/up"));
        assertFalse(tree.containsKey("/usr/lib/old"));
    }

    @Test
    void hardLinkToAFileThatAHigherLayerDeletesKeepsItsContent() throws Exception {
        var tree = tree(
                new TarMaker().file("d/f", "moved").hardLink("kept", "d/f").file("d/g", "gone"),
                new TarMaker().directory("d").empty("d/.wh..wh..opq"));
        assertEquals(sha256("moved"), tree.get("/kept").get("sha256").asText());
        assertFalse(tree.containsKey("/d/f"));
        assertEquals(1, result.layersReadAgain());
    }

    @Test
    void hardLinkMayLeadIntoALowerLayer() throws Exception {
        var tree = tree(
                new TarMaker().file("orig", "o").symlink("link", "orig"),
                new TarMaker().hardLink("again", "orig").hardLink("link2", "link"));
        assertEquals("/again", tree.get("/orig").get("hard").asText());
        assertEquals("/link", tree.get("/link2").get("hard").asText());
        assertEquals(2, tree.get("/again").get("nlink").asInt());
    }

    @Test
    void directoriesThatNoEntryDescribesAreRootsOwnWithTheImagesTime() throws Exception {
        var tree = tree(new TarMaker().file("a/b/c", "c"));
        assertEquals("0755 0 0 1600000000", attributes(tree.get("/")));
        assertEquals("0755 0 0 1600000000", attributes(tree.get("/a/b")));
    }

    @Test
    void theLastOfSeveralEntriesOfOneNameWins() throws Exception {
        var tree = tree(new TarMaker()
                .file("x", "one")
                .symlink("x", "nowhere")
                .with(0600, 1, 2, 3)
                .file("x", "three")
                .file("d", "a file")
                .directory("d")
                .file("d/below", "b")
                .with(0700, 4, 5, 6)
                .directory("d"));
        assertEquals(sha256("three"), tree.get("/x").get("sha256").asText());
        assertEquals("0700 4 5 6", attributes(tree.get("/d")));
        assertTrue(tree.containsKey("/d/below"));
    }

    @Test
    void aWhiteoutHitsLowerLayersOnlyWhereverItStands() throws Exception {
        var tree = tree(
                new TarMaker()
                        .file("d/low", "l")
                        .file("d/both", "l")
                        .file("e/low", "l")
                        .file("f", "l"),
                new TarMaker()
                        .file("d/both", "u")
                        .empty("d/.wh.both")
                        .empty("d/.wh.never")
                        .file("e/up", "u")
                        .empty("e/.wh..wh..opq")
                        .empty(".wh.f")
                        .directory("f"));
        assertEquals(sha256("u"), tree.get("/d/both").get("sha256").asText());
        assertTrue(tree.containsKey("/d/low") && tree.containsKey("/e/up"));
        assertFalse(tree.containsKey("/e/low"));
        assertEquals("dir", tree.get("/f").get("type").asText());
    }

    @Test
    void anOpaqueRootHidesAllLowerLayers() throws Exception {
        var tree = tree(
                new TarMaker().file("a", "a").file("d/b", "b"),
                new TarMaker().empty(".wh..wh..opq").file("only", "o"));
        assertEquals(List.of("/", "/only"), List.copyOf(tree.keySet()));
        assertEquals(2, result.hiddenBytes());
    }

    @Test
    void filesAndDirectoriesReplaceEachOther() throws Exception {
        var tree = tree(
                new TarMaker()
                        .file("f", "f")
                        .file("d/in", "d")
                        .symlink("l", "d")
                        .file("implied", "was a file"),
                new TarMaker()
                        .directory("f")
                        .file("f/in", "f")
                        .file("d", "d")
                        .directory("l")
                        .file("implied/in", "i"));
        assertEquals("dir", tree.get("/f").get("type").asText());
        assertEquals("file", tree.get("/d").get("type").asText());
        assertEquals("dir", tree.get("/l").get("type").asText());
        assertTrue(tree.containsKey("/implied/in"));
    }

    @Test
    void namesAreCleaned() throws Exception {
        var tree = tree(new TarMaker()
                .file("/absolute", "a")
                .file("./dot/./two//three", "d")
                .with(0750, 1, 2, 3)
                .directory("."));
        assertTrue(tree.containsKey("/absolute") && tree.containsKey("/dot/two/three"));
        assertEquals("0750 1 2 3", attributes(tree.get("/")));
    }

    @Test
    void numbersBeyondOctalAndTimesBeyond32BitsAreKeptOrClamped() throws Exception {
        var tree = tree(new TarMaker()
                .with(07777, 4294967294L, 4_000_000, 1L << 34)
                .file("far", "x")
                .with(0644, 0, 0, -5)
                .file("early", "x")
                .pax("mtime", "-1.5")
                .pax("uid", "3000000")
                .file("pax", "x")
                .pax("mtime", "1700000000.999999999")
                .file("ns", "x"));
        assertEquals("7777 4294967294 4000000 4294967295", attributes(tree.get("/far")));
        assertEquals("0644 0 0 0", attributes(tree.get("/early")));
        assertEquals("0644 3000000 0 0", attributes(tree.get("/pax")));
        assertEquals("0644 0 0 1700000000", attributes(tree.get("/ns")));
    }

    @Test
    void sparseFilesOfAllPaxFormsAreExpanded() throws Exception {
        byte[] expected = new byte[300_000];
        System.arraycopy("AAAA".getBytes(StandardCharsets.US_ASCII), 0, expected, 1000, 4);
        System.arraycopy("BB".getBytes(StandardCharsets.US_ASCII), 0, expected, 200_000, 2);
        byte[] map = new byte[512];
        byte[] text = "2\n1000\n4\n200000\n2\n".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, map, 0, text.length);
        byte[] withMap = new byte[518];
        System.arraycopy(map, 0, withMap, 0, 512);
        System.arraycopy("AAAABB".getBytes(StandardCharsets.US_ASCII), 0, withMap, 512, 6);
        var tree = tree(new TarMaker()
                .pax("GNU.sparse.major", "1")
                .pax("GNU.sparse.minor", "0")
                .pax("GNU.sparse.name", "one")
                .pax("GNU.sparse.realsize", "300000")
                .file("GNUSparseFile.1/one", withMap)
                .pax("GNU.sparse.size", "300000")
                .pax("GNU.sparse.map", "1000,4,200000,2")
                .pax("GNU.sparse.name", "two")
                .file("GNUSparseFile.1/two", "AAAABB")
                .paxHeader(
                        'x',
                        "GNU.sparse.size",
                        "300000",
                        "GNU.sparse.numblocks",
                        "2",
                        "GNU.sparse.offset",
                        "1000",
                        "GNU.sparse.numbytes",
                        "4",
                        "GNU.sparse.offset",
                        "200000",
                        "GNU.sparse.numbytes",
                        "2")
                .file("three", "AAAABB")
                .pax("GNU.sparse.size", "300000")
                .file("hole", ""));
        for (String name : List.of("/one", "/two", "/three")) {
            assertEquals(sha256(expected), tree.get(name).get("sha256").asText(), name);
        }
        assertEquals(sha256(new byte[300_000]), tree.get("/hole").get("sha256").asText());
    }

    @Test
    void globalPaxRecordsHoldUntilAnEntrySaysOtherwise() throws Exception {
        var tree = tree(new TarMaker()
                .paxHeader('g', "uid", "500", "comment", "a1b2c3d4")
                .file("a", "a")
                .pax("uid", "7")
                .file("b", "b")
                .paxHeader('x', "uid", "")
                .with(0644, 3, 0, 5)
                .file("c", "c"));
        assertEquals(500, tree.get("/a").get("uid").asInt());
        assertEquals(7, tree.get("/b").get("uid").asInt());
        assertEquals(3, tree.get("/c").get("uid").asInt());
    }

    @Test
    void attributesThatSquashfsOrAMountCannotHaveAreLeftOut() throws Exception {
        var tree = tree(new TarMaker()
                .pax("SCHILY.xattr.user.kept", "k")
                .pax(
                        "SCHILY.xattr.security.capability",
                        new byte[] {1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
                .pax("SCHILY.xattr.system.posix_acl_access", "acl")
                .pax("SCHILY.xattr.trusted.overlay.opaque", "y")
                .pax("SCHILY.xattr.user.", "no name")
                .file("x", "x"));
        assertEquals("aw==", tree.get("/x").at("/xattrs/user.kept").asText());
        assertFalse(tree.get("/x").get("xattrs").has("system.posix_acl_access"));
        assertEquals(3, result.droppedXattrs());
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void sizesAroundBlocksAndHolesAreRight(Compression compression) throws Exception {
        var random = new Random(7);
        var contents = new ArrayList<byte[]>();
        for (int size : List.of(0, 1, 511, 512, 131_071, 131_072, 131_073, 262_144, 262_145, 1_000_000)) {
            byte[] full = new byte[size];
            random.nextBytes(full);
            byte[] head = new byte[size];
            byte[] tail = new byte[size];
            if (size > 0) {
                head[0] = 1;
                tail[size - 1] = 1;
            }
            contents.addAll(List.of(full, new byte[size], head, tail));
        }
        var tar = new TarMaker();
        for (int i = 0; i < contents.size(); i++) {
            tar.file("f%02d".formatted(i), contents.get(i));
        }
        Path image = convert(options(compression, 2), MemoryLayers.of(tar.end()));
        try (var mounted = MountedImage.open(image)) {
            for (int i = 0; i < contents.size(); i++) {
                Path file = mounted.directory().resolve("f%02d".formatted(i));
                assertArrayEquals(contents.get(i), Files.readAllBytes(file), "file " + i);
            }
        }
    }

    @Test
    void zerosCostNothing() throws Exception {
        Path image = convert(
                options(Compression.ZSTD, 1),
                MemoryLayers.of(new TarMaker()
                        .pax("GNU.sparse.size", "9000000000")
                        .pax("GNU.sparse.map", "8999999999,1")
                        .file("huge", "x")
                        .file("zeros", new byte[10 << 20])
                        .end()));
        assertEquals(4096, Files.size(image));
        try (var mounted = MountedImage.open(image)) {
            assertEquals(9_000_000_000L, Files.size(mounted.directory().resolve("huge")));
            try (var file = FileChannel.open(mounted.directory().resolve("huge"))) {
                var last = java.nio.ByteBuffer.allocate(1);
                file.read(last, 8_999_999_999L);
                assertEquals('x', last.get(0));
            }
        }
    }

    @Test
    void equalFilesAreStoredOnce() throws Exception {
        byte[] small = new byte[50_000];
        byte[] large = new byte[3_000_000];
        new Random(1).nextBytes(small);
        new Random(2).nextBytes(large);
        Path image = convert(
                options(Compression.ZSTD, 2),
                MemoryLayers.of(
                        new TarMaker()
                                .file("a", small)
                                .file("b", large)
                                .file("other", "between")
                                .file("c", small)
                                .file("d", large)
                                .end(),
                        new TarMaker().file("e", small).file("f", large).end()));
        assertEquals(4, result.duplicates());
        assertTrue(Files.size(image) < 3_100_000, "size " + Files.size(image));
        try (var mounted = MountedImage.open(image)) {
            for (String name : List.of("a", "c", "e")) {
                assertArrayEquals(small, Files.readAllBytes(mounted.directory().resolve(name)));
            }
            for (String name : List.of("b", "d", "f")) {
                assertArrayEquals(large, Files.readAllBytes(mounted.directory().resolve(name)));
            }
        }
    }

    @Test
    void everyNameOfAHugeDirectoryIsFound() throws Exception {
        var tar = new TarMaker();
        for (int i = 0; i < 20_000; i++) {
            tar.empty("many/a-rather-long-name-%d".formatted(i * 7919 % 20_000));
        }
        Path image = convert(options(Compression.ZSTD, 2), MemoryLayers.of(tar.end()));
        try (var mounted = MountedImage.open(image)) {
            for (int i = 0; i < 20_000; i++) {
                assertTrue(Files.exists(mounted.directory().resolve("many/a-rather-long-name-" + i)), "name " + i);
            }
        }
        assertEquals(20_002, result.inodes());
    }

    @Test
    void extrasReplaceOrStayAwayAsTheirRuleSays() throws Exception {
        extras.add(Extra.directory(".singularity.d", 0755, Rule.ALWAYS));
        extras.add(Extra.directory(".singularity.d/env", 0755, Rule.ALWAYS));
        extras.add(Extra.file(".singularity.d/runscript", 0755, "#!/bin/sh\n", Rule.ALWAYS));
        extras.add(Extra.symlink("environment", ".singularity.d/env/90-environment.sh", Rule.ALWAYS));
        extras.add(Extra.directory("tmp", 01777, Rule.IF_MISSING));
        extras.add(Extra.directory("var/tmp", 01777, Rule.IF_MISSING));
        extras.add(Extra.directory("proc", 0755, Rule.IF_MISSING));
        extras.add(Extra.file("etc/hosts", 0644, "", Rule.IF_MISSING));
        extras.add(Extra.file("etc/resolv.conf", 0644, "", Rule.IF_MISSING));
        extras.add(Extra.file("sys/deep/file", 0644, "", Rule.IF_MISSING));
        var tree = tree(new TarMaker()
                .symlink(".singularity.d", "/elsewhere")
                .file("environment/in", "way")
                .file("tmp", "a file")
                .symlink("proc", "/opt")
                .symlink("etc", "real/etc")
                .directory("real/etc")
                .symlink("real/etc/resolv.conf", "../run/resolv.conf")
                .file("sys", "a file"));
        assertEquals("0755 0 0 1600000000", attributes(tree.get("/.singularity.d/runscript")));
        assertEquals("symlink", tree.get("/environment").get("type").asText());
        assertEquals("file", tree.get("/tmp").get("type").asText());
        assertEquals("1777 0 0 1600000000", attributes(tree.get("/var/tmp")));
        assertEquals("symlink", tree.get("/proc").get("type").asText());
        assertEquals("file", tree.get("/real/etc/hosts").get("type").asText());
        assertEquals("symlink", tree.get("/real/etc/resolv.conf").get("type").asText());
        assertEquals("file", tree.get("/sys").get("type").asText());
        assertEquals(1, result.notes().size());
        assertTrue(
                result.notes().getFirst().contains("sys/deep/file"),
                result.notes().toString());
    }

    @Test
    void theResultDoesNotDependOnThreadsOrPlace() throws Exception {
        var random = new Random(3);
        var lower = new TarMaker();
        var upper = new TarMaker();
        for (int i = 0; i < 300; i++) {
            byte[] content = new byte[random.nextInt(i % 10 == 0 ? 400_000 : 9000)];
            for (int k = 0; k < content.length; k++) {
                content[k] = (byte) (random.nextInt(8) == 0 ? random.nextInt() : 'a');
            }
            (random.nextBoolean() ? lower : upper).file("d" + i % 7 + "/f" + i, content);
        }
        byte[][] tars = {lower.end(), upper.end()};
        byte[] one = Files.readAllBytes(convert(options(Compression.ZSTD, 1), MemoryLayers.of(tars)));
        byte[] five = Files.readAllBytes(convert(options(Compression.ZSTD, 5), MemoryLayers.of(tars)));
        assertArrayEquals(one, five);
        Path shifted = directory.resolve("shifted");
        Files.write(shifted, new byte[8192]);
        MemoryLayers layers = MemoryLayers.of(tars);
        try (var out = channel(shifted)) {
            long bytes = Converter.convert(
                            layers.descriptors(), List.of(), layers, extras, options(Compression.ZSTD, 2), out, 8192)
                    .bytes();
            assertEquals(one.length, bytes);
        }
        byte[] whole = Files.readAllBytes(shifted);
        assertArrayEquals(one, java.util.Arrays.copyOfRange(whole, 8192, whole.length));
    }

    @Test
    void layersWithoutEntriesMakeAnEmptyRoot() throws Exception {
        var layers = new MemoryLayers().add(new byte[0]).add(new byte[1024]).add(MemoryLayers.gzip(new byte[1024]));
        Path image = convert(options(Compression.GZIP, 1), layers);
        try (var mounted = MountedImage.open(image)) {
            assertEquals(List.of("/"), List.copyOf(mounted.tree().keySet()));
        }
    }

    @Test
    void anArchiveMayEndRightAfterItsLastByte() throws Exception {
        TarMaker tar = new TarMaker();
        byte[] bytes = tar.file("first", "1")
                .raw(tar.header('0', "last", "", 4, 0644))
                .raw("last".getBytes(java.nio.charset.StandardCharsets.UTF_8))
                .cut();
        Path image = convert(options(Compression.ZSTD, 2), MemoryLayers.of(bytes));
        try (var mounted = MountedImage.open(image)) {
            assertEquals("last", Files.readString(mounted.directory().resolve("last")));
        }
    }

    @Test
    void brokenArchivesAreRefusedByLayerAndEntry() {
        byte[] damaged = new TarMaker().file("name", "x").end();
        damaged[0] = 'N';
        var refused = Map.ofEntries(
                Map.entry("'Name': wrong header checksum", damaged),
                Map.entry(
                        "'../up': the path holds '..'",
                        new TarMaker().file("../up", "x").end()),
                Map.entry(
                        "'a/../b': the path holds '..'",
                        new TarMaker().file("a/../b", "x").end()),
                Map.entry(
                        "'l': hard link to 'gone', which is not there",
                        new TarMaker().hardLink("l", "gone").end()),
                Map.entry(
                        "'l': hard link to 'd', a directory",
                        new TarMaker().directory("d").hardLink("l", "d").end()),
                Map.entry(
                        "'f/x': 'f' above it is no directory",
                        new TarMaker().file("f", "f").file("f/x", "x").end()),
                Map.entry(
                        "'l/x': more than 40 symbolic links",
                        new TarMaker().symlink("l", "l").file("l/x", "x").end()),
                Map.entry(
                        "'s': a link target of 0 bytes",
                        new TarMaker().symlink("s", "").end()),
                Map.entry(
                        "'v': unknown entry type 'V'",
                        new TarMaker().entry('V', "v", "", new byte[0], 0).end()),
                Map.entry(
                        "'cut': the archive ends early",
                        new TarMaker()
                                .entry('0', "cut", "", new byte[512], 5000)
                                .cut()),
                Map.entry(
                        "'neg': its size -5 is negative",
                        new TarMaker().entry('0', "neg", "", new byte[0], -5).end()),
                Map.entry(
                        "image-max-size in berth.yaml",
                        new TarMaker()
                                .entry('0', "big", "", new byte[0], Long.MAX_VALUE)
                                .end()),
                Map.entry(
                        "'.wh..': it is a whiteout of no file",
                        new TarMaker().empty(".wh..").end()),
                Map.entry(
                        "'.': the root can only be a directory",
                        new TarMaker().empty(".").end()),
                Map.entry(
                        "a PAX header holds a malformed record",
                        new TarMaker().rawPax('x', "9 a=b\n").empty("x").end()),
                Map.entry(
                        "the archive ends after an extended header",
                        new TarMaker().rawPax('x', "6 a=b\n").end()),
                Map.entry(
                        "a PAX header has more than 1048576 bytes",
                        new TarMaker()
                                .entry('x', "x", "", new byte[0], 2_000_000)
                                .end()),
                Map.entry(
                        "'nul\\u0000x': the path holds a NUL byte",
                        new TarMaker().pax("path", "nul\0x").empty("x").end()),
                Map.entry(
                        "'sp': its sparse map is not in order",
                        new TarMaker()
                                .pax("GNU.sparse.size", "100")
                                .pax("GNU.sparse.map", "50,2,10,2")
                                .file("sp", "abcd")
                                .end()),
                Map.entry(
                        "'sp': its sparse map names 2 bytes, the archive holds 4",
                        new TarMaker()
                                .pax("GNU.sparse.size", "100")
                                .pax("GNU.sparse.map", "50,2")
                                .file("sp", "abcd")
                                .end()),
                Map.entry(
                        "is longer than 255",
                        new TarMaker().pax("path", "n".repeat(256)).empty("x").end()),
                Map.entry(
                        "image-max-depth in berth.yaml",
                        new TarMaker()
                                .pax("path", "d/".repeat(3000) + "x")
                                .empty("x")
                                .end()));
        refused.forEach((message, tar) -> {
            MemoryLayers layers = MemoryLayers.of(tar);
            var e = assertThrows(ImageException.class, () -> convert(options(Compression.ZSTD, 1), layers), message);
            assertTrue(e.getMessage().contains(message), e.getMessage());
            assertTrue(
                    e.getMessage()
                            .startsWith(
                                    "layer " + layers.descriptors().getFirst().digest() + ": "),
                    e.getMessage());
            assertFalse(e.getMessage().contains("\n"));
        });
    }

    @Test
    void moreOwnersThanSquashfsHoldsAreRefused() {
        var tar = new TarMaker();
        for (int i = 0; i < 32_768; i++) {
            tar.with(0644, i, 40_000 + i, 0).empty("f" + i);
        }
        var e = assertThrows(
                ImageException.class, () -> convert(options(Compression.ZSTD, 1), MemoryLayers.of(tar.end())));
        assertTrue(e.getMessage().contains("65536 different owners and groups"), e.getMessage());
    }

    @Test
    void entriesAreCountedAlsoInLayersThatComeAgain() {
        byte[] tar = new TarMaker().empty("a").empty("b").end();
        MemoryLayers layers = MemoryLayers.of(tar, tar, tar);
        assertLimit(new ImageLimits(5, 1000, 10, 99, 999, 999, 99, 9999), "5 entries; image-max-entries", layers);
    }

    private void assertLimit(ImageLimits limits, String words, MemoryLayers layers) {
        var options = new ConvertOptions(Compression.ZSTD, 1, IMAGE_TIME, limits, 1, DiffIds.IGNORE);
        var e = assertThrows(ImageException.class, () -> convert(options, layers));
        assertTrue(e.getMessage().contains("more than " + words), e.getMessage());
        assertTrue(e.getMessage().contains("in berth.yaml sets the limit"), e.getMessage());
    }

    @Test
    void everyLimitIsNamedByItsSettingWhereItIsHit() {
        var limits = new ImageLimits(9, 1000, 3, 20, 600, 30, 4, 20_000);
        Assertions.assertDoesNotThrow(() -> convert(
                new ConvertOptions(Compression.ZSTD, 1, IMAGE_TIME, limits, 1, DiffIds.IGNORE),
                MemoryLayers.of(new TarMaker()
                        .file("a/b/c/12345678901234", new byte[1000])
                        .pax("SCHILY.xattr.user.a", "b")
                        .empty("x")
                        .end())));
        assertLimit(
                limits,
                "1000 bytes; image-max-size",
                MemoryLayers.of(new TarMaker()
                        .file("a", new byte[500])
                        .file("b", new byte[501])
                        .end()));
        assertLimit(
                limits,
                "3 deep; image-max-depth",
                MemoryLayers.of(new TarMaker().empty("a/b/c/d/e").end()));
        assertLimit(
                limits,
                "20 bytes; image-max-path",
                MemoryLayers.of(new TarMaker().empty("a/123456789012345678901").end()));
        assertLimit(
                limits,
                "600 bytes; image-max-header",
                MemoryLayers.of(new TarMaker()
                        .pax("comment", "x".repeat(601))
                        .empty("x")
                        .end()));
        assertLimit(
                limits,
                "30 different bytes; image-max-xattrs",
                MemoryLayers.of(new TarMaker()
                        .pax("SCHILY.xattr.user.a", "0123456789")
                        .empty("x")
                        .pax("SCHILY.xattr.user.a", "0123456789")
                        .empty("same")
                        .pax("SCHILY.xattr.user.a", "1123456789")
                        .empty("y")
                        .end()));
    }

    @Test
    void globalRecordsAreFewSinceEveryEntryLooksAtThem() {
        var tar = new TarMaker();
        for (int i = 0; i <= 256; i++) {
            tar.paxHeader('g', "SCHILY.xattr.user." + i, "value").empty("f" + i);
        }
        var e = assertThrows(
                ImageException.class, () -> convert(options(Compression.ZSTD, 1), MemoryLayers.of(tar.end())));
        assertTrue(e.getMessage().contains("PAX global headers have more than 256 records"), e.getMessage());
    }

    /** Streams far beyond the limits, made as they are read: a few bytes of a compressed blob can stand for them. */
    @Test
    void layersFarBeyondTheirLimitsAreRefused() throws IOException {
        var limits = new ImageLimits(2000, 4 << 20, 50, 4096, 1 << 16, 1 << 20, 200, 32 << 20);
        byte[] big = new TarMaker().file("big", new byte[1 << 20]).cut();
        Map<String, IntFunction<byte[]>> parts = Map.of(
                "2000 entries", i -> new TarMaker().empty("f" + i).cut(),
                "4194304 bytes", i -> big,
                "different bytes",
                        i -> new TarMaker()
                                .pax("SCHILY.xattr.user.x", i + "x".repeat(60_000))
                                .empty("f")
                                .cut(),
                "200 times its size",
                        i -> new TarMaker()
                                .paxHeader('x', "comment", "x".repeat(60_000))
                                .cut(),
                "256 records", i -> new TarMaker().paxHeader('g', "k" + i, "v").cut(),
                "200 times its size;", i -> new byte[1 << 16],
                "4096 bytes",
                        i -> new TarMaker()
                                .pax("path", "directory/".repeat(i) + "f")
                                .empty("f")
                                .cut());
        for (var part : parts.entrySet()) {
            MemoryLayers layers = MemoryLayers.of(new TarMaker().empty("first").end());
            LayerSource source = blob -> new SequenceInputStream(new Enumeration<InputStream>() {
                private int next;
                private long bytes;

                @Override
                public boolean hasMoreElements() {
                    return bytes < 64 << 20;
                }

                @Override
                public InputStream nextElement() {
                    byte[] piece = next++ == 0
                            ? new TarMaker().empty("first").cut()
                            : part.getValue().apply(next);
                    bytes += piece.length;
                    return new ByteArrayInputStream(piece);
                }
            });
            var options = new ConvertOptions(Compression.ZSTD, 1, IMAGE_TIME, limits, 1, DiffIds.IGNORE);
            Fuzz.of("far-beyond").allocating(512 << 20).once(random -> {
                var e = assertThrows(
                        ImageException.class,
                        () -> Converter.convert(
                                layers.descriptors(), List.of(), source, List.of(), options, open("far-beyond"), 0));
                assertTrue(e.getMessage().contains(part.getKey()), part.getKey() + ": " + e.getMessage());
            });
        }
    }

    @Test
    void aLayerThatUnpacksToFarMoreThanItsBlobIsRefused() {
        byte[] tar = new TarMaker().file("zeros", new byte[3_000_000]).end();
        MemoryLayers layers = MemoryLayers.of(tar);
        var roomy = new ImageLimits(9, 1L << 40, 9, 99, 999, 999, 200, 1L << 30);
        Assertions.assertDoesNotThrow(
                () -> convert(new ConvertOptions(Compression.ZSTD, 1, IMAGE_TIME, roomy, 1, DiffIds.IGNORE), layers));
        assertLimit(
                new ImageLimits(9, 1L << 40, 9, 99, 999, 999, 200, 1_000_000),
                "200 times its size; image-max-ratio",
                layers);
    }

    @Test
    void somethingThatIsNoLayerIsNamedByItsType() {
        var layers = new MemoryLayers().add("not a file system\n".getBytes(StandardCharsets.US_ASCII));
        var e = assertThrows(ImageException.class, () -> convert(options(Compression.ZSTD, 1), layers));
        assertTrue(e.getMessage().contains("not a container image layer"), e.getMessage());
        assertTrue(e.getMessage().contains("application/vnd.oci.image.layer.v1.tar+gzip"), e.getMessage());
    }

    @Test
    void diffIdsMustFitInNumberAndContent() {
        byte[] tar = new TarMaker().file("x", "x").end();
        MemoryLayers layers = MemoryLayers.of(tar);
        ConvertOptions options = options(Compression.ZSTD, 1);
        assertTrue(assertThrows(
                        ImageException.class,
                        () -> convert(options, layers, List.of(Digest.sha256(tar), Digest.sha256(tar))))
                .getMessage()
                .contains("1 layers"));
        assertTrue(assertThrows(
                        ImageException.class, () -> convert(options, layers, List.of(Digest.sha256(new byte[1]))))
                .getMessage()
                .contains("its content has the digest " + Digest.sha256(tar)));
        Assertions.assertDoesNotThrow(() -> convert(options, layers, List.of(Digest.sha256(tar))));
    }

    @Test
    void whatTheSourceFindsWrongIsWhatIsThrown() {
        byte[] tar = new TarMaker().file("x", new byte[100_000]).end();
        MemoryLayers layers = MemoryLayers.of(tar);
        var failure = new ImageException("blob has another digest");
        LayerSource source = blob -> new FilterInputStream(layers.open(blob)) {
            @Override
            public int read(byte[] out, int from, int length) throws IOException {
                int n = in.read(out, from, length);
                if (n > 0) {
                    // Damages the data, too: the digest is the better message.
                    out[from + n - 1] ^= 0x55;
                    return n;
                }
                throw failure;
            }
        };
        var e = assertThrows(
                ImageException.class,
                () -> Converter.convert(
                        layers.descriptors(),
                        List.of(),
                        source,
                        List.of(),
                        options(Compression.ZSTD, 1),
                        open("x"),
                        0));
        Assertions.assertSame(failure, e);
    }

    @Test
    void aFailureEndsTheConversionThoughAnotherLayerStillWaits() {
        MemoryLayers layers = MemoryLayers.of(
                new TarMaker().file("low", "l").end(),
                new TarMaker().file("high", "h").end());
        var never = new CountDownLatch(1);
        LayerSource source = blob -> blob.equals(layers.descriptors().get(1))
                ? new InputStream() {
                    @Override
                    public int read() throws IOException {
                        try {
                            never.await();
                            return -1;
                        } catch (InterruptedException e) {
                            throw new IOException(e);
                        }
                    }
                }
                : failing();
        Assertions.assertTimeoutPreemptively(Duration.ofSeconds(5), () -> {
            var e = assertThrows(
                    HostException.class,
                    () -> Converter.convert(
                            layers.descriptors(),
                            List.of(),
                            source,
                            List.of(),
                            options(Compression.ZSTD, 1),
                            open("x"),
                            0));
            assertTrue(e.getMessage().contains("connection lost"), e.getMessage());
        });
    }

    @Test
    void aFullDiskIsSaid() throws Exception {
        byte[] content = new byte[20_000_000];
        new Random(5).nextBytes(content);
        MemoryLayers layers = MemoryLayers.of(new TarMaker().file("x", content).end());
        try (var full = channel(Path.of("/dev/full"))) {
            var e = assertThrows(
                    HostException.class,
                    () -> Converter.convert(
                            layers.descriptors(), List.of(), layers, List.of(), options(Compression.ZSTD, 2), full, 0));
            assertTrue(e.getMessage().contains("No space left"), e.getMessage());
        }
    }

    private static InputStream failing() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("connection lost");
            }
        };
    }

    private Map<String, JsonNode> tree(TarMaker... tars) throws Exception {
        byte[][] layers = new byte[tars.length][];
        for (int i = 0; i < tars.length; i++) {
            layers[i] = tars[i].end();
        }
        try (var mounted = MountedImage.open(convert(options(Compression.ZSTD, 2), MemoryLayers.of(layers)))) {
            return mounted.tree();
        }
    }

    private static ConvertOptions options(Compression compression, int threads) {
        return new ConvertOptions(
                compression, compression.defaultLevel(), IMAGE_TIME, ImageLimits.DEFAULTS, threads, DiffIds.CHECK);
    }

    private Path convert(ConvertOptions options, MemoryLayers layers) throws IOException {
        return convert(options, layers, List.of());
    }

    private Path convert(ConvertOptions options, MemoryLayers layers, List<Digest> diffIds) throws IOException {
        Path image = Files.createTempFile(directory, "image", ".sqfs");
        try (var out = channel(image)) {
            result = Converter.convert(layers.descriptors(), diffIds, layers, extras, options, out, 0);
        }
        return image;
    }

    private FileChannel open(String name) throws IOException {
        return channel(directory.resolve(name));
    }

    private static FileChannel channel(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    private static String attributes(JsonNode node) {
        return "%s %s %s %s".formatted(node.get("mode").asText(), node.get("uid"), node.get("gid"), node.get("mtime"));
    }

    private static String sha256(String text) {
        return sha256(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String sha256(byte[] bytes) {
        return Digest.sha256(bytes).hex();
    }
}
