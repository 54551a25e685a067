package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** docs/cli.md is the option table in words; {@code -Dcli.write=true} writes it anew. */
class CliDocumentTest {
    private static final Path DOCUMENT = Path.of("docs/cli.md");

    @Test
    void theDocumentSaysWhatTheTableSays() throws IOException {
        String text = document();
        if (Boolean.getBoolean("cli.write")) {
            Files.writeString(DOCUMENT, text);
        }
        assertEquals(Files.readString(DOCUMENT), text);
    }

    private static String document() {
        return """
                # Command line

                Generated from `OptionTable.java` (`CliDocumentTest` compares them). Options stand before operands; what follows the image belongs to
                the payload. A key `K` is read from the environment as `BERTH_K`, `APPTAINER_K` or `SINGULARITY_K`, the first that is set; the command
                line wins, and binds add up. Usage errors exit with 1, all other failures of Berth with 255, else the payload's status is Berth's.

                ## Global options

                """
                + table(OptionTable.GLOBAL)
                + OptionTable.COMMANDS.stream()
                        .filter(command -> !command.hidden())
                        .map(CliDocumentTest::section)
                        .collect(Collectors.joining());
    }

    private static String section(CommandSpec command) {
        String usage = "berth [global options...] %s [options...] %s"
                .formatted(command.name(), command.operands())
                .strip();
        String later = command.ready() ? "" : " Not available yet.";
        return "\n## %s\n\n%s.%s\n\n    %s\n%s"
                .formatted(
                        command.name(),
                        command.summary(),
                        later,
                        usage,
                        command.ready() && command.options().size() > 1 ? "\n" + table(command.options()) : "");
    }

    private static String table(List<Option> options) {
        return options.stream()
                .filter(option -> !option.hidden())
                .map(CliDocumentTest::row)
                .collect(Collectors.joining("", "| option | key | what it does |\n|---|---|---|\n", ""));
    }

    private static String row(Option option) {
        String value = option.argument().isEmpty() ? "" : " " + option.argument();
        String note = option.status() == Option.Status.LATER ? " (not available yet)" : "";
        return "| `%s%s` | %s | %s%s |\n"
                .formatted(
                        option.spelled().replace("|", "\\|"),
                        value.replace("|", "\\|"),
                        option.environment().stream()
                                .map(key -> "`" + key + "`")
                                .collect(Collectors.joining(" ")),
                        option.help().replace("|", "\\|"),
                        note);
    }
}
