package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.berth.error.UsageException;
import org.junit.jupiter.api.Test;

class HoldOptionsTest {
    private static Invocation expanded(String... words) {
        return HoldOptions.expanded(CommandLineParser.parse(List.of(words)));
    }

    @Test
    void wordsAreSplitAsByAShellThatExpandsNothing() {
        assertEquals(
                List.of("--env", "A=a b", "--bind", "/x y:/z", "$(id)", "'", ""),
                HoldOptions.words(" --env 'A=a b'  --bind /x\\ y:/z\t$(id) \"'\" '' "));
    }

    @Test
    void anOpenQuoteIsRefused() {
        assertThrows(UsageException.class, () -> HoldOptions.words("--env 'A"));
    }

    @Test
    void theTextsOptionsJoinTheOthers() {
        Invocation invocation =
                expanded("berth", "hold", "--bind=/a", "--options=--bind /b --contain", "--options=-e", "--", "x.sif");
        assertEquals(List.of("/a", "/b"), invocation.values("bind"));
        assertEquals(true, invocation.flag("contain") && invocation.flag("cleanenv"));
        assertEquals(List.of("x.sif"), invocation.operands());
    }

    @Test
    void wordsThatAreNoOptionsAreRefused() {
        assertThrows(UsageException.class, () -> expanded("berth", "hold", "--options=y.sif", "x.sif"));
        assertThrows(UsageException.class, () -> expanded("berth", "hold", "--options=--nosuch", "x.sif"));
    }
}
