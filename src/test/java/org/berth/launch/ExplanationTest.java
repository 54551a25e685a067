package org.berth.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.berth.config.SiteConfig;
import org.berth.devices.GpuFixtures;
import org.berth.gather.PlannedCommands;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What {@code --explain} says of a command line; the texts in src/test/resources/explanations are for a reader, and
 * {@code -Dplans.write=true} writes them anew.
 *
 * <p>On a node with four GPUs, in a step that was given two of them.
 */
class ExplanationTest {
    private static final Path FOLDER = Path.of("src/test/resources/explanations");
    private static final Map<String, String> STEP = Map.of(
            "PATH", "/usr/bin:/bin", "SLURM_JOB_ID", "7", "SLURM_STEP_GPUS", "0,1", "CUDA_VISIBLE_DEVICES", "0,1");
    private static final Map<String, String> NO_GPUS = Map.of("PATH", "/usr/bin:/bin", "SLURM_JOB_ID", "7");

    /** A command line and where it is given. */
    private record Case(List<String> words, Map<String, String> environment, Lifetime lifetime, Set<Integer> allowed) {}

    @TestFactory
    Stream<DynamicTest> everyCommandIsExplained() {
        Lifetime held = new Lifetime.Held(3, 4);
        Lifetime foreground = new Lifetime.Foreground();
        Map<String, Case> cases = new LinkedHashMap<>();
        cases.put("step", new Case(List.of("hold", "/images/app.sif"), NO_GPUS, held, Set.of()));
        cases.put(
                "step-options",
                new Case(
                        List.of(
                                "hold",
                                "--mounts=/data/file:/etc/app.conf:ro,tmpfs:/fresh,umount:/tmp",
                                "--writable-tmpfs",
                                "--unshare=ipc",
                                "--keep-env=LANG",
                                "--env=TOKEN=secret",
                                "--step-dir=/data/spool/pmix.7.0",
                                "/images/box"),
                        Map.of("PATH", "/usr/bin:/bin", "LANG", "C"),
                        held,
                        Set.of()));
        cases.put("step-gpus", new Case(List.of("hold", "/images/app.sif"), STEP, held, Set.of(0, 1)));
        cases.put(
                "step-gpus-contained",
                new Case(List.of("hold", "--contain", "/images/app.sif"), STEP, held, Set.of(0, 1)));
        cases.put(
                "exec-gpus-contained",
                new Case(
                        List.of("exec", "--contain", "/images/app.sif", "true"),
                        Map.of(
                                "PATH",
                                "/usr/bin:/bin",
                                "SLURM_JOB_ID",
                                "7",
                                "SLURM_STEP_GPUS",
                                "2,3",
                                "CUDA_VISIBLE_DEVICES",
                                "2,3"),
                        foreground,
                        Set.of(0, 1, 2, 3)));
        return cases.entrySet().stream()
                .map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> compare(entry.getKey(), entry.getValue())));
    }

    private static void compare(String name, Case asked) throws IOException {
        String text = String.join(
                        "\n",
                        PlannedCommands.explanation(
                                asked.words(),
                                asked.environment(),
                                SiteConfig.DEFAULTS,
                                GpuFixtures.node(asked.environment(), asked.allowed()),
                                asked.lifetime()))
                + "\n";
        Path expected = FOLDER.resolve(name + ".txt");
        if (Boolean.getBoolean("plans.write")) {
            Files.createDirectories(FOLDER);
            Files.writeString(expected, text);
        }
        assertEquals(Files.readString(expected), text);
    }
}
