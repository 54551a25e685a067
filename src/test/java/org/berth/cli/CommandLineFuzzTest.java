package org.berth.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.berth.config.SiteConfig;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.berth.gather.BindText;
import org.berth.gather.MountText;
import org.berth.gather.PlannedCommands;
import org.berth.gather.ShellVariables;
import org.berth.host.Host;
import org.berth.launch.LaunchPlan;
import org.berth.launcher.PlanWriter;
import org.junit.jupiter.api.Test;

/** Command lines, variables and the texts in them as nobody would type them, up to the plan. */
class CommandLineFuzzTest {
    private static final List<String> COMMANDS =
            OptionTable.COMMANDS.stream().map(CommandSpec::name).toList();
    private static final List<String> VALUES = List.of(
            "",
            "/a",
            "/a:/b",
            "/a:/b:ro",
            "a=b",
            "K=V,L=W",
            "K=",
            "=V",
            "=",
            ",",
            ":",
            "::",
            "none",
            "true",
            "false",
            "1",
            "-1",
            "--",
            "-",
            "image.sif",
            "type=bind,src=/a,dst=/b",
            "/bad\udcff/x",
            "é",
            "\udc80",
            "$HOME",
            "'",
            "\"",
            "\\",
            "a b",
            "tmp,proc",
            "9".repeat(30),
            "/" + "d/".repeat(3000));
    private static final List<String> BIND = List.of(
            "/a",
            ":",
            "/b",
            ",",
            "ro",
            "rw",
            "\\",
            "\\:",
            "\\,",
            "\"",
            "type=bind",
            "source=",
            "src=",
            "destination=",
            "dst=",
            "target=",
            "readonly",
            "image-src=",
            "id=",
            "bind-propagation=",
            "=",
            "..",
            "../",
            "tmpfs",
            "umount",
            "+",
            "x-create=dir",
            "private",
            "\udcff",
            "\n",
            " ");

    @Test
    void commandLines() {
        Fuzz.of("command-line").cases(3000).run(random -> {
            List<String> words = new ArrayList<>(List.of("berth"));
            words.addAll(words(Mutation.one(COMMANDS, random), random));
            refusedAsUsual(() -> {
                Invocation invocation = CommandLineParser.parse(words);
                HoldOptions.expanded(invocation);
                assertTrue(invocation.operandsAt() <= words.size());
            });
        });
    }

    /** What an ordinary user types, up to the words that the launcher reads. */
    @Test
    void plans() {
        Fuzz.of("plan").cases(300).run(random -> {
            String command = Mutation.one(List.of("exec", "run", "shell", "test"), random);
            List<String> words = words(command, random);
            words.removeIf(word -> word.contains("env-file"));
            words.set(0, command);
            words.add("--");
            words.add("image.sif");
            words.add(Mutation.one(VALUES, random));
            Map<String, String> environment = Map.of(
                    "PATH",
                    "/bin",
                    "APPTAINER_BIND",
                    Mutation.text(BIND, 8, random),
                    "SINGULARITYENV_X",
                    Mutation.text(BIND, 3, random),
                    "APPTAINERENV_" + Mutation.one(VALUES, random),
                    "y",
                    "SINGULARITY_MOUNT",
                    Mutation.text(BIND, 4, random));
            refusedAsUsual(() -> {
                List<String> typed = new ArrayList<>(List.of("berth"));
                typed.addAll(words);
                Invocation invocation = CommandLineParser.parse(typed);
                if (!invocation.command().name().equals(command)) {
                    return;
                }
                // As the image is looked for before.
                new Host(PlannedCommands.facts(words, environment, 1001))
                        .path(invocation.operands().getFirst());
                LaunchPlan plan = PlannedCommands.plan(words, environment, 1001, SiteConfig.DEFAULTS);
                requireWords(PlanWriter.bytes(plan));
                PlanWriter.text(plan);
            });
        });
    }

    /** As the launcher reads them: a name, a number, and so many words. */
    private static void requireWords(byte[] plan) {
        String[] words = new String(plan, StandardCharsets.ISO_8859_1).split("\0", -1);
        int at = 2;
        while (!words[at].equals("end")) {
            at += 2 + Integer.parseInt(words[at + 1]);
        }
        assertEquals(words.length - 2, at, "nothing follows the end");
    }

    private static List<String> words(String command, RandomGenerator random) {
        List<String> words = new ArrayList<>();
        Optional<CommandSpec> spec = OptionTable.command(command);
        words.addAll(List.of((random.nextInt(16) == 0 ? Mutation.one(VALUES, random) : command).split(" ")));
        List<Option> options = spec.map(CommandSpec::options).orElse(List.of());
        for (int left = Mutation.few(8, random); left > 0 && !options.isEmpty(); left--) {
            Option option = Mutation.one(options, random);
            boolean letter = option.letter() != ' ' && random.nextBoolean();
            String name = letter ? "-" + option.letter() : "--" + option.name();
            String value = random.nextBoolean() ? Mutation.one(VALUES, random) : Mutation.text(BIND, 6, random);
            switch (random.nextInt(option.kind() == Option.Kind.FLAG ? 8 : 4)) {
                case 0 -> words.addAll(List.of(name, value));
                case 1 -> words.add(name + "=" + value);
                case 2 -> words.add(name + value);
                case 3 -> words.add(Mutation.text(name + "=" + value, VALUES, random));
                default -> words.add(name);
            }
        }
        if (random.nextBoolean()) {
            for (int left = random.nextInt(4); left > 0; left--) {
                words.add(Mutation.one(VALUES, random));
            }
        }
        // No argument of a program holds a NUL.
        words.replaceAll(word -> word.replace("\0", ""));
        return words;
    }

    @Test
    void bindsAndMounts() {
        Fuzz.of("bind").cases(3000).run(random -> {
            Host host = new Host(PlannedCommands.facts(List.of(), Map.of(), 1001));
            List<String> items = OptionValues.commaList(Mutation.text(BIND, 12, random));
            for (var bind : BindText.binds(items, host)) {
                requireClean(bind.target());
            }
            MountText.parse(items, host).binds().forEach(bind -> requireClean(bind.target()));
        });
        Fuzz.of("mount").cases(3000).run(random -> {
            Host host = new Host(PlannedCommands.facts(List.of(), Map.of(), 1001));
            requireClean(BindText.mount(Mutation.text("type=bind,src=/a,dst=/b", BIND, random), host)
                    .target());
        });
    }

    private static void requireClean(java.nio.file.Path target) {
        assertTrue(target.isAbsolute() && target.equals(target.normalize()), target.toString());
    }

    /** What shells print of their variables, and the text of {@code --options}. */
    @Test
    void shellTexts() {
        List<String> words = List.of(
                "export ",
                "export A=",
                "A=",
                "'",
                "\"",
                "$'",
                "\\",
                "\\'",
                "\\n",
                "\\x",
                "\\777",
                "\\0",
                "\n",
                "=",
                " ",
                "\udcff",
                "a",
                "$");
        Fuzz.of("export-p")
                .cases(3000)
                .run(random -> ShellVariables.parse(
                        random.nextBoolean()
                                ? Mutation.text(words, 40, random)
                                : Mutation.text(
                                        "export A='b'\nexport C=$'d\\n\\303'\nexport E\nexport F=\"g\"'h'\n",
                                        words,
                                        random)));
        Fuzz.of("options-words").cases(3000).run(random -> {
            String text = Mutation.text(words, 30, random);
            assertFalse(HoldOptions.words(text).size() > text.length());
        });
    }

    private interface Running {
        void run();
    }

    private static void refusedAsUsual(Running running) {
        try {
            running.run();
        } catch (CommandLineException e) {
            assertFalse(String.valueOf(e.getMessage()).isBlank());
        }
    }
}
