package org.berth.terminal;

import com.fasterxml.jackson.databind.node.ObjectNode;
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
import org.berth.json.Json;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;

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
        write("start", Json.object().put("command", command).put("version", Version.BERTH));
    }

    /** What is fetched: before any of its blobs, and only if it has to be converted. */
    void image(Digest digest, List<Descriptor> layers) {
        Map<Digest, Long> sizes = new LinkedHashMap<>();
        layers.forEach(layer -> sizes.put(layer.digest(), layer.size()));
        ObjectNode fields = Json.object();
        fields.put("digest", digest.toString());
        fields.put("layers", layers.size());
        fields.put("bytes", sizes.values().stream().mapToLong(Long::longValue).sum());
        write("image", fields);
    }

    void blob(Descriptor blob, long bytes, ReportedProgress.State state) {
        ObjectNode fields = Json.object();
        fields.put("state", state.name().toLowerCase(Locale.ROOT));
        fields.put("blob", blob.digest().toString());
        fields.put("bytes", bytes);
        fields.put("size", blob.size());
        write("blob", fields);
    }

    void message(String level, String text) {
        ObjectNode fields = Json.object();
        fields.put("level", level);
        fields.put("text", text);
        write("message", fields);
    }

    /** @param stack what {@code --debug} shows */
    void error(String text, Optional<String> hint, Optional<String> stack) {
        ObjectNode fields = Json.object();
        fields.put("text", text);
        hint.ifPresent(words -> fields.put("hint", words));
        stack.ifPresent(lines -> fields.put("stack", lines));
        write("error", fields);
    }

    /** The last line of a success. */
    void done(Optional<Path> file) {
        ObjectNode fields = Json.object();
        file.ifPresent(path -> fields.put("file", path.toString()));
        write("done", fields);
    }

    private void write(String event, ObjectNode fields) {
        ObjectNode line = Json.object();
        line.put("time", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
        line.put("event", event);
        line.setAll(fields);
        // One call for text and line feed, so that lines of several threads do not mix.
        out.print(Json.text(line) + "\n");
        out.flush();
    }
}
