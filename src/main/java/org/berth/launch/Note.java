package org.berth.launch;

/** Something the user should know about a decision; {@code cli} prints it. */
public record Note(Level level, String text) {
    /** How serious it is. */
    public enum Level {
        INFO,
        WARNING
    }

    public static Note info(String text) {
        return new Note(Level.INFO, text);
    }

    public static Note warning(String text) {
        return new Note(Level.WARNING, text);
    }
}
