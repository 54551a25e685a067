package org.berth.archive;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.berth.convert.ConvertOptions;
import org.berth.convert.Converter;
import org.berth.error.BerthException;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.Platform;
import org.berth.oci.Platforms;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Layouts and archives, those of the corpus and some made by hand. */
class StoredImagesTest {
    private static final Platform AMD64 = Platforms.parse("amd64", "");

    @TempDir
    Path scratch;

    private OpenArchive open(StoredSource source) {
        return OpenArchive.open(source, AMD64, scratch);
    }

    private static StoredSource dockerSave(Path file) {
        return new StoredSource.DockerSave(file, Optional.empty());
    }

    private static StoredSource layout(Path directory) {
        return new StoredSource.Layout(directory, Optional.empty());
    }

    /** The image as one squashfs, which has all that its layers have. */
    private byte[] converted(StoredSource source) throws IOException {
        Path file = Files.createTempFile(scratch, "image", ".sqfs");
        try (OpenArchive archive = open(source);
                FileChannel out = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            StoredImage image = archive.image();
            Converter.convert(
                    image.manifest().layers(),
                    image.config().diffIds(),
                    image.layers(),
                    List.of(),
                    ConvertOptions.defaults(Instant.EPOCH, 2),
                    out,
                    0);
        }
        byte[] bytes = Files.readAllBytes(file);
        Files.delete(file);
        return bytes;
    }

    @TestFactory
    Stream<DynamicTest> dockerSaveAndLayoutOfAnImageAreOneImage() throws IOException {
        List<String> large = List.of("big", "debian", "java", "lolcow", "node", "python");
        return CorpusFiles.imagesWith("docker.tar").stream()
                .filter(name -> !large.contains(name) && !name.startsWith("mpich") && !name.startsWith("openmpi"))
                .map(name -> DynamicTest.dynamicTest(
                        name,
                        () -> assertArrayEquals(
                                outcome(layout(CorpusFiles.file(name, "oci"))),
                                outcome(dockerSave(CorpusFiles.file(name, "docker.tar"))))));
    }

    /** The converted image, nothing for one whose layers are refused. */
    private byte[] outcome(StoredSource source) throws IOException {
        try {
            return converted(source);
        } catch (ImageException e) {
            requireSentence(e);
            return new byte[0];
        }
    }

    @Test
    void theNewerDockerSaveIsTheSameImage() throws IOException {
        Path old = CorpusFiles.file("hello", "docker.tar");
        Path newer = CorpusFiles.file("hello", "docker25.tar");
        assertArrayEquals(converted(dockerSave(old)), converted(dockerSave(newer)));
        assertArrayEquals(
                converted(dockerSave(old)), converted(new StoredSource.LayoutArchive(newer, Optional.of("latest"))));
    }

    @Test
    void aCompressedArchiveIsReadFromATemporaryFileThatGoes() throws IOException {
        Path tar = CorpusFiles.file("hello", "docker.tar");
        Path zipped = scratch.resolve("hello.whatever");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(zipped))) {
            Files.copy(tar, out);
        }
        assertArrayEquals(converted(dockerSave(tar)), converted(dockerSave(zipped)));
        try (Stream<Path> left = Files.list(scratch)) {
            assertEquals(List.of(zipped), left.toList());
        }
        byte[] bytes = Files.readAllBytes(zipped);
        Files.write(zipped, Arrays.copyOf(bytes, bytes.length / 2));
        String text = assertThrows(ImageException.class, () -> open(dockerSave(zipped)))
                .getMessage();
        assertTrue(text.contains("its compressed data is damaged"), text);
        try (Stream<Path> left = Files.list(scratch)) {
            assertEquals(List.of(zipped), left.toList());
        }
    }

    @TestFactory
    Stream<DynamicTest> everyHostileArchiveIsRefusedInASentence() throws IOException {
        List<String> good = List.of("good.tar", "tags-null.tar", "entry-dotdot.tar");
        Path directory = CorpusFiles.file("archives", "");
        List<Path> archives;
        try (Stream<Path> all = Files.list(directory)) {
            archives = all.filter(path -> path.toString().endsWith(".tar"))
                    .sorted()
                    .toList();
        }
        return archives.stream()
                .map(archive -> DynamicTest.dynamicTest(archive.getFileName().toString(), () -> {
                    if (good.contains(archive.getFileName().toString())) {
                        assertTrue(converted(dockerSave(archive)).length > 0);
                    } else {
                        requireSentence(assertThrows(BerthException.class, () -> converted(dockerSave(archive))));
                    }
                }));
    }

    @TestFactory
    Stream<DynamicTest> everyHostileLayoutIsRefusedInASentence() {
        return Stream.of(
                        "layout-empty",
                        "layout-links",
                        "layout-notjson",
                        "layout-path",
                        "size-lie",
                        "wrong-blob",
                        "wrong-diffid",
                        "diffid-count",
                        "digest-path",
                        "manifest-both",
                        "index-loop",
                        "index-deep",
                        "config-notjson")
                .map(name -> DynamicTest.dynamicTest(name, () -> {
                    Path layout = CorpusFiles.file(name, "oci");
                    requireSentence(assertThrows(BerthException.class, () -> converted(layout(layout))));
                }));
    }

    private static void requireSentence(BerthException e) {
        String text = String.valueOf(e.getMessage());
        assertFalse(text.isBlank() || text.contains("\n") || text.contains("Exception"), text);
    }

    @Test
    void oneOfSeveralImagesMustBeNamed() {
        Path two = CorpusFiles.file("archives", "two-images.tar");
        ImageException unnamed = assertThrows(ImageException.class, () -> open(dockerSave(two)));
        assertEquals(Optional.of("add one of them: :localhost/x:latest, :localhost/y:latest"), unnamed.hint());
        for (String name : List.of("localhost/y:latest", "localhost/y", "@1")) {
            try (OpenArchive archive = open(new StoredSource.DockerSave(two, Optional.of(name)))) {
                assertEquals(1, archive.image().manifest().layers().size());
            }
        }
        assertThrows(ImageException.class, () -> open(new StoredSource.DockerSave(two, Optional.of("z"))));
    }

    @Test
    void thePlatformChoosesInALayout() {
        Path layout = CorpusFiles.file("multiarch", "oci");
        try (OpenArchive amd = open(layout(layout));
                OpenArchive arm = OpenArchive.open(layout(layout), Platforms.parse("arm64", ""), scratch)) {
            assertEquals("amd64", amd.image().config().platform().architecture());
            assertEquals("arm64", arm.image().config().platform().architecture());
        }
        assertThrows(
                ImageException.class, () -> OpenArchive.open(layout(layout), Platforms.parse("s390x", ""), scratch));
    }

    /** An archive of one layer, which is stored under one name and linked from another, as docker save did. */
    private Path handMade(String layerName, byte linkType, String target, String stored) throws IOException {
        byte[] layer = tar(out -> file(out, "x", "content".getBytes(StandardCharsets.UTF_8)));
        String diffId = Digest.sha256(layer).toString();
        byte[] config = """
                {"os":"linux","architecture":"amd64","config":{},"rootfs":{"type":"layers","diff_ids":["%s"]}}
                """.formatted(diffId).getBytes(StandardCharsets.UTF_8);
        String name = Digest.sha256(config).hex() + ".json";
        byte[] manifest = "[{\"Config\":\"%s\",\"RepoTags\":[\"x:1\"],\"Layers\":[\"%s\"]}]"
                .formatted(name, layerName)
                .getBytes(StandardCharsets.UTF_8);
        Path file = scratch.resolve("made.tar");
        Files.write(file, tar(out -> {
            file(out, stored, layer);
            TarArchiveEntry link = new TarArchiveEntry(layerName, linkType);
            link.setLinkName(target);
            out.putArchiveEntry(link);
            out.closeArchiveEntry();
            file(out, "./" + name, config);
            file(out, "./manifest.json", manifest);
        }));
        return file;
    }

    private interface Entries {
        void write(TarArchiveOutputStream out) throws IOException;
    }

    private static byte[] tar(Entries entries) throws IOException {
        var bytes = new java.io.ByteArrayOutputStream();
        try (TarArchiveOutputStream out = new TarArchiveOutputStream(bytes)) {
            out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            entries.write(out);
        }
        return bytes.toByteArray();
    }

    private static void file(TarArchiveOutputStream out, String name, byte[] content) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(content.length);
        out.putArchiveEntry(entry);
        new ByteArrayInputStream(content).transferTo(out);
        out.closeArchiveEntry();
    }

    @Test
    void aLayerMayBeALinkInsideTheArchive() throws IOException {
        String longName = "n".repeat(150) + "/layer.tar";
        assertTrue(
                converted(dockerSave(handMade("b/layer.tar", TarConstants.LF_SYMLINK, "../a/layer.tar", "a/layer.tar")))
                                .length
                        > 0);
        assertTrue(converted(dockerSave(handMade("b/layer.tar", TarConstants.LF_LINK, longName, longName))).length > 0);
        Path outside = handMade("b/layer.tar", TarConstants.LF_SYMLINK, "../../etc/passwd", "a/layer.tar");
        assertThrows(ImageException.class, () -> open(dockerSave(outside)));
    }

    @Test
    void anArchiveThatIsCutOrDamagedAnywhereIsRefusedInASentence() throws IOException {
        byte[] good =
                Files.readAllBytes(handMade("b/layer.tar", TarConstants.LF_SYMLINK, "../a/layer.tar", "a/layer.tar"));
        Path file = scratch.resolve("damaged.tar");
        Random random = new Random(1);
        int refused = 0;
        for (int round = 0; round < 1500; round++) {
            byte[] bytes = good.clone();
            if (round % 3 == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            } else {
                for (int i = random.nextInt(4); i >= 0; i--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
                }
            }
            Files.write(file, bytes);
            try (OpenArchive archive = open(dockerSave(file))) {
                for (Descriptor layer : archive.image().manifest().layers()) {
                    try (InputStream in = archive.image().layers().open(layer)) {
                        in.transferTo(OutputStream.nullOutputStream());
                    }
                }
            } catch (BerthException e) {
                refused++;
            }
        }
        assertTrue(refused > 500, "only %d of 1500 were refused".formatted(refused));
    }
}
