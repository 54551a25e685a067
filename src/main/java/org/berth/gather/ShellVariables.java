package org.berth.gather;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.error.HostException;
import org.berth.host.Bytes;
import org.berth.host.Host;

/**
 * What a shell file assigns: worked out by the shell that ships with Berth, which can start no program meanwhile. So a value
 * with blanks that lacks its quotes ends the launch, and a file that came with somebody's data does nothing.
 */
public final class ShellVariables {
    /** Prints the exported variables before and after, with a line between that no quoted value can hold. */
    private static final String SCRIPT = """
            exec 3>&1 1>&2
            export -p >&3
            echo >&3
            echo ':: berth ::' >&3
            set -a
            trap 'case $? in 126 | 127) exit 125 ;; esac' ERR
            . /dev/stdin
            export -p >&3
            """;

    private static final int MAX_BYTES = 1 << 20;
    /** Set by a line after the file's own. */
    private static final String WHOLE = "berth_whole";

    private static final String BORDER = "\n:: berth ::\n";

    private ShellVariables() {}

    /** "/dev/stdin[3]: world: inaccessible or not found", as mksh says it. */
    private static final Pattern FAULT = Pattern.compile("(?m)^.*/dev/stdin\\[(\\d+)\\]: (.*)$");

    /**
     * The exported variables after {@code file} was sourced.
     *
     * @param image as the user names it: APPTAINER_IMAGE in the file
     * @param arguments of the payload: $1 and so on
     * @param before is filled with those before it
     * @throws HostException with the line that is wrong
     */
    static Map<String, String> of(
            Host host, Path file, String image, List<String> arguments, Map<String, String> before) {
        Path prefix = host.facts().prefix();
        List<String> command = new ArrayList<>(List.of(
                prefix.resolve("bin/berth").toString(),
                "--alone",
                prefix.resolve("libexec/berth/sh").toString(),
                "-c",
                SCRIPT,
                file.toString()));
        command.addAll(arguments);
        Host.Ended ended = host.run(command, Map.of("APPTAINER_IMAGE", image), text(host, file));
        int border = ended.output().indexOf(BORDER);
        if (ended.status() != 0 || border < 0) {
            throw fault(file, ended);
        }
        before.putAll(parse(ended.output().substring(0, border)));
        Map<String, String> after = parse(ended.output().substring(border + BORDER.length()));
        // A shell that does not understand a line says so, and goes on after the file.
        if (after.remove(WHOLE) == null && FAULT.matcher(ended.errors()).find()) {
            throw fault(file, ended);
        }
        after.remove("APPTAINER_IMAGE");
        return after;
    }

    /** Without the carriage returns of files that come from Windows, which would become part of the values. */
    private static byte[] text(Host host, Path file) {
        byte[] bytes = host.read(file, MAX_BYTES + 1).orElseThrow();
        if (bytes.length > MAX_BYTES) {
            throw new HostException("environment file %s: it has more than %d bytes".formatted(file, MAX_BYTES));
        }
        return Bytes.encode(Bytes.decode(bytes).replace("\r\n", "\n") + "\n" + WHOLE + "=1\n");
    }

    private static HostException fault(Path file, Host.Ended ended) {
        Matcher line = FAULT.matcher(ended.errors());
        if (!line.find()) {
            return new HostException("environment file %s: it ended with status %d".formatted(file, ended.status()));
        }
        String what = line.group(2);
        HostException fault =
                new HostException("environment file %s, line %s: %s".formatted(file, line.group(1), what));
        boolean command = what.contains("not found") || what.contains("not permitted");
        return command
                ? fault.hint("no program is run here; a value with blanks stands in quotes: NAME='two words'")
                : fault;
    }

    /** Reads the output of {@code export -p}: {@code export NAME=value} lines, whose values a shell has quoted. */
    public static Map<String, String> parse(String text) {
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
