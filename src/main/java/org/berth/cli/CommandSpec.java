package org.berth.cli;

import java.util.List;

/**
 * A row of the command table.
 *
 * @param name words separated by a blank, {@code cache list}
 * @param operands as the help shows them
 * @param least smallest number of operands
 * @param most largest number of operands
 */
public record CommandSpec(
        String name, String operands, String summary, int least, int most, boolean ready, List<Option> options) {
    static final int ANY = Integer.MAX_VALUE;

    public CommandSpec {
        options = List.copyOf(options);
    }

    /** Whether it is only called by our own programs: such a command has no summary. */
    public boolean hidden() {
        return summary.isEmpty();
    }

    /** The last word of the name, by which messages call the command. */
    public String shortName() {
        return name.substring(name.lastIndexOf(' ') + 1);
    }
}
