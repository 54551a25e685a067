package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
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

    /** An environment file whose last line ends so was read for ever. */
    @Test
    void aTextThatEndsInABackslashEnds() {
        assertEquals(Map.of("A", "b\\"), ShellVariables.parse("export A=$'b\\"));
    }
}
