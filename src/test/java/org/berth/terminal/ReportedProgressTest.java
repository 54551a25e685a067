package org.berth.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.berth.cli.CommandLineException;
import org.berth.cli.CommandLineParser;
import org.berth.cli.Invocation;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.json.JsonObject;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.terminal.ReportedProgress.State;
import org.junit.jupiter.api.Test;

class ReportedProgressTest {
    private static final Descriptor BLOB = blob("one", 1000);

    private final AtomicLong clock = new AtomicLong(-5_000_000_000L);
    private final List<String> reports = new ArrayList<>();
    private final ReportedProgress progress = new ReportedProgress(
            Duration.ofMillis(250), clock::get, (blob, bytes, state) -> reports.add(state + " " + bytes), reports::add);

    @Test
    void aBlobIsToldOfOncePerIntervalAndAtItsEnds() {
        progress.start(BLOB);
        for (int i = 0; i < 100; i++) {
            clock.addAndGet(10_000_000);
            progress.bytes(BLOB, 10);
        }
        progress.done(BLOB);
        assertEquals(
                List.of("STARTED 0", "RUNNING 250", "RUNNING 500", "RUNNING 750", "RUNNING 1000", "COMPLETE 1000"),
                reports);
    }

    @Test
    void whatAnotherProcessDoesIsToldToo() {
        progress.start(BLOB);
        progress.waits("Waiting");
        assertEquals(List.of("STARTED 0", "Waiting"), reports);
    }

    @Test
    void withoutNewBytesNothingIsTold() {
        progress.start(BLOB);
        clock.addAndGet(10_000_000_000L);
        progress.bytes(BLOB, 0);
        assertEquals(List.of("STARTED 0"), reports);
    }

    @Test
    void theEndIsToldOnceAndABlobThatComesAgainStartsAgain() {
        progress.bytes(BLOB, 1);
        progress.start(BLOB);
        progress.start(BLOB);
        progress.done(BLOB);
        progress.done(BLOB);
        progress.start(BLOB);
        assertEquals(List.of("STARTED 0", "COMPLETE 0", "STARTED 0"), reports);
    }

    @Test
    void bytesOfManyThreadsAddUp() throws InterruptedException {
        List<Descriptor> blobs =
                IntStream.range(0, 4).mapToObj(i -> blob("blob" + i, 100_000)).toList();
        List<Long> ends = new ArrayList<>();
        ReportedProgress shared = new ReportedProgress(
                Duration.ofNanos(1),
                System::nanoTime,
                (blob, bytes, state) -> {
                    if (state == State.COMPLETE) {
                        ends.add(bytes);
                    }
                },
                reports::add);
        List<Thread> threads = blobs.stream()
                .map(blob -> Thread.ofPlatform().start(() -> {
                    shared.start(blob);
                    for (int i = 0; i < 10_000; i++) {
                        shared.bytes(blob, 10);
                    }
                    shared.done(blob);
                }))
                .toList();
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(100_000L, 100_000L, 100_000L, 100_000L), ends);
    }

    @Test
    void everyEventIsOneLineThatParsesWhateverItsText() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        JsonEvents events = new JsonEvents(new PrintStream(bytes, false, StandardCharsets.UTF_8));
        String odd = "a\nb\r\"c\" \\ \u001b[31m \u2028 \u0000 naïve ☃ 😀";
        events.start("pull");
        events.image(BLOB.digest(), List.of(BLOB, BLOB, blob("two", 5)));
        events.blob(BLOB, 3, State.RUNNING);
        events.message("info", odd);
        events.error(odd, Optional.of(odd), Optional.of("at a\n\tat b\n"));
        events.done(Optional.of(Path.of("/a \"b\"\nc.sif")));
        events.done(Optional.empty());
        String text = bytes.toString(StandardCharsets.UTF_8);
        assertTrue(text.endsWith("\n"));
        List<JsonObject> lines = Arrays.stream(text.split("\n"))
                .map(line -> JsonObject.parse(line.getBytes(StandardCharsets.UTF_8), "line"))
                .toList();
        assertEquals(
                List.of("start", "image", "blob", "message", "error", "done", "done"),
                lines.stream().map(line -> line.text("event").orElseThrow()).toList());
        assertTrue(lines.stream()
                .allMatch(line -> line.text("time")
                        .orElseThrow()
                        .matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{3})?Z")));
        assertEquals(Optional.of(3L), lines.get(1).integer("layers"));
        assertEquals(Optional.of(1005L), lines.get(1).integer("bytes"));
        assertEquals(Optional.of("running"), lines.get(2).text("state"));
        assertEquals(Optional.of(odd), lines.get(3).text("text"));
        assertEquals(Optional.of(odd), lines.get(4).text("hint"));
        assertEquals(Optional.of("/a \"b\"\nc.sif"), lines.get(5).text("file"));
        assertEquals(Optional.empty(), lines.get(6).text("file"));
    }

    @Test
    void aStyleThatNobodyKnowsIsRefusedWithThoseThatAre() throws CommandLineException {
        Invocation invocation = CommandLineParser.parse(List.of("berth", "pull", "--progress=fancy", "docker://x"));
        assertEquals(
                "--progress fancy is unknown: auto, tty, plain, json, none are known",
                assertThrows(UsageException.class, () -> ProgressStyle.of(invocation))
                        .getMessage());
        assertEquals(
                ProgressStyle.AUTO,
                ProgressStyle.of(CommandLineParser.parse(List.of("berth", "exec", "x", "y", "--progress=json"))));
    }

    @Test
    void aFailureIsOneMessage() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        new Messages(new PrintStream(bytes, true, StandardCharsets.UTF_8), Messages.QUIET, false)
                .fatal(new HostException("it broke").hint("mend it"));
        assertEquals("FATAL:   it broke (mend it)\n", bytes.toString(StandardCharsets.UTF_8));
    }

    private static Descriptor blob(String content, long size) {
        return new Descriptor("", Digest.sha256(content.getBytes(StandardCharsets.UTF_8)), size, Map.of());
    }
}
