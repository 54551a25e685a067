package org.berth.terminal;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntSupplier;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.resolve.PullEvents;

/**
 * Shows on a terminal how layers arrive: a line each with bytes, rate and time to go, drawn anew ten times a second.
 *
 * <p>Only layers under way have a line; one that is complete is printed once and left standing. A line is never wider than the
 * terminal is when it is drawn: the rate gives way first, then the bar, then the time to go, then the bytes.
 */
final class ProgressDisplay implements PullEvents.ShownProgress {
    private static final int BAR = 30;
    private static final int SHORTEST_BAR = 10;
    private static final long DRAW_MILLIS = 100;

    private final PrintStream err;
    private final IntSupplier columns;
    private final Map<Digest, Layer> layers = new LinkedHashMap<>();
    private final List<String> sentences = new ArrayList<>();
    private final Thread drawer;
    /** How long the lines are that stand on the terminal and are drawn anew. */
    private final List<Integer> drawn = new ArrayList<>();

    private boolean closed;

    private static final class Layer {
        final Descriptor blob;
        final long startedNanos = System.nanoTime();
        long bytes;
        boolean done;

        Layer(Descriptor blob) {
            this.blob = blob;
        }
    }

    /** @param columns how wide the terminal is now */
    ProgressDisplay(PrintStream err, IntSupplier columns) {
        this.err = err;
        this.columns = columns;
        drawer = Thread.ofPlatform().daemon().name("progress").start(this::drawUntilClosed);
    }

    @Override
    public synchronized void start(Descriptor blob) {
        layers.putIfAbsent(blob.digest(), new Layer(blob));
    }

    @Override
    public synchronized void bytes(Descriptor blob, long count) {
        Layer layer = layers.get(blob.digest());
        if (layer != null) {
            layer.bytes += count;
        }
    }

    @Override
    public synchronized void done(Descriptor blob) {
        Layer layer = layers.get(blob.digest());
        if (layer != null) {
            layer.bytes = blob.size();
            layer.done = true;
        }
    }

    @Override
    public synchronized void waits(String sentence) {
        sentences.add(sentence);
    }

    /** Draws the last state and stops; what stands on the terminal stays. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            draw();
        }
        drawer.interrupt();
    }

    private void drawUntilClosed() {
        while (true) {
            try {
                Thread.sleep(DRAW_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
            synchronized (this) {
                if (closed) {
                    return;
                }
                draw();
            }
        }
    }

    private void draw() {
        int width = Math.max(1, columns.getAsInt());
        StringBuilder text = new StringBuilder();
        // A terminal that became narrower has wrapped what stands there.
        int rows = drawn.stream()
                .mapToInt(length -> Math.max(1, Math.ceilDiv(length, width)))
                .sum();
        if (rows > 0) {
            text.append("\u001b[").append(rows).append("A\r\u001b[J");
        }
        drawn.clear();
        sentences.forEach(sentence -> text.append("INFO:    ").append(sentence).append('\n'));
        sentences.clear();
        for (Layer layer : layers.values().stream().filter(l -> l.done).toList()) {
            text.append(line(layer, width)).append('\n');
            layers.remove(layer.blob.digest());
        }
        for (Layer layer : layers.values()) {
            String line = line(layer, width);
            text.append(line).append('\n');
            drawn.add(line.length());
        }
        err.print(text);
        err.flush();
    }

    /** As much as fits, with one column left: some terminals wrap after the last. */
    private static String line(Layer layer, int width) {
        double seconds = Math.max(0.001, (System.nanoTime() - layer.startedNanos) / 1e9);
        double rate = layer.bytes / seconds;
        long size = Math.max(1, layer.blob.size());
        String name = layer.blob.digest().hex().substring(0, 12);
        String bytes = " %9s / %9s".formatted(Sizes.text(layer.bytes), Sizes.text(layer.blob.size()));
        String share = " %3d%%".formatted(100 * Math.min(layer.bytes, size) / size);
        String speed = " %9s/s".formatted(Sizes.text((long) rate));
        String rest =
                layer.done ? " done" : rate < 1 ? "" : " %.0fs".formatted(Math.max(0, (size - layer.bytes) / rate));
        int left = width - 1 - name.length() - share.length();
        boolean hasBytes = bytes.length() <= left;
        left -= hasBytes ? bytes.length() : 0;
        boolean hasRest = rest.length() <= left;
        // Its room is kept while it is not known: the bar must not jump.
        left -= hasRest ? Math.max(rest.length(), " 100s".length()) : 0;
        boolean hasBar = hasBytes && left >= SHORTEST_BAR + " []".length();
        int bar = hasBar ? Math.min(BAR, left - " []".length()) : 0;
        left -= hasBar ? bar + " []".length() : 0;
        int filled = (int) (bar * Math.min(layer.bytes, size) / size);
        return name
                + (hasBytes ? bytes : "")
                + (hasBar ? " [%s%s]".formatted("=".repeat(filled), " ".repeat(bar - filled)) : "")
                + share
                + (hasBar && speed.length() <= left ? speed : "")
                + (hasRest ? rest : "");
    }
}
