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

    public boolean flag(String name) {
        return value(name).map(Boolean::parseBoolean).orElse(false);
    }

    public boolean globalFlag(String name) {
        return last(global, name).map(Boolean::parseBoolean).orElse(false);
    }

    public Optional<String> globalValue(String name) {
        return last(global, name);
    }

    /** The last value given. */
    public Optional<String> value(String name) {
        return last(values, name);
    }

    /** All values given, in order. */
    public List<String> values(String name) {
        return values.getOrDefault(name, List.of());
    }

    public boolean given(String name) {
        return values.containsKey(name);
    }

    private static Optional<String> last(Map<String, List<String>> map, String name) {
        List<String> values = map.getOrDefault(name, List.of());
        return values.isEmpty() ? Optional.empty() : Optional.of(values.getLast());
    }
}
