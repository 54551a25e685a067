package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class CommandLineParserTest {
    @Test
    void everythingAfterTheImageBelongsToThePayload() {
        Invocation invocation = parse("exec", "-e", "image.sif", "--nv", "-c", "x");
        assertEquals(List.of("image.sif", "--nv", "-c", "x"), invocation.operands());
        assertEquals(3, invocation.operandsAt());
        assertTrue(invocation.flag("cleanenv"));
    }

    @Test
    void shortOptionsJoinAndTakeTheirValuesInAllForms() {
        assertTrue(parse("exec", "-eC", "i", "c").flag("containall"));
        for (String[] form : new String[][] {
            {"exec", "-B/a:/b", "i", "c"},
            {"exec", "-B", "/a:/b", "i", "c"},
            {"exec", "--bind=/a:/b", "i", "c"},
            {"exec", "-eB", "/a:/b", "i", "c"}
        }) {
            assertEquals(List.of("/a:/b"), parse(form).values("bind"));
        }
    }

    @Test
    void listsSplitAtCommasAndMapsKeepOneEntryWhole() {
        assertEquals(List.of("/a", "/b"), parse("exec", "-B", "/a,/b", "i", "c").values("bind"));
        assertEquals(List.of("A=1,B"), parse("exec", "--env", "A=1,B", "i", "c").values("env"));
        assertEquals(
                List.of("A=1", "B=2"),
                parse("exec", "--env", "A=1,B=2", "i", "c").values("env"));
    }

    @Test
    void messagesAreApptainers() {
        assertEquals("Error for command \"exec\": unknown flag: --nosuch", error("exec", "--nosuch", "i", "c"));
        assertEquals("Error for command \"run\": unknown shorthand flag: 's' in -s", error("run", "-s", "i"));
        assertEquals("Error for command \"exec\": flag needs an argument: --bind", error("exec", "--bind"));
        assertEquals("Error for command \"exec\": requires at least 2 arg(s), only received 1", error("exec", "i"));
        assertEquals(
                "Error for command \"pull\": accepts between 1 and 2 arg(s), received 3", error("pull", "a", "b", "c"));
        assertEquals("Error for command \"inspect\": accepts 1 arg(s), received 0", error("inspect"));
        assertEquals("Error: unknown command \"exce\" for \"berth\"", error("exce"));
        assertEquals("Error for command \"cache\": invalid command", error("cache", "nosuch"));
        assertEquals(
                "Error for command \"exec\": invalid argument \"A\" for \"--env\" flag: A must be formatted as key=value",
                error("exec", "--env", "A", "i", "c"));
        assertTrue(error("exec", "--contain=maybe", "i", "c")
                .startsWith("Error for command \"exec\": invalid argument \"maybe\""));
    }

    @Test
    void helpIsAskedForInManyWays() {
        for (String[] words : new String[][] {{"cache", "--help"}, {"help", "cache"}, {"--help", "cache"}}) {
            Invocation invocation = parse(words);
            assertEquals("help", invocation.command().name());
            assertEquals(List.of("cache"), invocation.operands());
        }
        assertEquals(List.of("cache", "list"), parse("cache", "list", "-h").operands());
        assertEquals(List.of("exec"), parse("exec", "-e", "--help", "x").operands());
    }

    /** Random command lines of known options: picocli, over its model of the same table, understands the same. */
    @Test
    void picocliUnderstandsTheSameOfRandomCommandLines() {
        Random random = new Random(7);
        CommandSpec exec = OptionTable.command("exec").orElseThrow();
        for (int i = 0; i < 500; i++) {
            List<String> words = new ArrayList<>(List.of("berth", "exec"));
            for (int n = random.nextInt(5); n > 0; n--) {
                Option option = exec.options().get(random.nextInt(exec.options().size()));
                if (option.name().equals("help")) {
                    continue;
                }
                boolean letter = option.letter() != ' ' && random.nextBoolean();
                words.add(letter ? "-" + option.letter() : "--" + option.name());
                if (option.kind() != Option.Kind.FLAG) {
                    words.add(
                            option.kind() == Option.Kind.MAP
                                    ? "K" + random.nextInt(3) + "=v"
                                    : "v" + random.nextInt(9));
                }
            }
            words.addAll(List.of("image", "command", "--looks-like-an-option"));
            Invocation ours = CommandLineParser.parse(words);
            CommandLine.ParseResult theirs = PicocliModel.commandLine("berth")
                    .parseArgs(words.subList(1, words.size()).toArray(String[]::new))
                    .subcommand();
            for (Option option : exec.options()) {
                List<String> expected = new ArrayList<>();
                CommandLine.Model.OptionSpec matched = theirs.matchedOption("--" + option.name());
                if (matched != null) {
                    expected.addAll(
                            option.kind() == Option.Kind.FLAG
                                    ? List.of("true")
                                    : option.kind() == Option.Kind.TEXT
                                            ? List.of(matched.stringValues().getLast())
                                            : matched.stringValues());
                }
                List<String> got = option.kind() == Option.Kind.FLAG || option.kind() == Option.Kind.TEXT
                        ? ours.shared().value(option.name()).map(List::of).orElse(List.of())
                        : ours.shared().values(option.name());
                assertEquals(expected, got, option.name() + " in " + words);
            }
            assertEquals(List.of("image", "command", "--looks-like-an-option"), ours.operands());
        }
    }

    private static Invocation parse(String... words) {
        return CommandLineParser.parse(argv(words));
    }

    private static String error(String... words) {
        return String.valueOf(assertThrows(CommandLineException.class, () -> CommandLineParser.parse(argv(words)))
                .getMessage());
    }

    private static List<String> argv(String... words) {
        List<String> argv = new ArrayList<>(List.of("berth"));
        argv.addAll(List.of(words));
        return argv;
    }
}
