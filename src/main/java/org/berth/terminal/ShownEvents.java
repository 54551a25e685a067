package org.berth.terminal;

import java.time.Duration;
import java.util.List;
import org.berth.libc.TerminalSize;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.resolve.PullEvents;

/**
 * Events as messages, and progress in the style that is wanted; {@code --quiet} leaves out what is for people.
 */
public record ShownEvents(Messages messages) implements PullEvents {
    private static final Duration JSON_INTERVAL = Duration.ofMillis(250);
    private static final Duration PLAIN_INTERVAL = Duration.ofSeconds(10);

    @Override
    public void info(String text) {
        messages.info(text);
    }

    /** A job has many steps and nodes, which all find what the first has made. */
    @Override
    public void cached(String text) {
        if (messages.ofStep()) {
            messages.verbose(text);
        } else {
            messages.info(text);
        }
    }

    @Override
    public void warning(String text) {
        messages.warning(text);
    }

    @Override
    public void image(Digest digest, List<Descriptor> layers) {
        messages.events().ifPresent(json -> json.image(digest, layers));
    }

    @Override
    public ShownProgress progress() {
        boolean quiet = messages.level() < Messages.NORMAL;
        return switch (messages.style()) {
            case TTY -> quiet ? new NoProgress(messages) : new ProgressDisplay(System.err, TerminalSize::columns);
            case PLAIN -> new ReportedProgress(PLAIN_INTERVAL, System::nanoTime, this::plain, messages::info);
            case JSON -> {
                JsonEvents json = messages.events().orElseGet(() -> new JsonEvents(System.err));
                yield new ReportedProgress(JSON_INTERVAL, System::nanoTime, json::blob, messages::info);
            }
            case AUTO, NONE -> new NoProgress(messages);
        };
    }

    private void plain(Descriptor blob, long bytes, ReportedProgress.State state) {
        String name = "blob " + blob.digest().hex().substring(0, 12);
        String size = blob.size() > 0 ? " of " + Sizes.text(blob.size()) : "";
        switch (state) {
            case STARTED -> {}
            case RUNNING -> messages.info("%s: %s%s".formatted(name, Sizes.text(bytes), size));
            case COMPLETE -> messages.info("%s: %s complete".formatted(name, Sizes.text(bytes)));
        }
    }

    private record NoProgress(Messages messages) implements PullEvents.ShownProgress {
        @Override
        public void start(Descriptor blob) {}

        @Override
        public void bytes(Descriptor blob, long count) {}

        @Override
        public void done(Descriptor blob) {}

        @Override
        public void waits(String sentence) {
            messages.info(sentence);
        }

        @Override
        public void close() {}
    }
}
