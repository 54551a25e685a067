package org.berth.toml;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
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
        assertTrue(String.valueOf(e.getMessage()).contains("f: a is not an array of strings"), e.getMessage());
    }
}
