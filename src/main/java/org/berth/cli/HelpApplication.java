package org.berth.cli;

import io.quarkus.runtime.QuarkusApplication;
import java.io.PrintStream;
import java.util.List;
import picocli.AutoComplete;
import picocli.CommandLine;

/** The commands that picocli's model answers, as a Quarkus application. */
public final class HelpApplication implements QuarkusApplication {
    private static final String PROGRAM = "berth";

    /** @param args what to do, and its words; see {@link Help} */
    @Override
    public int run(String... args) {
        List<String> words = List.of(args);
        return switch (words.getFirst()) {
            case "completion" -> {
                System.out.println(AutoComplete.bash(PROGRAM, PicocliModel.commandLine(PROGRAM)));
                yield ExitStatus.SUCCESS;
            }
            case "error" -> error(words.get(1), words.subList(2, words.size()));
            case "nothing" -> {
                PicocliModel.commandLine(words.get(1)).usage(System.out);
                yield ExitStatus.USAGE;
            }
            default -> help(words.get(1), words.subList(2, words.size()));
        };
    }

    private static int help(String program, List<String> path) {
        CommandLine command = PicocliModel.commandLine(program);
        for (String word : path) {
            CommandLine next = command.getSubcommands().get(word);
            if (next == null) {
                System.out.println("Unknown help topic [`" + String.join(" ", path) + "`]");
                break;
            }
            command = next;
        }
        command.usage(System.out);
        return ExitStatus.SUCCESS;
    }

    private static int error(String message, List<String> path) {
        PrintStream err = System.err;
        err.println(message);
        String command = String.join(" ", path);
        Advice.of(message, OptionTable.command(command)).forEach(line -> err.println("\n" + line));
        if (path.isEmpty()) {
            err.println("\nRun 'berth --help' for more detailed usage information.");
        } else {
            OptionTable.command(command)
                    .ifPresent(c -> err.println(
                            "\nUsage: berth [global options...] %s [options...] %s".formatted(c.name(), c.operands())));
            err.println("Run 'berth %s --help' for more detailed usage information.".formatted(command));
        }
        return ExitStatus.USAGE;
    }
}
