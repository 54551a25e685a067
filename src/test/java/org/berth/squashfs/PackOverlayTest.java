package org.berth.squashfs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.libc.LinuxFiles;
import org.berth.squashfs.Packer.Base;
import org.berth.squashfs.Packer.Owners;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An image and an upper directory, against what the kernel's overlay shows of them. */
class PackOverlayTest {
    private static final Instant TIME = Instant.ofEpochSecond(1_700_000_000);

    /** What programs do in a container; run in the root of an overlay. */
    private static final String CHANGES = """
            echo changed >text; echo new >new; chmod 0640 one; rm empty block
            rm -r d; mkdir d; echo 'not there before' >d/fresh
            rm -r empty-dir; echo 'now a file' >empty-dir
            rm link; mkdir link; echo x >link/x
            mkdir -p a/b/new/deep; echo deep >a/b/new/deep/file; rm a/b/f7; mv a/b/f8 a/b/moved
            cp -r a/b/c copied; mv a/b/c a/renamed 2>/dev/null || { cp -a a/b/c a/renamed; rm -r a/b/c; }
            echo second >a/twice; ln a/twice a/thrice; ln -s ../a up; mkfifo pipe; ln a/first a/another
            printf end >holes; truncate -s 5000000 holes; printf x >>holes
            chmod 4755 modes/suid; touch -d @1234567890 new a/b
            setfattr -n user.note -v kept new; setfattr -n user.note -v kept a
            mkdir gone; echo x >gone/x; rm -r gone
            """;

    @TempDir
    Path directory;

    private Path packed(Base base, Path upper, Owners owners, String name) throws IOException {
        Path image = directory.resolve(name);
        try (FileChannel channel = FileChannel.open(
                        image, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
                SquashfsWriter writer = new SquashfsWriter(channel, 0, BlockCodec.zstd(1), 2)) {
            Packer.packOverlay(base, upper, writer, owners, TIME);
        }
        return image;
    }

    private Path packed(Path tree, String name) throws IOException {
        Path image = directory.resolve(name);
        try (FileChannel channel = FileChannel.open(
                        image, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
                SquashfsWriter writer = new SquashfsWriter(channel, 0, BlockCodec.gzip(1), 2)) {
            Packer.pack(tree, writer, Owners.KEPT, TIME);
        }
        return image;
    }

    /** Changes {@code base} through an overlay with the given option; what it then shows is copied to {@code shown}. */
    private void change(Path base, String option) throws IOException {
        Files.writeString(directory.resolve("changes"), CHANGES);
        String mounting = """
                set -e; mkdir -p upper work merged shown
                mount -t overlay -o lowerdir='%s',upperdir=upper,workdir=work%s overlay merged
                (cd merged; bash -eu ../changes); cp -a merged/. shown/
                """.formatted(base, option);
        Files.writeString(directory.resolve("mounting"), mounting);
        try {
            boolean root = LinuxFiles.isRoot();
            Images.shell(directory, "unshare %s bash ./mounting".formatted(root ? "-m" : "-rm"));
        } catch (IOException e) {
            assumeTrue(!String.valueOf(e.getMessage()).contains("mount"), "no overlay can be mounted here: " + e);
            throw e;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {",userxattr", ""})
    void theImageHoldsWhatTheOverlayShows(String option) throws IOException {
        assumeTrue(LinuxFiles.isRoot() || !option.isEmpty(), "only root can have trusted attributes");
        Path base = Images.variedTree(directory.resolve("base"));
        change(base, option);
        RootfsTree shown = RootfsTree.of(directory.resolve("shown"));
        Path image = packed(base, "base.sqfs");
        Path upper = directory.resolve("upper");
        Path ofImage;
        try (SquashfsReader reader = Images.open(image)) {
            ofImage = packed(new Base.Squashfs(reader), upper, Owners.KEPT, "of-image.sqfs");
        }
        Path ofDirectory = packed(new Base.Directory(base), upper, Owners.KEPT, "of-directory.sqfs");
        for (Path made : List.of(ofImage, ofDirectory)) {
            try (SquashfsReader reader = Images.open(made)) {
                assertEquals(List.of(), differences(shown, RootfsTree.of(reader)), made.toString());
            }
        }
        // The same tree, in the same order: where it came from does not show.
        assertArrayEquals(Files.readAllBytes(ofDirectory), Files.readAllBytes(ofImage));
    }

    /** Without the root: an overlay's own has the time of its last change, the image's is the base's. */
    private static List<String> differences(RootfsTree expected, RootfsTree actual) {
        return RootfsTree.differences(expected, actual).stream()
                .filter(line -> !line.startsWith("mtime of /:"))
                .toList();
    }

    @Test
    void unsquashfsReadsIt() throws IOException {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/unsquashfs")),
                "unsquashfs is missing: install the package squashfs-tools");
        Path base = Images.variedTree(directory.resolve("base"));
        change(base, ",userxattr");
        packed(new Base.Directory(base), directory.resolve("upper"), Owners.KEPT, "image.sqfs");
        Images.shell(directory, "unsquashfs -n -d out image.sqfs >/dev/null");
        assertEquals(
                List.of(),
                differences(RootfsTree.of(directory.resolve("shown")), RootfsTree.of(directory.resolve("out"))));
    }

    private static void mark(Path file, String name, String value) throws IOException {
        Files.getFileAttributeView(file, UserDefinedFileAttributeView.class)
                .write(name, ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8)));
    }

    private static Set<String> paths(RootfsTree tree) {
        return tree.lines().stream().map(RootfsTree.Line::path).collect(Collectors.toSet());
    }

    @Test
    void marksOfOtherKernelsAreObeyedAndLeftOut() throws IOException {
        Images.shell(directory, """
                mkdir -p base/opaque base/mixed base/plain upper/opaque upper/mixed upper/plain
                touch base/opaque/old base/mixed/{old,gone} base/plain/{old,kept} base/file
                touch upper/opaque/new upper/mixed/gone upper/plain/kept
                """);
        Path upper = directory.resolve("upper");
        mark(upper.resolve("opaque"), "overlay.opaque", "y");
        mark(upper.resolve("mixed"), "overlay.opaque", "x");
        mark(upper.resolve("mixed/gone"), "overlay.whiteout", "y");
        mark(upper.resolve("plain"), "overlay.origin", "some bytes");
        mark(upper.resolve("plain"), "overlay.impure", "y");
        mark(upper.resolve("plain/kept"), "overlay.overlay.opaque", "y");
        mark(upper.resolve("plain/kept"), "note", "kept");
        Path image = packed(new Base.Directory(directory.resolve("base")), upper, Owners.KEPT, "image.sqfs");
        try (SquashfsReader reader = Images.open(image)) {
            assertEquals(
                    Set.of(
                            "/",
                            "/opaque",
                            "/opaque/new",
                            "/mixed",
                            "/mixed/old",
                            "/plain",
                            "/plain/old",
                            "/plain/kept",
                            "/file"),
                    paths(RootfsTree.of(reader)));
            assertEquals(
                    Set.of(),
                    reader.xattrs(reader.find("/plain", Links.FOLLOW).orElseThrow())
                            .keySet());
            assertEquals(
                    Set.of("user.note", "user.overlay.opaque"),
                    reader.xattrs(reader.find("/plain/kept", Links.FOLLOW).orElseThrow())
                            .keySet());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"redirect", "metacopy"})
    void aLayerThatDoesNotHoldItsFilesIsRefused(String word) throws IOException {
        Images.shell(directory, "mkdir base upper; touch upper/file");
        mark(directory.resolve("upper/file"), "overlay." + word, "/elsewhere");
        String text = assertThrows(
                        HostException.class,
                        () -> packed(
                                new Base.Directory(directory.resolve("base")),
                                directory.resolve("upper"),
                                Owners.KEPT,
                                "image.sqfs"))
                .getMessage();
        assertTrue(text.startsWith(directory.resolve("upper/file") + ": the layer was written by"), text);
        assertTrue(text.contains(word), text);
    }

    @Test
    void whatTheCallerOwnsBecomesRootsAndTheImageKeepsItsOwners() throws IOException {
        Images.shell(directory, "mkdir base upper; touch base/{old,replaced} upper/{new,replaced}");
        if (LinuxFiles.isRoot()) {
            Images.shell(directory, "chown -R 4711:4712 upper");
        }
        Path base = Images.squash(directory.resolve("base"), directory.resolve("base.sqfs"), "-force-uid", "33");
        Path image;
        try (SquashfsReader reader = Images.open(base)) {
            image = packed(new Base.Squashfs(reader), directory.resolve("upper"), Owners.ROOT, "image.sqfs");
        }
        try (SquashfsReader reader = Images.open(image)) {
            RootfsTree tree = RootfsTree.of(reader);
            assertEquals("33", tree.line("/old").fields().get("uid"));
            assertEquals("33", tree.line("/").fields().get("uid"));
            for (String path : List.of("/new", "/replaced")) {
                assertEquals("0", tree.line(path).fields().get("uid"), path);
                assertEquals("0", tree.line(path).fields().get("gid"), path);
            }
        }
    }

    @Test
    void capabilitiesOfANamespacesRootBecomeRoots() throws IOException {
        assumeTrue(LinuxFiles.isRoot(), "only root can give files capabilities");
        Images.shell(
                directory,
                "mkdir base upper; touch upper/ping; setfattr -n security.capability "
                        // CAP_NET_RAW, effective, of the namespace whose root is 4711
                        + "-v 0x010000030020000000000000000000000000000067120000 upper/ping");
        Path image = packed(
                new Base.Directory(directory.resolve("base")), directory.resolve("upper"), Owners.ROOT, "image.sqfs");
        try (SquashfsReader reader = Images.open(image)) {
            byte[] value = reader.xattrs(reader.find("/ping", Links.FOLLOW).orElseThrow())
                    .get("security.capability");
            assertArrayEquals(new byte[] {1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, value);
        }
    }

    @Test
    void anImageThatIsCutIsRefused() throws IOException {
        Images.shell(directory, "mkdir base upper; head -c 3000000 /dev/urandom >base/file");
        Path image = packed(directory.resolve("base"), "base.sqfs");
        byte[] bytes = Files.readAllBytes(image);
        // Of a block in the middle, whose checksum nothing has: the file ends, or decompression fails.
        Path cut = Files.write(directory.resolve("cut.sqfs"), java.util.Arrays.copyOf(bytes, 1_000_000));
        assertThrows(ImageException.class, () -> {
            try (SquashfsReader reader = Images.open(cut)) {
                packed(new Base.Squashfs(reader), directory.resolve("upper"), Owners.KEPT, "image.sqfs");
            }
        });
    }

    @Test
    void attributesOfOverlaysAreTellable() {
        SortedMap<String, byte[]> xattrs = new TreeMap<>();
        xattrs.put("trusted.overlay.opaque", new byte[] {'y'});
        assertTrue(OverlayMarks.isOpaque(xattrs));
        xattrs.put("trusted.overlay.opaque", new byte[] {'x'});
        assertFalse(OverlayMarks.isOpaque(xattrs));
        assertEquals(Set.of(), OverlayMarks.visible(xattrs).keySet());
    }
}
