package org.berth.terminal;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgressDisplayTest {
    private static final Descriptor BLOB =
            new Descriptor("", Digest.sha256("blob".getBytes(StandardCharsets.US_ASCII)), 400L << 20, Map.of());
    private static final Pattern ESCAPES = Pattern.compile("\u001b\\[[0-9]*[A-Z]|\r");

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    /** What is drawn at the end of a display whose one layer has come half-way. */
    private List<String> drawn(AtomicInteger width) {
        ProgressDisplay display = new ProgressDisplay(new PrintStream(bytes, true, StandardCharsets.UTF_8), width::get);
        display.start(BLOB);
        display.bytes(BLOB, BLOB.size() / 2);
        display.close();
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }

    @ParameterizedTest
    @CsvSource({
        "120, '[0-9a-f]{12}  200.0MiB /  400.0MiB \\[={15} {15}\\]  50% +[0-9.]+[KMG]iB/s [0-9]+s'",
        "80, '[0-9a-f]{12}  200.0MiB /  400.0MiB \\[={15} {15}\\]  50% [0-9]+s'",
        "60, '[0-9a-f]{12}  200.0MiB /  400.0MiB \\[={6} {6}\\]  50% [0-9]+s'",
        "50, '[0-9a-f]{12}  200.0MiB /  400.0MiB  50% [0-9]+s'",
        "40, '[0-9a-f]{12}  200.0MiB /  400.0MiB  50%'",
        "30, '[0-9a-f]{12}  50% [0-9]+s'",
        "20, '[0-9a-f]{12}  50%'",
        "1, '[0-9a-f]{12}  50%'",
    })
    void aLineIsNeverWiderThanTheTerminal(int width, String wanted) {
        String line = ESCAPES.matcher(drawn(new AtomicInteger(width)).getLast()).replaceAll("");
        assertTrue(line.matches(wanted), line);
        assertTrue(line.length() < width || width < 20, line.length() + " of " + width + ": " + line);
    }

    @Test
    void whatATerminalThatBecameNarrowerHasWrappedIsDrawnOver() throws InterruptedException {
        AtomicInteger width = new AtomicInteger(120);
        ProgressDisplay display = new ProgressDisplay(new PrintStream(bytes, true, StandardCharsets.UTF_8), width::get);
        display.start(BLOB);
        display.bytes(BLOB, BLOB.size() / 2);
        while (bytes.size() == 0) {
            Thread.sleep(10);
        }
        width.set(40);
        display.close();
        // A line of some ninety letters stands in three of forty.
        assertTrue(bytes.toString(StandardCharsets.UTF_8).contains("\u001b[3A\r\u001b[J"));
    }
}
