package org.berth.terminal;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.berth.cli.Invocation;
import org.berth.cli.OptionEnvironment;
import org.berth.error.BerthException;
import org.berth.host.Host;
import org.berth.launch.Note;
import org.jspecify.annotations.Nullable;

/** Messages on standard error, in Apptainer's format and with its levels; or as {@link JsonEvents}. */
public final class Messages {
    static final int SILENT = -3;
    static final int QUIET = -1;
    public static final int NORMAL = 1;
    static final int VERBOSE = 4;
    static final int DEBUG = 5;

    /** What the Slurm plugin calls, in srun and on the nodes. */
    private static final Set<String> STEP = Set.of("resolve", "hold");

    private final PrintStream err;
    private final int level;
    private final boolean colour;
    private final Optional<JsonEvents> events;
    private final ProgressStyle style;
    private final boolean step;

    /** Kinds of messages, each with its label and the colour of that on a terminal. */
    private enum Kind {
        VERBOSE("VERBOSE: ", "0", "verbose"),
        INFO("INFO:    ", "34", "info"),
        WARNING("WARNING: ", "33", "warning"),
        ERROR("ERROR:   ", "31", "error"),
        FATAL("FATAL:   ", "31", "error");

        private final String label;
        private final String code;
        private final String word;

        Kind(String label, String code, String word) {
            this.label = label;
            this.code = code;
            this.word = word;
        }
    }

    public Messages(PrintStream err, int level, boolean colour) {
        this(err, level, colour, ProgressStyle.NONE, false);
    }

    private Messages(PrintStream err, int level, boolean colour, ProgressStyle style, boolean step) {
        this.err = err;
        this.level = level;
        this.colour = colour;
        this.events = style == ProgressStyle.JSON ? Optional.of(new JsonEvents(err)) : Optional.empty();
        this.style = style;
        this.step = step;
    }

    /** By the global options, {@code APPTAINER_MESSAGELEVEL} and {@code --progress}. */
    public static Messages of(Invocation invocation, Host host) {
        int level = NORMAL;
        for (String prefix : OptionEnvironment.PREFIXES.reversed()) {
            String inherited = host.env(prefix + "MESSAGELEVEL").orElse("");
            if (inherited.matches("-?[0-9]")) {
                level = Integer.parseInt(inherited);
            }
        }
        if (invocation.globalFlag("silent")) {
            level = SILENT;
        }
        if (invocation.globalFlag("quiet")) {
            level = QUIET;
        }
        if (invocation.globalFlag("verbose")) {
            level = VERBOSE;
        }
        if (invocation.globalFlag("debug")) {
            level = DEBUG;
        }
        boolean colour = host.facts().standardErrorIsTerminal()
                && !invocation.globalFlag("nocolor")
                && host.env("NO_COLOR").isEmpty();
        ProgressStyle asked = ProgressStyle.of(invocation);
        ProgressStyle onTerminal =
                host.env("TERM").filter("dumb"::equals).isPresent() ? ProgressStyle.PLAIN : ProgressStyle.TTY;
        ProgressStyle automatic = host.facts().standardErrorIsTerminal() ? onTerminal : ProgressStyle.NONE;
        return new Messages(
                System.err,
                level,
                colour,
                asked == ProgressStyle.AUTO ? automatic : asked,
                STEP.contains(invocation.command().name()));
    }

    public int level() {
        return level;
    }

    /** How progress is shown; never AUTO. */
    ProgressStyle style() {
        return style;
    }

    /** Whether a step of Slurm's is spoken for: a job has many, on many nodes. */
    boolean ofStep() {
        return step;
    }

    /** Where events go if {@code --progress=json} asks for them; they are not a matter of the level. */
    public Optional<JsonEvents> events() {
        return events;
    }

    /** The command has done its work. */
    public void done() {
        events.ifPresent(json -> json.done(Optional.empty()));
    }

    /** The command has made a file or a directory. */
    public void done(Path file) {
        events.ifPresent(json -> json.done(Optional.of(file)));
    }

    public void info(String text) {
        if (level >= NORMAL) {
            line(Kind.INFO, text);
        }
    }

    public void warning(String text) {
        if (level > SILENT + 1) {
            line(Kind.WARNING, text);
        }
    }

    public void verbose(String text) {
        if (level >= VERBOSE) {
            line(Kind.VERBOSE, text);
        }
    }

    public void note(Note note) {
        switch (note.level()) {
            case INFO -> info(note.text());
            case WARNING -> warning(note.text());
        }
    }

    /** The one message of a failure; {@code --debug} shows the stack too. */
    public void fatal(BerthException e) {
        failure(Kind.FATAL, e.getMessage(), e.hint(), e);
    }

    /** The same, where Apptainer speaks of an error and ends with a status of its own. */
    public void error(BerthException e) {
        failure(Kind.ERROR, e.getMessage(), e.hint(), e);
    }

    /** A fault of the program itself. */
    public void fault(Throwable e) {
        failure(Kind.FATAL, "internal error: " + e, Optional.of("--debug shows where"), e);
    }

    private void failure(Kind kind, @Nullable String text, Optional<String> hint, Throwable e) {
        String words = String.valueOf(text);
        if (events.isPresent()) {
            events.orElseThrow().error(words, hint, level >= DEBUG ? Optional.of(stack(e)) : Optional.empty());
            return;
        }
        line(kind, words + hint.map(h -> " (" + h + ")").orElse(""));
        if (level >= DEBUG) {
            e.printStackTrace(err);
        }
    }

    private static String stack(Throwable e) {
        StringWriter lines = new StringWriter();
        e.printStackTrace(new PrintWriter(lines));
        return lines.toString();
    }

    private void line(Kind kind, String text) {
        if (events.isPresent()) {
            events.orElseThrow().message(kind.word, text);
            return;
        }
        err.println((colour ? "\u001b[" + kind.code + "m" + kind.label + "\u001b[0m" : kind.label) + text);
    }
}
