package org.berth;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The table "Where is the test of" in docs/developing.md names all test files, and none that is not there. */
class TestTableTest {
    private static final Pattern NAME = Pattern.compile("`([^`]+)`");

    @Test
    void itNamesAllTestFilesAndNoOthers() throws IOException {
        Set<String> named = new TreeSet<>();
        List<String> lines = Files.readAllLines(Path.of("docs/developing.md"));
        int start = lines.indexOf("### Where is the test of …");
        for (String line : lines.subList(start, lines.size())) {
            if (line.startsWith("### ") && !line.contains("Where is")) {
                break;
            }
            if (line.startsWith("| ")) {
                for (Matcher name = NAME.matcher(line); name.find(); ) {
                    named.add(name.group(1));
                }
            }
        }
        Set<String> there = new TreeSet<>();
        there.addAll(files("src/test/c", ".bats"));
        there.addAll(files("src/test/e2e", ".bats"));
        there.addAll(files("src/test/slurm", ".bats"));
        there.addAll(Set.of("e2e.py", "images.py", "pulls.py", "conformance", "ArchitectureTest.java"));
        there.addAll(rooms());
        assertEquals(there, named);
    }

    private static Set<String> files(String folder, String ending) throws IOException {
        try (Stream<Path> files = Files.list(Path.of(folder))) {
            return new TreeSet<>(files.map(TestTableTest::name)
                    .filter(name -> name.endsWith(ending))
                    .toList());
        }
    }

    /** The folders of unit tests, without what only tests for a random thing need. */
    private static Set<String> rooms() throws IOException {
        try (Stream<Path> folders = Files.list(Path.of("src/test/java/org/berth"))) {
            return new TreeSet<>(folders.filter(Files::isDirectory)
                    .map(TestTableTest::name)
                    .filter(name -> !name.equals("fuzz"))
                    .toList());
        }
    }

    private static String name(Path path) {
        return Objects.requireNonNull(path.getFileName()).toString();
    }
}
