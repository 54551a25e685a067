package org.berth.cli;

import io.quarkus.runtime.Quarkus;
import java.util.List;
import org.berth.host.Host;

/** What needs picocli's model: help, completion, and the words after a command line that is not understood. */
public final class Help {
    private Help() {}

    public static int run(Invocation invocation, Host host) {
        String program = host.facts().program();
        if (invocation.command().name().equals("completion")) {
            return start("completion", program);
        }
        int at = invocation.operandsAt();
        boolean nothing = invocation.operands().isEmpty()
                && at >= host.facts().argv().size()
                && host.facts().argv().stream()
                        .skip(1)
                        .noneMatch(w -> w.equals("help") || w.equals("--help") || w.equals("-h"));
        String[] words = new String[invocation.operands().size() + 2];
        words[0] = nothing ? "nothing" : "help";
        words[1] = program;
        for (int i = 0; i < invocation.operands().size(); i++) {
            words[i + 2] = invocation.operands().get(i);
        }
        return start(words);
    }

    /** Apptainer's message, what was probably meant, and where help is; exit status 1. */
    public static int usageError(CommandLineException e) {
        List<String> command =
                e.command().map(c -> List.of(c.name().split(" "))).orElse(List.of());
        String[] words = new String[command.size() + 2];
        words[0] = "error";
        words[1] = String.valueOf(e.getMessage());
        for (int i = 0; i < command.size(); i++) {
            words[i + 2] = command.get(i);
        }
        return start(words);
    }

    private static int start(String... words) {
        int[] status = {ExitStatus.FAILURE};
        Quarkus.run(HelpApplication.class, (code, failure) -> status[0] = code, words);
        return status[0];
    }
}
