package org.berth.launch;

import java.util.List;

/** What the launcher has to do, in order, and what the user is told about it. */
public record LaunchPlan(List<Op> ops, List<Note> notes) {
    public LaunchPlan {
        ops = List.copyOf(ops);
        notes = List.copyOf(notes);
    }
}
