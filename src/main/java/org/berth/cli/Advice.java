package org.berth.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.berth.error.Nearest;

/** What was probably meant by a command line that is not understood: a typing error, another program's habit, a wrong place. */
final class Advice {
    private static final Pattern COMMAND = Pattern.compile("unknown command \"([^\"]*)\"");
    private static final Pattern GROUP = Pattern.compile("Error for command \"([^\"]*)\": invalid command");
    private static final Pattern FLAG = Pattern.compile("unknown flag: --(.+)");
    private static final Pattern LETTER = Pattern.compile("unknown shorthand flag: '(.)' in (.+)");
    private static final Pattern IMAGE_FILE = Pattern.compile(".*\\.(sif|sqsh|sqfs|squashfs|img)");

    /** Commands of Docker, Podman and Singularity. */
    private static final Map<String, String> COMMANDS = Map.ofEntries(
            Map.entry("login", "berth registry login docker://HOST"),
            Map.entry("logout", "berth registry logout docker://HOST"),
            Map.entry("images", "berth cache list"),
            Map.entry("image", "berth cache list"),
            Map.entry("rmi", "berth cache clean"),
            Map.entry("prune", "berth cache gc"),
            Map.entry("ps", "berth container list"),
            Map.entry("rm", "berth container remove NAME"),
            Map.entry("commit", "berth container save NAME FILE.sif"),
            Map.entry("import", "berth build FILE.sif docker-archive:FILE.tar"),
            Map.entry("load", "berth build FILE.sif docker-archive:FILE.tar"));

    /** Options of Docker, Podman, pyxis and older programs; what is needless here is empty. */
    private static final Map<String, String> FLAGS = Map.ofEntries(
            Map.entry("volume", "--bind SRC:DST"),
            Map.entry("container-mounts", "--bind SRC:DST"),
            Map.entry("gpus", "--nv"),
            Map.entry("container-workdir", "--cwd DIR"),
            Map.entry("container-image", "the image as the first word after the options"),
            Map.entry("nohttps", "--no-https"),
            Map.entry("user", "--fakeroot for root; any other one is the caller"),
            Map.entry("privileged", "--fakeroot"),
            Map.entry(
                    "read-only",
                    "nothing: the image is read-only unless --writable-tmpfs or --writable says otherwise"),
            Map.entry("entrypoint", "exec IMAGE PROGRAM"),
            Map.entry("detach", "exec in the background of the shell"),
            Map.entry("rm", ""),
            Map.entry("interactive", ""),
            Map.entry("tty", ""));

    private Advice() {}

    /**
     * Lines to be shown below the message, each whole in itself; none if nothing is known.
     *
     * @param message of a {@link CommandLineException}
     * @param command that the message is about, if it is about one
     */
    static List<String> of(String message, Optional<CommandSpec> command) {
        Matcher unknown = COMMAND.matcher(message);
        if (unknown.find()) {
            return ofCommand(unknown.group(1));
        }
        Matcher group = GROUP.matcher(message);
        if (group.find()) {
            return ofGroup(group.group(1));
        }
        Matcher flag = FLAG.matcher(message);
        if (flag.find()) {
            return command.map(known -> ofFlag(flag.group(1), known))
                    .orElseGet(() -> similar(flag.group(1), OptionTable.GLOBAL));
        }
        Matcher letter = LETTER.matcher(message);
        return letter.find() && command.isPresent()
                ? ofLetter(letter.group(1).charAt(0), letter.group(2), command.orElseThrow())
                : List.of();
    }

    private static List<String> ofCommand(String word) {
        if (COMMANDS.containsKey(word)) {
            return List.of("Here that is: " + COMMANDS.get(word));
        }
        if (IMAGE_FILE.matcher(word).matches() || word.contains("://")) {
            return List.of("Is that an image? berth run %s".formatted(word));
        }
        return didYouMean(
                word,
                "",
                OptionTable.COMMANDS.stream()
                        .filter(c -> !c.hidden())
                        .map(c -> c.name().split(" ")[0])
                        .distinct());
    }

    private static List<String> ofGroup(String group) {
        List<String> lines = new ArrayList<>();
        lines.add("Its commands are:");
        OptionTable.COMMANDS.stream()
                .filter(c -> c.name().startsWith(group + " "))
                .forEach(c -> lines.add("\t%-24s %s".formatted("berth " + c.name(), c.summary())));
        return lines.size() > 1 ? List.of(String.join("\n", lines)) : List.of();
    }

    private static List<String> ofFlag(String name, CommandSpec command) {
        Optional<Option> global = OptionTable.GLOBAL.stream()
                .filter(option -> option.name().equals(name))
                .findFirst();
        if (global.isPresent()) {
            return List.of(beforeTheCommand("--" + name, global.orElseThrow(), command));
        }
        if (FLAGS.containsKey(name)) {
            String here = FLAGS.get(name);
            return List.of(
                    here.isEmpty()
                            ? "Leave --%s out: a container has your terminal and your standard input, and nothing of it is left"
                                    .formatted(name)
                            : "Instead of --%s: %s".formatted(name, here));
        }
        List<String> close = similar(name, command.options());
        if (!close.isEmpty()) {
            return close;
        }
        List<String> others = OptionTable.COMMANDS.stream()
                .filter(other -> !other.hidden())
                .filter(other -> other.options().stream()
                        .anyMatch(option -> option.name().equals(name) && !option.hidden()))
                .map(CommandSpec::name)
                .toList();
        return others.isEmpty()
                ? List.of()
                : List.of("--%s is an option of %s, not of %s"
                        .formatted(name, String.join(", ", others), command.name()));
    }

    private static List<String> ofLetter(char letter, String word, CommandSpec command) {
        if (letter == 't' && (word.equals("-it") || word.equals("-ti") || word.equals("-t"))) {
            return List.of("Leave %s out: a container has your terminal and your standard input".formatted(word));
        }
        List<String> lines = new ArrayList<>();
        if (letter == 'v') {
            lines.add("Docker's -v SRC:DST is --bind SRC:DST");
        }
        OptionTable.GLOBAL.stream()
                .filter(option -> option.letter() == letter)
                .findFirst()
                .ifPresent(option -> lines.add(beforeTheCommand("-" + letter, option, command)));
        return lines;
    }

    private static String beforeTheCommand(String typed, Option option, CommandSpec command) {
        return "%s (%s) stands before the command: berth %s%s %s"
                .formatted(
                        typed,
                        option.help(),
                        typed,
                        option.argument().isEmpty() ? "" : " " + option.argument(),
                        command.name());
    }

    private static List<String> similar(String name, List<Option> options) {
        return didYouMean(
                name, "--", options.stream().filter(option -> !option.hidden()).map(Option::name));
    }

    private static List<String> didYouMean(String word, String dashes, Stream<String> names) {
        List<String> close =
                Nearest.of(word, names).stream().map(name -> dashes + name).toList();
        return close.isEmpty() ? List.of() : List.of("Did you mean this?\n\t" + String.join("\n\t", close));
    }
}
