package org.berth.gather;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ShellVariablesTest {
    @Test
    void quotesNewlinesAndEqualSignsSurvive() {
        String text = """
                export A='plain'
                export B='two
                lines'
                export C='it'"'"'s'
                export D='a=b=c'
                export OLDPWD
                export E=''
                """;
        assertEquals(
                Map.of("A", "plain", "B", "two\nlines", "C", "it's", "D", "a=b=c", "E", ""),
                ShellVariables.parse(text));
    }

    @Test
    void controlCharactersInDollarQuotesAreRead() {
        String text = """
                export A=$'a\\n\\047b\\\\'
                export B=$'naïve 😀 \\303\\257'
                export C=plain
                export HOME
                export D='x'$'\\t''y'
                """;
        assertEquals(Map.of("A", "a\n'b\\", "B", "naïve 😀 ï", "C", "plain", "D", "x\ty"), ShellVariables.parse(text));
    }

    /** The texts are those of {@code env.bats}. */
    @Test
    void exportsAreReadAsTheLauncherReadsThem() throws IOException {
        Map<String, String> expected = new TreeMap<>();
        for (String variable :
                Files.readString(Path.of("src/test/c/exports.expected")).split("\\|")) {
            String[] parts = variable.split("=", 2);
            expected.put(parts[0], parts[1]);
        }
        assertEquals(expected, ShellVariables.parse(Files.readString(Path.of("src/test/c/exports.txt"))));
    }

    /** An environment file whose last line ends so was read for ever. */
    @Test
    void aTextThatEndsInABackslashEnds() {
        assertEquals(Map.of("A", "b\\"), ShellVariables.parse("export A=$'b\\"));
    }

    @Test
    void whatIsCutAnywhereEndsToo() {
        String text = "export A=$'a\\n\\047b\\\\'\nexport B='x'\\''y'\nexport C=\"z\"\n";
        assertTimeoutPreemptively(Duration.ofMinutes(1), () -> {
            for (int length = 0; length <= text.length(); length++) {
                ShellVariables.parse(text.substring(0, length));
            }
        });
        assertEquals(Map.of("A", "x\\"), ShellVariables.parse("export A=$'x\\"));
        assertEquals(Map.of("A", "x\\"), ShellVariables.parse("export A=x\\"));
    }
}
