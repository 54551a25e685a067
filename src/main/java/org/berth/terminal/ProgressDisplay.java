package org.berth.terminal;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.resolve.PullEvents;

/**
 * Shows on a terminal how layers arrive: a line each with bytes, rate and time to go, drawn anew ten times a second.
 *
 * <p>Only layers under way have a line; one that is complete is printed once and left standing.
 */
final class ProgressDisplay implements PullEvents.ShownProgress {
    private static final int BAR = 30;
    private static final long DRAW_MILLIS = 100;

    private final PrintStream err;
    private final Map<Digest, Layer> layers = new LinkedHashMap<>();
    private final List<String> sentences = new ArrayList<>();
    private final Thread drawer;
    private int drawn;
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

    ProgressDisplay(PrintStream err) {
        this.err = err;
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
        StringBuilder text = new StringBuilder();
        if (drawn > 0) {
            text.append("\u001b[").append(drawn).append("A");
        }
        drawn = 0;
        sentences.forEach(
                sentence -> text.append("\r\u001b[KINFO:    ").append(sentence).append('\n'));
        sentences.clear();
        for (Layer layer : layers.values().stream().filter(l -> l.done).toList()) {
            text.append("\r\u001b[K").append(line(layer)).append('\n');
            layers.remove(layer.blob.digest());
        }
        for (Layer layer : layers.values()) {
            text.append("\r\u001b[K").append(line(layer)).append('\n');
            drawn++;
        }
        err.print(text);
        err.flush();
    }

    private static String line(Layer layer) {
        double seconds = Math.max(0.001, (System.nanoTime() - layer.startedNanos) / 1e9);
        double rate = layer.bytes / seconds;
        long size = Math.max(1, layer.blob.size());
        int filled = (int) (BAR * Math.min(layer.bytes, size) / size);
        String rest = layer.done ? "done" : rate < 1 ? "" : "%.0fs".formatted(Math.max(0, (size - layer.bytes) / rate));
        return "%s %9s / %9s [%s%s] %3d%% %9s/s %s"
                .formatted(
                        layer.blob.digest().hex().substring(0, 12),
                        Sizes.text(layer.bytes),
                        Sizes.text(layer.blob.size()),
                        "=".repeat(filled),
                        " ".repeat(BAR - filled),
                        100 * Math.min(layer.bytes, size) / size,
                        Sizes.text((long) rate),
                        rest);
    }
}
