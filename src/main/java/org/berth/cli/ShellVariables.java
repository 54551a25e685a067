package org.berth.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.berth.error.HostException;
import org.berth.host.Host;

/** Runs a shell file and sees which variables it leaves. */
final class ShellVariables {
    /** Prints the exported variables before and after, with a line between that no quoted value can hold. */
    private static final String SCRIPT = """
            exec 3>&1 1>&2
            export -p >&3
            echo >&3
            echo ':: berth ::' >&3
            set -a
            . "$1"
            export -p >&3
            """;

    private static final String BORDER = "\n:: berth ::\n";

    private ShellVariables() {}

    /**
     * The exported variables after {@code file} was sourced.
     *
     * @param before is filled with those before it
     */
    static Map<String, String> of(Host host, Path file, Map<String, String> before) {
        Path shell = host.facts().prefix().resolve("libexec/berth/sh");
        String output = host.output(List.of(shell.toString(), "-c", SCRIPT, "env-file", file.toString()));
        int border = output.indexOf(BORDER);
        if (border < 0) {
            throw new HostException("environment file %s: the shell printed no variables".formatted(file));
        }
        before.putAll(parse(output.substring(0, border)));
        return parse(output.substring(border + BORDER.length()));
    }

    /** Reads the output of {@code export -p}: {@code export NAME=value} lines, whose values a shell has quoted. */
    static Map<String, String> parse(String text) {
        Map<String, String> variables = new TreeMap<>();
        ShellWords words = new ShellWords(text);
        while (!words.atEnd()) {
            Optional<String> name = words.exportedName();
            if (name.isEmpty()) {
                words.skipLine();
            } else {
                variables.put(name.orElseThrow(), words.word());
            }
        }
        return variables;
    }
}
