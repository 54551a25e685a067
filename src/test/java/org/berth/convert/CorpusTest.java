package org.berth.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.berth.convert.ConvertOptions.DiffIds;
import org.berth.convert.Extra.Rule;
import org.berth.error.BerthException;
import org.berth.oci.ImageLimits;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The test images: good ones must become the tree that is expected of them, hostile ones must do no harm. */
class CorpusTest {
    /** Said by {@code ./dev test}, which builds them; what else lies on a machine does not count. */
    private static final Path CORPUS = Path.of(
                    Optional.ofNullable(System.getenv("CORPUS_DIR")).orElse("/nonexistent"))
            .resolve("images");

    private static final String NONE = "(corpus not built)";

    /** A hostile image may take that long and that many bytes of the file. */
    private static final Duration EVIL_TIME = Duration.ofSeconds(60);

    private static final long EVIL_BYTES = 16 << 20;

    @TempDir
    Path directory;

    static Stream<String> good() throws IOException {
        return images(Set.of("core", "odd"), "rootfs.jsonl");
    }

    static Stream<String> evil() throws IOException {
        return images(Set.of("evil"), "oci");
    }

    @ParameterizedTest
    @MethodSource("good")
    void aGoodImageBecomesTheTreeThatIsExpected(String name) throws Exception {
        OciLayout layout = open(name);
        Path image = directory.resolve("image.sqfs");
        convert(layout, image, Compression.ZSTD, List.of());
        try (var mounted = MountedImage.open(image)) {
            assertEquals("", mounted.differences(listing(name)));
        }
    }

    @ParameterizedTest
    @MethodSource("good")
    void extrasComeOnTopOfAGoodImageAndChangeNothingElse(String name) throws Exception {
        OciLayout layout = open(name);
        Path image = directory.resolve("image.sqfs");
        var extras = List.of(
                Extra.directory(".singularity.d", 0755, Rule.ALWAYS),
                Extra.file(".singularity.d/runscript", 0755, "#!/bin/sh\n", Rule.ALWAYS),
                Extra.directory("tmp", 01777, Rule.IF_MISSING),
                Extra.directory("home", 0755, Rule.IF_MISSING),
                Extra.directory("etc", 0755, Rule.IF_MISSING),
                Extra.file("etc/hosts", 0644, "", Rule.IF_MISSING));
        var result = convert(layout, image, Compression.ZSTD, extras);
        assertEquals(List.of(), result.notes());
        try (var mounted = MountedImage.open(image)) {
            String differences = mounted.differences(listing(name), "/.singularity.d", "/.singularity.d/runscript");
            for (String line : differences.split("\n")) {
                assertTrue(
                        line.matches("|status 1|unexpected b'/(tmp|home|etc|etc/hosts)'"), name + ": " + differences);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("evil")
    void anEvilImageSucceedsOrIsRefusedInOneLine(String name) {
        OciLayout layout;
        try {
            layout = open(name);
        } catch (BerthException | IOException e) {
            // What is wrong with it is not in its layers; those who read manifests have tests of their own.
            assumeTrue(false, "not a readable layout: " + e.getMessage());
            return;
        }
        Path image = directory.resolve("image.sqfs");
        assertTimeoutPreemptively(EVIL_TIME, () -> {
            try {
                convert(layout, image, Compression.ZSTD, List.of());
                try (var mounted = MountedImage.open(image)) {
                    assertTrue(Files.isDirectory(mounted.directory()));
                }
            } catch (BerthException e) {
                assertFalse(e.getMessage().matches("(?s).*\\p{Cntrl}.*"), e.getMessage());
                assertFalse(e.getMessage().isBlank());
            }
        });
        assertTrue(
                !Files.exists(image) || image.toFile().length() <= EVIL_BYTES,
                "file of " + image.toFile().length());
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void theKernelReadsWhatIsWritten(Compression compression) throws Exception {
        Path image = nasty(compression);
        try (var mounted = MountedImage.open(image, MountedImage.By.KERNEL)) {
            assertEquals("", mounted.differences(listing("nasty")));
        }
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void squashfuseReadsWhatIsWritten(Compression compression) throws Exception {
        Path image = nasty(compression);
        try (var mounted = MountedImage.open(image, MountedImage.By.SQUASHFUSE)) {
            // squashfuse 0.1.103 shows security attributes as trusted ones, those of mksquashfs, too.
            String differences = mounted.differences(listing("nasty"));
            for (String line : differences.split("\n")) {
                assertTrue(line.matches("|status 1|xattrs .*'security.capability.*'trusted.capability.*"), differences);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Compression.class)
    void unsquashfsReadsWhatIsWritten(Compression compression) throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can unpack devices and owners");
        Path image = nasty(compression);
        Path unpacked = directory.resolve("unpacked");
        var done = MountedImage.run(List.of("unsquashfs", "-n", "-d", unpacked.toString(), image.toString()));
        assumeTrue(done.status() != 127, "no unsquashfs here");
        assertEquals(0, done.status(), done.text());
        assertEquals("", MountedImage.differences(unpacked, listing("nasty")));
        MountedImage.run(List.of("rm", "-rf", unpacked.toString()));
    }

    private Path nasty(Compression compression) throws IOException {
        OciLayout layout = open(Files.isDirectory(CORPUS.resolve("nasty")) ? "nasty" : NONE);
        Path image = directory.resolve("image.sqfs");
        convert(layout, image, compression, List.of());
        return image;
    }

    private static Path listing(String name) {
        return CORPUS.resolve(name).resolve("rootfs.jsonl");
    }

    @Test
    void theCorpusHasItsGoodImages() throws IOException {
        assumeTrue(Files.isDirectory(CORPUS), "the test images are not built: " + CORPUS);
        assertTrue(good().count() >= 30, "images: " + good().count());
    }

    private static OciLayout open(String name) throws IOException {
        assumeTrue(!name.equals(NONE), "the test images are not built: " + CORPUS);
        return OciLayout.open(CORPUS.resolve(name).resolve("oci"));
    }

    private static Converter.Result convert(OciLayout layout, Path image, Compression compression, List<Extra> extras)
            throws IOException {
        var options = new ConvertOptions(
                compression, compression.defaultLevel(), Instant.EPOCH, ImageLimits.DEFAULTS, 2, DiffIds.CHECK);
        try (var out =
                FileChannel.open(image, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            return Converter.convert(layout.layers(), layout.diffIds(), layout, extras, options, out, 0);
        }
    }

    private static Stream<String> images(Set<String> groups, String needed) throws IOException {
        if (!Files.isDirectory(CORPUS)) {
            return Stream.of(NONE);
        }
        var json = new ObjectMapper();
        try (Stream<Path> all = Files.list(CORPUS)) {
            List<String> names = all.filter(path -> Files.exists(path.resolve("info.json")))
                    .filter(path -> Files.exists(path.resolve(needed)))
                    .filter(path -> groups.contains(group(json, path)))
                    .map(path -> path.getFileName().toString())
                    .sorted()
                    .toList();
            return names.isEmpty() ? Stream.of(NONE) : names.stream();
        }
    }

    private static String group(ObjectMapper json, Path image) {
        try {
            JsonNode info = json.readTree(image.resolve("info.json").toFile());
            return info.path("group").asText();
        } catch (IOException e) {
            return "";
        }
    }
}
