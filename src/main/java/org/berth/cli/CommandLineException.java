package org.berth.cli;

import java.util.Optional;

/** A command line that is not understood: exit status 1, with the command's usage. */
public final class CommandLineException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final transient Optional<CommandSpec> command;

    public CommandLineException(Optional<CommandSpec> command, String message) {
        super(message);
        this.command = command;
    }

    Optional<CommandSpec> command() {
        return command;
    }
}
