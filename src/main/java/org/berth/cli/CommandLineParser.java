package org.berth.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.cli.Option.Kind;

/**
 * Understands a command line by the option table, by the rules of Apptainer's.
 *
 * <p>Options stand before operands and everything from the first operand on belongs to the payload; {@code --name=value},
 * {@code --name value}, {@code -x value}, {@code -xvalue}, joined flags ({@code -eC}) and {@code --flag=false}. It is
 * written for start-up time; {@code CommandLineParserTest} holds it against picocli's parser over the same table.
 */
public final class CommandLineParser {
    private final List<String> argv;
    private int at = 1;

    private CommandLineParser(List<String> argv) {
        this.argv = argv;
    }

    /**
     * @param argv the program's name first
     * @throws CommandLineException with Apptainer's message
     */
    public static Invocation parse(List<String> argv) {
        return new CommandLineParser(argv).parse();
    }

    private Invocation parse() {
        Map<String, List<String>> global = options(Optional.empty(), OptionTable.GLOBAL);
        if (isTrue(global, "version")) {
            return new Invocation(OptionTable.command("version").orElseThrow(), global, Map.of(), List.of(), at);
        }
        if (at >= argv.size()) {
            return new Invocation(OptionTable.command("help").orElseThrow(), global, Map.of(), List.of(), at);
        }
        if (isTrue(global, "help")) {
            return new Invocation(
                    OptionTable.command("help").orElseThrow(), global, Map.of(), argv.subList(at, argv.size()), at);
        }
        if (asksForHelpOfGroup()) {
            return new Invocation(
                    OptionTable.command("help").orElseThrow(), global, Map.of(), argv.subList(at, at + 1), at);
        }
        CommandSpec command = command();
        Map<String, List<String>> values = options(Optional.of(command), command.options());
        List<String> operands = argv.subList(at, argv.size());
        if (isTrue(values, "help")) {
            return new Invocation(
                    OptionTable.command("help").orElseThrow(),
                    global,
                    Map.of(),
                    List.of(command.name().split(" ")),
                    at);
        }
        checkCount(command, operands.size());
        return new Invocation(command, global, values, operands, at);
    }

    /** {@code cache --help}: a command that holds others has no options but this. */
    private boolean asksForHelpOfGroup() {
        return OptionTable.isGroup(argv.get(at))
                && at + 1 < argv.size()
                && (argv.get(at + 1).equals("--help") || argv.get(at + 1).equals("-h"));
    }

    private CommandSpec command() {
        String word = argv.get(at++);
        if (OptionTable.isGroup(word)) {
            String next = at < argv.size() ? argv.get(at) : "";
            Optional<CommandSpec> found = OptionTable.command(word + " " + next);
            if (found.isEmpty()) {
                throw new CommandLineException(
                        Optional.empty(), "Error for command \"%s\": invalid command".formatted(word));
            }
            at++;
            return found.orElseThrow();
        }
        return OptionTable.command(word)
                .filter(c -> !c.name().contains(" "))
                .orElseThrow(() -> new CommandLineException(
                        Optional.empty(), "Error: unknown command \"%s\" for \"berth\"".formatted(word)));
    }

    private Map<String, List<String>> options(Optional<CommandSpec> command, List<Option> table) {
        Map<String, List<String>> values = new HashMap<>();
        while (at < argv.size()) {
            String word = argv.get(at);
            if (!word.startsWith("-") || word.equals("-")) {
                break;
            }
            at++;
            if (word.equals("--")) {
                break;
            }
            if (word.startsWith("--")) {
                longOption(command, table, word, values);
            } else {
                letters(command, table, word, values);
            }
        }
        return values;
    }

    private void longOption(
            Optional<CommandSpec> command, List<Option> table, String word, Map<String, List<String>> values) {
        int equals = word.indexOf('=');
        String name = word.substring(2, equals < 0 ? word.length() : equals);
        Option option = table.stream()
                .filter(o -> o.name().equals(name) || o.aliases().contains(name))
                .findFirst()
                .orElseThrow(() -> failure(command, "unknown flag: --" + name));
        if (equals >= 0) {
            add(command, option, word.substring(equals + 1), values);
        } else if (option.kind() == Kind.FLAG) {
            add(command, option, "true", values);
        } else if (at < argv.size()) {
            add(command, option, argv.get(at++), values);
        } else {
            throw failure(command, "flag needs an argument: --" + name);
        }
    }

    private void letters(
            Optional<CommandSpec> command, List<Option> table, String word, Map<String, List<String>> values) {
        for (int i = 1; i < word.length(); i++) {
            char letter = word.charAt(i);
            Option option = table.stream()
                    .filter(o -> o.letter() == letter && letter != ' ')
                    .findFirst()
                    .orElseThrow(() -> failure(command, "unknown shorthand flag: '%c' in %s".formatted(letter, word)));
            String rest = word.substring(i + 1);
            if (rest.startsWith("=")) {
                add(command, option, rest.substring(1), values);
                return;
            }
            if (option.kind() == Kind.FLAG) {
                add(command, option, "true", values);
                continue;
            }
            if (!rest.isEmpty()) {
                add(command, option, rest, values);
            } else if (at < argv.size()) {
                add(command, option, argv.get(at++), values);
            } else {
                throw failure(command, "flag needs an argument: '%c' in %s".formatted(letter, word));
            }
            return;
        }
    }

    private static void add(
            Optional<CommandSpec> command, Option option, String value, Map<String, List<String>> values) {
        try {
            values.computeIfAbsent(option.name(), n -> new ArrayList<>()).addAll(OptionValues.read(option, value));
        } catch (IllegalArgumentException e) {
            throw failure(
                    command,
                    "invalid argument \"%s\" for \"%s\" flag: %s".formatted(value, option.spelled(), e.getMessage()));
        }
    }

    private static void checkCount(CommandSpec command, int count) {
        if (count >= command.least() && count <= command.most()) {
            return;
        }
        String text;
        if (command.most() == CommandSpec.ANY) {
            text = "requires at least %d arg(s), only received %d".formatted(command.least(), count);
        } else if (command.least() == command.most()) {
            text = "accepts %d arg(s), received %d".formatted(command.least(), count);
        } else {
            text = "accepts between %d and %d arg(s), received %d".formatted(command.least(), command.most(), count);
        }
        throw failure(Optional.of(command), text);
    }

    private static CommandLineException failure(Optional<CommandSpec> command, String text) {
        return new CommandLineException(
                command,
                "Error for command \"%s\": %s"
                        .formatted(command.map(CommandSpec::shortName).orElse("berth"), text));
    }

    private static boolean isTrue(Map<String, List<String>> values, String name) {
        List<String> given = values.getOrDefault(name, List.of());
        return !given.isEmpty() && given.getLast().equals("true");
    }
}
