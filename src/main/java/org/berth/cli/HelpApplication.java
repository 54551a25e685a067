package org.berth.cli;

import io.quarkus.runtime.QuarkusApplication;
import java.io.PrintStream;
import java.util.ArrayList;
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
        List<String> similar = similar(message);
        if (!similar.isEmpty()) {
            err.println("\nDid you mean this?\n\t" + String.join("\n\t", similar));
        }
        String command = String.join(" ", path);
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

    /** Names close to the quoted or dashed word of the message. */
    private static List<String> similar(String message) {
        List<String> names = new ArrayList<>();
        String word;
        if (message.contains("unknown command \"")) {
            word = message.replaceAll(".*unknown command \"([^\"]*)\".*", "$1");
            OptionTable.COMMANDS.stream()
                    .filter(c -> !c.hidden())
                    .forEach(c -> names.add(c.name().split(" ")[0]));
        } else if (message.contains("unknown flag: --")) {
            word = message.replaceAll(".*unknown flag: --", "");
            OptionTable.COMMANDS.forEach(c -> c.options().forEach(o -> names.add(o.name())));
        } else {
            return List.of();
        }
        return names.stream()
                .distinct()
                .filter(name -> Distance.between(name, word) <= 2)
                .limit(3)
                .map(name -> message.contains("flag") ? "--" + name : name)
                .toList();
    }
}
