package org.berth.cli;

import java.io.PrintStream;
import org.berth.error.BerthException;
import org.berth.host.Host;
import org.berth.launch.Note;

/** Messages on standard error, in Apptainer's format and with its levels. */
final class Messages {
    static final int SILENT = -3;
    static final int QUIET = -1;
    static final int NORMAL = 1;
    static final int VERBOSE = 4;
    static final int DEBUG = 5;

    private final PrintStream err;
    private final int level;
    private final boolean colour;

    Messages(PrintStream err, int level, boolean colour) {
        this.err = err;
        this.level = level;
        this.colour = colour;
    }

    /** By the global options and {@code APPTAINER_MESSAGELEVEL}. */
    static Messages of(Invocation invocation, Host host) {
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
        return new Messages(System.err, level, colour);
    }

    int level() {
        return level;
    }

    void info(String text) {
        if (level >= NORMAL) {
            line("INFO:    ", "34", text);
        }
    }

    void warning(String text) {
        if (level > SILENT + 1) {
            line("WARNING: ", "33", text);
        }
    }

    void verbose(String text) {
        if (level >= VERBOSE) {
            line("VERBOSE: ", "0", text);
        }
    }

    void note(Note note) {
        switch (note.level()) {
            case INFO -> info(note.text());
            case WARNING -> warning(note.text());
        }
    }

    /** The one message of a failure; {@code --debug} shows the stack too. */
    void fatal(BerthException e) {
        failure("FATAL:   ", e);
    }

    /** The same, where Apptainer speaks of an error and ends with a status of its own. */
    void error(BerthException e) {
        failure("ERROR:   ", e);
    }

    private void failure(String label, BerthException e) {
        line(label, "31", e.getMessage() + e.hint().map(h -> " (" + h + ")").orElse(""));
        if (level >= DEBUG) {
            e.printStackTrace(err);
        }
    }

    /** A fault of the program itself. */
    void fault(Throwable e) {
        line("FATAL:   ", "31", "internal error: " + e + " (--debug shows where)");
        if (level >= DEBUG) {
            e.printStackTrace(err);
        }
    }

    private void line(String label, String code, String text) {
        err.println((colour ? "\u001b[" + code + "m" + label + "\u001b[0m" : label) + text);
    }
}
