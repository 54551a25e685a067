package org.berth.yaml;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.error.HostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class YamlTest {
    @Test
    void scalarsKeepTheirText() {
        assertEquals(
                Optional.of(new YamlTree.Table(
                        Map.of(
                                "yes", new YamlTree.Text("no"),
                                "a", new YamlTree.Text("0017"),
                                "b", new YamlTree.Text("1e5"),
                                "c", new YamlTree.Text(""),
                                "d",
                                        new YamlTree.Items(List.of(
                                                new YamlTree.Text("2026-01-01"),
                                                new YamlTree.Table(Map.of(), 5, Map.of())))),
                        1,
                        Map.of("yes", 1, "a", 2, "b", 3, "c", 4, "d", 5))),
                YamlTree.parse("f", "yes: no\na: 0017\nb: 1e5\nc:\nd: [2026-01-01, {}]\n"));
        assertEquals(Optional.empty(), YamlTree.parse("f", "# nothing\n"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[]]]",
                "a: !!java.io.File [x]",
                "!!java.lang.Runtime {}",
                "a: !own x",
                "a: !!binary '='",
                "a: !!set {x}",
                "a: &x [*x]",
                "a: &x [1]\nb: [*x, *x]",
                "a: *nowhere",
                "? [x]\n: y",
                "a: 1\na: 2",
                "a: [",
                "a: \u0001",
                "\"\\",
                "a: b: c",
                "%YAML 9.9\n---\na: 1\n%",
                "a: 1\n---\nb: 2\n"
            })
    void whatIsNotTakenIsOneErrorWithTheName(String text) {
        HostException e = assertThrows(HostException.class, () -> YamlTree.parse("f", text));
        assertTrue(String.valueOf(e.getMessage()).startsWith("f: "), e.getMessage());
        assertTrue(String.valueOf(e.getMessage()).chars().noneMatch(c -> c < ' '), e.getMessage());
    }

    @Test
    void deepNestingIsAnError() {
        assertThrows(HostException.class, () -> YamlTree.parse("f", "[".repeat(100_000)));
        assertThrows(HostException.class, () -> YamlFile.load("f", "[".repeat(100_000)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a: !!int x",
                "a: !!float x",
                "a: !!java.io.File [x]",
                "a: !!binary '='",
                "a: !!timestamp x",
                "a: ["
            })
    void aTypeThatTheValueDoesNotHaveIsAnErrorOfTheFile(String text) {
        HostException e = assertThrows(HostException.class, () -> YamlFile.load("f", text));
        assertTrue(String.valueOf(e.getMessage()).startsWith("f: "), e.getMessage());
    }

    /** The library fails in its own ways where a tag claims what the value is not. */
    @Test
    void tagsThatClaimWhatAValueIsNotAreRefusedInASentence() {
        for (String text : List.of("a: !!int x", "a: !!int ''", "a: !!float y", "a: !!map z", "<<: x", "a: {<<: x}")) {
            assertThrows(HostException.class, () -> YamlFile.load("file", text), text);
        }
    }
}
