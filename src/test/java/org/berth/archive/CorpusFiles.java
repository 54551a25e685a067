package org.berth.archive;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Images of the test corpus, where {@code ./dev test} says they are: CORPUS_DIR. What else lies on a machine does not count. */
final class CorpusFiles {
    private static final Path ROOT =
            Path.of(Optional.ofNullable(System.getenv("CORPUS_DIR")).orElse("/nonexistent"));

    private CorpusFiles() {}

    /** A file of an image; the test is skipped where it is not built. */
    static Path file(String image, String name) {
        Path file = ROOT.resolve("images").resolve(image).resolve(name);
        assumeTrue(Files.exists(file), () -> file + " is not built: src/test/corpus/corpus build core odd evil");
        return file;
    }

    /** The names of all images that have such a file. */
    static List<String> imagesWith(String name) throws IOException {
        Path images = ROOT.resolve("images");
        if (!Files.isDirectory(images)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(images)) {
            return all.filter(image -> Files.exists(image.resolve(name)))
                    .map(image -> image.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }
}
