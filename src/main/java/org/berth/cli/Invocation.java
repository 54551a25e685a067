package org.berth.cli;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A command line, understood.
 *
 * @param global values of the global options by name
 * @param values values of the command's options by name; a flag's value is {@code true} or {@code false}
 * @param operands what follows the options
 * @param operandsAt index of the first operand in the launcher's argv
 */
public record Invocation(
        CommandSpec command,
        Map<String, List<String>> global,
        Map<String, List<String>> values,
        List<String> operands,
        int operandsAt) {
    public Invocation {
        global = Map.copyOf(global);
        values = Map.copyOf(values);
        operands = List.copyOf(operands);
    }

    /** Whether a flag was given; the command has to have it. */
    public boolean flag(String name) {
        require(name, true);
        return shared().flag(name);
    }

    public boolean globalFlag(String name) {
        return last(global, name).map(Boolean::parseBoolean).orElse(false);
    }

    public Optional<String> globalValue(String name) {
        return last(global, name);
    }

    /** The last value given to an option that the command has to have. */
    public Optional<String> value(String name) {
        require(name, false);
        return shared().value(name);
    }

    /** All values given, in order, to an option that the command has to have. */
    public List<String> values(String name) {
        require(name, false);
        return shared().values(name);
    }

    /** Whether an option was given that the command has to have, on the command line or by the environment. */
    public boolean given(String name) {
        row(name);
        return values.containsKey(name);
    }

    private void require(String name, boolean flag) {
        if (flag != (row(name).kind() == Option.Kind.FLAG)) {
            throw new IllegalArgumentException(
                    "%s of %s %s".formatted(name, command.name(), flag ? "is no flag" : "is a flag"));
        }
    }

    private Option row(String name) {
        return command.options().stream()
                .filter(option -> option.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("%s has no option %s".formatted(command.name(), name)));
    }

    /** For what several commands have in common: an option that this one does not have was not given. */
    public Shared shared() {
        return new Shared(values);
    }

    /** Options as {@link #shared} says. */
    public record Shared(Map<String, List<String>> given) {
        public boolean flag(String name) {
            return value(name).map(Boolean::parseBoolean).orElse(false);
        }

        public Optional<String> value(String name) {
            return last(given, name);
        }

        public List<String> values(String name) {
            return given.getOrDefault(name, List.of());
        }
    }

    private static Optional<String> last(Map<String, List<String>> map, String name) {
        List<String> values = map.getOrDefault(name, List.of());
        return values.isEmpty() ? Optional.empty() : Optional.of(values.getLast());
    }
}
