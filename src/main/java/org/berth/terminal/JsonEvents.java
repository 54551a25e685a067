package org.berth.terminal;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.berth.cli.Version;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.Json;

/**
 * The lines of {@code --progress=json}: an object each, with {@code time} (RFC 3339, UTC) and {@code event} first.
 *
 * <p>docs/images.md lists events and fields: programs rely on them. May be called from several threads.
 */
public final class JsonEvents {
    private final PrintStream out;

    JsonEvents(PrintStream out) {
        this.out = out;
    }

    /** The first line. */
    public void start(String command) {
        write("start", Map.of("command", new Json.Text(command), "version", new Json.Text(Version.BERTH)));
    }

    /** What is fetched: before any of its blobs, and only if it has to be converted. */
    void image(Digest digest, List<Descriptor> layers) {
        Map<Digest, Long> sizes = new LinkedHashMap<>();
        layers.forEach(layer -> sizes.put(layer.digest(), layer.size()));
        Map<String, Json> fields = new LinkedHashMap<>();
        fields.put("digest", new Json.Text(digest.toString()));
        fields.put("layers", number(layers.size()));
        fields.put(
                "bytes",
                number(sizes.values().stream().mapToLong(Long::longValue).sum()));
        write("image", fields);
    }

    void blob(Descriptor blob, long bytes, ReportedProgress.State state) {
        Map<String, Json> fields = new LinkedHashMap<>();
        fields.put("state", new Json.Text(state.name().toLowerCase(Locale.ROOT)));
        fields.put("blob", new Json.Text(blob.digest().toString()));
        fields.put("bytes", number(bytes));
        fields.put("size", number(blob.size()));
        write("blob", fields);
    }

    void message(String level, String text) {
        Map<String, Json> fields = new LinkedHashMap<>();
        fields.put("level", new Json.Text(level));
        fields.put("text", new Json.Text(text));
        write("message", fields);
    }

    /** @param stack what {@code --debug} shows */
    void error(String text, Optional<String> hint, Optional<String> stack) {
        Map<String, Json> fields = new LinkedHashMap<>();
        fields.put("text", new Json.Text(text));
        hint.ifPresent(words -> fields.put("hint", new Json.Text(words)));
        stack.ifPresent(lines -> fields.put("stack", new Json.Text(lines)));
        write("error", fields);
    }

    /** The last line of a success. */
    void done(Optional<Path> file) {
        write(
                "done",
                file.<Map<String, Json>>map(path -> Map.of("file", new Json.Text(path.toString())))
                        .orElse(Map.of()));
    }

    private static Json number(long value) {
        return new Json.Num(Long.toString(value));
    }

    private void write(String event, Map<String, Json> fields) {
        Map<String, Json> line = new LinkedHashMap<>();
        line.put(
                "time",
                new Json.Text(Instant.now().truncatedTo(ChronoUnit.MILLIS).toString()));
        line.put("event", new Json.Text(event));
        line.putAll(fields);
        // One call for text and line feed, so that lines of several threads do not mix.
        out.print(new Json.Obj(line).json() + "\n");
        out.flush();
    }
}
