package org.berth.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.mock;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.berth.cli.CommandLineException;
import org.berth.cli.CommandLineParser;
import org.berth.cli.Invocation;
import org.berth.cli.OptionEnvironment;
import org.berth.config.SiteConfig;
import org.berth.config.SiteConfigReader;
import org.berth.error.BerthException;
import org.berth.gather.Images;
import org.berth.gather.LaunchHosts;
import org.berth.gather.LaunchRequests;
import org.berth.gather.Listener;
import org.berth.image.RunnableImage;
import org.berth.launch.LaunchPlan;
import org.berth.launch.LaunchPlanner;
import org.berth.launch.LaunchRequest;
import org.berth.launch.Lifetime;
import org.berth.launch.Note;
import org.berth.launcher.PlanWriter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every look of a launch goes through {@link Host}: planning a second time from the answers alone, without the machine, gives the
 * same plan. Random command lines for an image in a directory, on this machine.
 */
class RecordedLooksTest {
    private static final int CASES = 400;

    @TempDir
    Path temporary;

    private Path directory = Path.of("/");

    private final RandomGenerator random =
            RandomGeneratorFactory.of("L64X128MixRandom").create(Long.getLong("berth.seed", 20261201));

    @BeforeEach
    void aSmallWorld() throws IOException {
        directory = temporary.resolve("world");
        for (String name : List.of("image/bin", "image/.singularity.d/env", "image/opt", "data/in", "home", "run")) {
            Files.createDirectories(directory.resolve(name));
        }
        Files.writeString(directory.resolve("image/.singularity.d/runscript"), "#!/bin/sh\n");
        Files.writeString(directory.resolve("file"), "text");
        Files.writeString(directory.resolve("variables"), "A=1\nB='two words'\n");
        Files.createSymbolicLink(directory.resolve("link"), Path.of("data"));
        Files.createSymbolicLink(directory.resolve("nowhere"), Path.of("gone"));
    }

    private List<String> words() {
        List<List<String>> options = List.of(
                List.of("--contain"),
                List.of("--containall"),
                List.of("--compat"),
                List.of("--cleanenv"),
                List.of("--no-home"),
                List.of("--no-mount", "tmp,bind-paths"),
                List.of("--bind", directory + "/data:/data"),
                List.of("--bind", directory + "/link:/opt/x:ro," + directory + "/file"),
                List.of("--bind", directory + "/nowhere:/mnt"),
                List.of("--mount", "type=bind,src=" + directory + "/file,dst=/etc/file"),
                List.of("--home", directory + "/home:/home/me"),
                List.of("--home", "/nosuch/home"),
                List.of("--workdir", directory + "/run"),
                List.of("--scratch", "/scratch"),
                List.of("--cwd", "/data/in"),
                List.of("--env", "A=b"),
                List.of("--hostname", "box"),
                List.of("--dns", "10.0.0.1"),
                List.of("--nv"),
                List.of("--rocm"),
                List.of("--writable-tmpfs"),
                List.of("--writable"),
                List.of("--pid"),
                List.of("--net"));
        List<String> words = new ArrayList<>(List.of("berth", "exec"));
        for (int i = random.nextInt(6); i > 0; i--) {
            words.addAll(options.get(random.nextInt(options.size())));
        }
        words.addAll(List.of(directory + (random.nextInt(10) == 0 ? "/nosuch" : "/image"), "true"));
        return words;
    }

    private Map<String, String> environment() {
        Map<String, String> environment = new HashMap<>(Map.of("PATH", "/usr/bin:/bin", "my.dot", "1"));
        if (random.nextBoolean()) {
            environment.put("APPTAINER_BIND", directory + "/data/in:/in");
        }
        if (random.nextBoolean()) {
            environment.put("APPTAINERENV_X", "$PATH");
        }
        if (random.nextInt(4) == 0) {
            environment.put("APPTAINER_CONTAIN", "1");
        }
        return environment;
    }

    private Facts facts(List<String> words, Map<String, String> environment) {
        return new Facts(
                words,
                environment,
                1001,
                1001,
                List.of(1001),
                new Facts.Account("alice", "Alice", directory + "/home", "/bin/bash"),
                Map.of(1001, "alice"),
                directory.resolve(random.nextBoolean() ? "run" : "link"),
                true,
                022,
                false,
                false,
                Path.of("/opt/berth"),
                "node1",
                "x86_64");
    }

    /** The plan and what was said, or why there is none. */
    private static String planned(Host host) {
        List<Note> notes = new ArrayList<>();
        try {
            Invocation invocation =
                    OptionEnvironment.apply(CommandLineParser.parse(host.facts().argv()), host, notes);
            SiteConfig site = SiteConfigReader.read(host, Optional.empty());
            LaunchRequest request = LaunchRequests.of(
                    LaunchRequest.Action.EXEC, new Lifetime.Foreground(), invocation, host, site, 1, notes);
            RunnableImage image = new Images(invocation, host, site, mock(Listener.class))
                    .runnable(invocation.operands().getFirst());
            LaunchPlan plan = LaunchPlanner.plan(request, image, LaunchHosts.of(host, site, request, image), site);
            notes.addAll(plan.notes());
            return PlanWriter.text(plan) + notes;
        } catch (BerthException | CommandLineException e) {
            return "refused: " + e.getMessage() + notes;
        }
    }

    @Test
    void aSecondPlanFromTheAnswersAloneIsTheSame() throws IOException {
        int plans = 0;
        for (int i = 0; i < CASES; i++) {
            List<String> words = words();
            Facts facts = facts(words, environment());
            Answers.WrittenDown answers = new Answers.WrittenDown();
            Host host = new Host(facts, answers);
            String first = planned(host);
            // Whoever looks past the door sees another world now.
            answers.close();
            Files.move(directory, temporary.resolve("gone"));
            Host again = new Host(facts, answers);
            assertEquals(first, planned(again), () -> String.join(" ", words));
            Files.move(temporary.resolve("gone"), directory);
            assertEquals(host.observations(), again.observations(), () -> String.join(" ", words));
            assertFalse(host.observations().isEmpty());
            plans += first.startsWith("refused") ? 0 : 1;
        }
        assertTrue(plans > CASES / 3, "only " + plans + " were plans");
    }
}
