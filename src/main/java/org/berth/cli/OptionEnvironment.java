package org.berth.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.launch.Note;

/**
 * Options from the environment: {@code BERTH_K}, {@code APPTAINER_K}, {@code SINGULARITY_K}, the first of them that is set.
 *
 * <p>The command line wins, except for binds, which add up. Empty values count as not set.
 */
public final class OptionEnvironment {
    public static final List<String> PREFIXES = List.of("BERTH_", "APPTAINER_", "SINGULARITY_");
    private static final Set<String> APPENDED = Set.of("bind", "mount");

    private OptionEnvironment() {}

    /** The command's and the global options' values, with those of the environment where none was given. */
    public static Invocation apply(Invocation invocation, Host host, List<Note> notes) {
        Map<String, List<String>> values = new HashMap<>(invocation.values());
        Map<String, List<String>> global = new HashMap<>(invocation.global());
        add(invocation.command().options(), values, host, notes);
        add(OptionTable.GLOBAL, global, host, notes);
        return new Invocation(invocation.command(), global, values, invocation.operands(), invocation.operandsAt());
    }

    private static void add(List<Option> options, Map<String, List<String>> values, Host host, List<Note> notes) {
        Map<String, String> found = new HashMap<>();
        for (String prefix : PREFIXES.reversed()) {
            host.envWithPrefix(prefix).forEach((name, value) -> found.put(name, value));
        }
        for (Option option : options) {
            for (String key : option.environment()) {
                add(option, key, values, found, notes);
            }
        }
    }

    private static void add(
            Option option, String key, Map<String, List<String>> values, Map<String, String> found, List<Note> notes) {
        String ours = found.getOrDefault("BERTH_" + key, "");
        String apptainer = found.getOrDefault("APPTAINER_" + key, "");
        String old = found.getOrDefault("SINGULARITY_" + key, "");
        if (!old.isEmpty()) {
            if (apptainer.isEmpty() && ours.isEmpty()) {
                notes.add(Note.info("Environment variable SINGULARITY_%s is set, but APPTAINER_%s is preferred"
                        .formatted(key, key)));
            } else if (!apptainer.isEmpty() && !apptainer.equals(old)) {
                notes.add(Note.warning(
                        "SINGULARITY_%s and APPTAINER_%s have different values, using the latter".formatted(key, key)));
            }
        }
        String value = !ours.isEmpty() ? ours : !apptainer.isEmpty() ? apptainer : old;
        boolean appended = APPENDED.contains(option.name());
        if (value.isEmpty() || values.containsKey(option.name()) && !appended) {
            return;
        }
        List<String> read = new ArrayList<>(values.getOrDefault(option.name(), List.of()));
        try {
            for (String line : option.name().equals("mount") ? value.split("\n") : new String[] {value}) {
                read.addAll(OptionValues.read(option, line));
            }
        } catch (IllegalArgumentException e) {
            throw new HostException("the environment variable %s: value %s for --%s: %s"
                    .formatted(
                            !ours.isEmpty() ? "BERTH_" + key : "APPTAINER_" + key,
                            value,
                            option.name(),
                            e.getMessage()));
        }
        values.put(option.name(), List.copyOf(read));
    }
}
