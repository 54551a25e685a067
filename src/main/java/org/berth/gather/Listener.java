package org.berth.gather;

import org.berth.launch.Note;
import org.berth.resolve.PullEvents;

/** Who is told what is found and done while values are gathered, and answers questions. */
public interface Listener {
    void info(String text);

    void warning(String text);

    void verbose(String text);

    default void note(Note note) {
        switch (note.level()) {
            case INFO -> info(note.text());
            case WARNING -> warning(note.text());
        }
    }

    /** Who sees how an image arrives. */
    PullEvents events();

    /**
     * One line of the user's, without its end; empty at the end of the input.
     *
     * @param hidden what is typed is not shown
     */
    String ask(String question, boolean hidden);

    /** Whether the user says yes. */
    boolean confirms(String question);
}
