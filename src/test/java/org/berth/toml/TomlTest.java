package org.berth.toml;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.berth.error.HostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What registries.conf does not need is tried here; its own test tries the rest. */
class TomlTest {
    @Test
    void escapesAreRead() {
        Toml.Table table = Toml.parse("f", "a = \"q\\\"\\u00fc\\n\" # c\nb.'c d' = '\\n'\n");
        assertEquals("q\"ü\n", table.text("a").orElseThrow());
        assertEquals("\\n", ((Toml.Table) table.fields().get("b")).text("c d").orElseThrow());
    }

    @Test
    void listsOfStringsAreRead() {
        Toml.Table table = Toml.parse("f", "a = ['x', \"y\", # two\n]\nb = []\n");
        assertEquals(List.of("x", "y"), table.texts("a"));
        assertEquals(List.of(), table.texts("b"));
        assertEquals(List.of(), table.texts("c"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"a = 'x'", "a = ['x', 1]", "a = [['x']]", "a = {b = 'x'}"})
    void somethingElseIsNoListOfStrings(String text) {
        HostException e =
                assertThrows(HostException.class, () -> Toml.parse("f", text).texts("a"));
        assertTrue(String.valueOf(e.getMessage()).contains("f, line 1: a is not an array of strings"), e.getMessage());
    }

    @Test
    void everyValueHasItsLine() {
        Toml.Table table = Toml.parse("f", """
                # comment
                a = '''
                x
                '''
                b.c = 1
                [[d]]
                e = [
                ]

                [[d]]
                [d.f]
                g = "x"
                """);
        assertEquals(Map.of("a", 2, "b", 5, "d", 6), table.lines());
        List<Toml.Table> tables = table.tables("d");
        assertEquals(List.of(6, 10), tables.stream().map(Toml.Table::line).toList());
        assertEquals(Map.of("e", 7), tables.getFirst().lines());
        assertEquals(Map.of("f", 11), tables.getLast().lines());
        HostException e =
                assertThrows(HostException.class, () -> tables.getLast().text("F"));
        assertEquals("f, line 11: F is not a string", e.getMessage());
    }
}
