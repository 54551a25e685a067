package org.berth.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.berth.error.HostException;
import org.berth.host.Host;

/** Runs a shell file and sees which variables it leaves. */
final class ShellVariables {
    /** Prints the exported variables before and after, with a line between that no quoted value can hold. */
    private static final String SCRIPT = """
            exec 3>&1 1>&2
            export -p >&3
            printf '\\n:: berth ::\\n' >&3
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

    /** Reads the output of {@code export -p}: {@code export NAME='value'}, with quotes in double quotes between. */
    static Map<String, String> parse(String text) {
        Map<String, String> variables = new TreeMap<>();
        int at = 0;
        while (at < text.length()) {
            int equals = text.indexOf('=', at);
            int newline = text.indexOf('\n', at);
            if (!text.startsWith("export ", at) || equals < 0 || newline >= 0 && newline < equals) {
                at = newline < 0 ? text.length() : newline + 1;
                continue;
            }
            String name = text.substring(at + "export ".length(), equals);
            StringBuilder value = new StringBuilder();
            at = equals + 1;
            while (at < text.length() && text.charAt(at) != '\n') {
                char c = text.charAt(at);
                if (c == '\'' || c == '"') {
                    int end = text.indexOf(c, at + 1);
                    if (end < 0) {
                        return variables;
                    }
                    value.append(text, at + 1, end);
                    at = end + 1;
                } else if (c == '\\' && at + 1 < text.length()) {
                    value.append(text.charAt(at + 1));
                    at += 2;
                } else {
                    value.append(c);
                    at++;
                }
            }
            at++;
            variables.put(name, value.toString());
        }
        return variables;
    }
}
