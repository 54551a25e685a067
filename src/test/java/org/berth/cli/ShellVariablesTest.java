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
}
