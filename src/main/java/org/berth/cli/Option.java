package org.berth.cli;

import java.util.List;

/**
 * A row of the option table.
 *
 * @param name the long name without dashes
 * @param letter the short name, or a blank if there is none
 * @param aliases further long names
 * @param environment keys that set it: {@code K} stands for {@code BERTH_K}, {@code APPTAINER_K} and {@code SINGULARITY_K}
 * @param argument what stands for its value in the help; empty for a flag
 */
public record Option(
        String name,
        char letter,
        List<String> aliases,
        Kind kind,
        List<String> environment,
        String argument,
        String help,
        Status status,
        boolean hidden) {
    public Option {
        aliases = List.copyOf(aliases);
        environment = List.copyOf(environment);
    }

    /** How values are read. */
    public enum Kind {
        FLAG,
        /** One value; the last one counts. */
        TEXT,
        /** Values separated by commas, all of them count. */
        LIST,
        /** Whole values, all of them count. */
        REPEATED,
        /** {@code NAME=VALUE}, by commas where a value holds several. */
        MAP
    }

    /** Whether an option does anything yet. */
    public enum Status {
        READY,
        /** Using it is an error that says so. */
        LATER,
        /** Taken for compatibility, without an effect. */
        ACCEPTED
    }

    static Option flag(String name, String help) {
        return new Option(name, ' ', List.of(), Kind.FLAG, List.of(), "", help, Status.READY, false);
    }

    static Option text(String name, String argument, String help) {
        return new Option(name, ' ', List.of(), Kind.TEXT, List.of(), argument, help, Status.READY, false);
    }

    static Option list(String name, String argument, String help) {
        return new Option(name, ' ', List.of(), Kind.LIST, List.of(), argument, help, Status.READY, false);
    }

    static Option repeated(String name, String argument, String help) {
        return new Option(name, ' ', List.of(), Kind.REPEATED, List.of(), argument, help, Status.READY, false);
    }

    static Option map(String name, String argument, String help) {
        return new Option(name, ' ', List.of(), Kind.MAP, List.of(), argument, help, Status.READY, false);
    }

    Option letter(char c) {
        return new Option(name, c, aliases, kind, environment, argument, help, status, hidden);
    }

    Option alias(String... more) {
        return new Option(name, letter, List.of(more), kind, environment, argument, help, status, hidden);
    }

    Option env(String... keys) {
        return new Option(name, letter, aliases, kind, List.of(keys), argument, help, status, hidden);
    }

    Option later() {
        return new Option(name, letter, aliases, kind, environment, argument, help, Status.LATER, hidden);
    }

    Option accepted() {
        return new Option(name, letter, aliases, kind, environment, argument, help, Status.ACCEPTED, hidden);
    }

    Option secret() {
        return new Option(name, letter, aliases, kind, environment, argument, help, status, true);
    }

    /** {@code -B, --bind}, as Apptainer names an option in its messages. */
    String spelled() {
        return letter == ' ' ? "--" + name : "-" + letter + ", --" + name;
    }
}
