package org.berth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/security.md names a test beside each claim; there must be one of that name. */
class SecurityDocumentTest {
    private static final Pattern TEST = Pattern.compile("\\| `([^`]+)`: (.+) \\|");

    @Test
    void everyClaimNamesATestThatIsThere() throws IOException {
        List<String> missing = new ArrayList<>();
        int claims = 0;
        boolean table = false;
        for (String line : Files.readAllLines(Path.of("docs/security.md"))) {
            if (!line.startsWith("|")) {
                table = false;
            } else if (line.equals("| claim | test |")) {
                table = true;
            } else if (table && !line.startsWith("|---")) {
                claims++;
                Matcher test = TEST.matcher(line);
                if (!test.find() || !exists(test.group(1), test.group(2))) {
                    missing.add(line);
                }
            }
        }
        assertEquals(List.of(), missing);
        assertTrue(claims > 50, "claims: " + claims);
    }

    private static boolean exists(String file, String name) throws IOException {
        if (file.endsWith(".bats")) {
            return Files.readString(Path.of("src/test", file)).contains("@test \"" + name + "\" {");
        }
        try (Stream<Path> all = Files.walk(Path.of("src/test/java"))) {
            Path source = all.filter(path -> path.endsWith(file + ".java"))
                    .findFirst()
                    .orElseThrow();
            return Files.readString(source).contains("void " + name + "(");
        }
    }
}
