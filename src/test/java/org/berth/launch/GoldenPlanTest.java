package org.berth.launch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.berth.config.SiteConfig;
import org.berth.devices.GpuFacts;
import org.berth.devices.GpuFixtures;
import org.berth.gather.PlannedCommands;
import org.berth.launcher.PlanWriter;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * A command line, a host and a site give a plan: the lists of operations in src/test/resources/plans are for a reader, and
 * the {@code .plan} beside each is what the launcher reads (src/test/c reads them too).
 *
 * <p>After a change that is meant, {@code -Dplans.write=true} writes them anew; the difference is what a reviewer reads.
 */
class GoldenPlanTest {
    private static final Path FOLDER = Path.of("src/test/resources/plans");

    private static final Map<String, List<String>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("exec-sandbox", List.of("exec", "/images/box", "id", "-u"));
        COMMANDS.put("run-sif", List.of("run", "/images/app.sif", "one", "two"));
        COMMANDS.put("shell-contained", List.of("shell", "--contain", "/images/app.sif"));
        COMMANDS.put("exec-compat", List.of("exec", "--compat", "/images/app.sif", "true"));
        COMMANDS.put("exec-pid", List.of("exec", "--pid", "/images/app.sif", "true"));
        COMMANDS.put(
                "exec-binds",
                List.of(
                        "exec",
                        "--bind",
                        "/data/deep/er:/mnt/a/b/c,/data:/mnt/a:ro",
                        "--mount",
                        "type=bind,src=/data/file,dst=/etc/app.conf,ro",
                        "/images/app.sif",
                        "true"));
        COMMANDS.put(
                "exec-workdir",
                List.of("exec", "-c", "-W", "/data/work", "-S", "/scratch/x", "/images/app.sif", "true"));
        COMMANDS.put("exec-home", List.of("exec", "--no-mount", "tmp,cwd", "--no-umask", "/images/app.sif", "true"));
        COMMANDS.put(
                "exec-environment",
                List.of(
                        "exec",
                        "--cleanenv",
                        "--env",
                        "A=$(date)",
                        "--env",
                        "Q=say \"hi\" \\",
                        "--no-eval=false",
                        "/images/app.sif",
                        "true"));
        COMMANDS.put(
                "exec-literal", List.of("exec", "--no-eval", "--env", "A=it's $(date)", "/images/app.sif", "true"));
        COMMANDS.put("exec-writable", List.of("exec", "--writable", "/images/box", "touch", "/x"));
        COMMANDS.put("exec-network", List.of("exec", "--net", "--hostname", "node", "/images/app.sif", "true"));
        COMMANDS.put("run-app", List.of("run", "--app", "foo", "/images/app.sif"));
    }

    @TestFactory
    Stream<DynamicTest> everyCommandGivesItsPlan() {
        return COMMANDS.entrySet().stream()
                .map(command -> DynamicTest.dynamicTest(
                        command.getKey(), () -> compare(command.getKey(), PlannedCommands.plan(command.getValue()))));
    }

    /** On a node with four GPUs, in a step that was given two of them on a cluster that does not constrain devices. */
    @TestFactory
    Stream<DynamicTest> everyCommandWithGpusGivesItsPlan() {
        Map<String, String> step = Map.of(
                "PATH", "/usr/bin:/bin", "SLURM_JOB_ID", "7", "SLURM_STEP_GPUS", "0,1", "CUDA_VISIBLE_DEVICES", "0,1");
        GpuFacts gpus = GpuFixtures.node(step, Set.of(0, 1, 2, 3));
        Map<String, List<String>> commands = new LinkedHashMap<>();
        commands.put("gpu-step", List.of("exec", "/images/app.sif", "true"));
        commands.put("gpu-contained", List.of("exec", "--nv", "--contain", "--cleanenv", "/images/app.sif", "true"));
        commands.put("gpu-sandbox", List.of("exec", "--nv", "--writable", "/images/box", "true"));
        commands.put("gpu-off", List.of("exec", "--no-nv", "--no-rocm", "/images/app.sif", "true"));
        return commands.entrySet().stream()
                .map(command -> DynamicTest.dynamicTest(
                        command.getKey(),
                        () -> compare(
                                command.getKey(),
                                PlannedCommands.plan(command.getValue(), step, 1001, SiteConfig.DEFAULTS, gpus))));
    }

    /** The holders of Slurm's steps: in a kept container, as root, joining one that runs. */
    @TestFactory
    Stream<DynamicTest> everyHolderGivesItsPlan() {
        LaunchRequest.Lease lease = new LaunchRequest.Lease("box", Path.of("/var/tmp/berth-1001/box/lock"), true);
        LaunchRequest.Layer layer = new LaunchRequest.Layer(
                Path.of("/var/tmp/berth-1001/box/upper"), Path.of("/var/tmp/berth-1001/box/work"), true, lease);
        Op.Join join = new Op.Join(lease.file(), 4711, 123456, "box");
        Map<String, LaunchPlan> plans = new LinkedHashMap<>();
        plans.put("hold-named", PlannedCommands.held(List.of("hold", "/images/app.sif"), Optional.of(layer)));
        plans.put(
                "hold-named-root",
                PlannedCommands.held(List.of("hold", "--remap-root", "/images/app.sif"), Optional.of(layer)));
        plans.put(
                "hold-root",
                PlannedCommands.held(List.of("hold", "--remap-root", "/images/app.sif"), Optional.empty()));
        plans.put("hold-join", PlannedCommands.joined(List.of("hold", "/images/app.sif"), join));
        return plans.entrySet().stream()
                .map(plan -> DynamicTest.dynamicTest(plan.getKey(), () -> compare(plan.getKey(), plan.getValue())));
    }

    private static void compare(String name, LaunchPlan plan) throws IOException {
        String text = PlanWriter.text(withoutScript(plan))
                + plan.notes().stream()
                        .map(note -> "# " + note.level() + " " + note.text() + "\n")
                        .reduce("", String::concat);
        Path expected = FOLDER.resolve(name + ".txt");
        Path binary = FOLDER.resolve(name + ".plan");
        if (Boolean.getBoolean("plans.write")) {
            Files.writeString(expected, text);
            Files.write(binary, PlanWriter.bytes(plan));
        }
        assertEquals(Files.readString(expected), text);
        assertArrayEquals(Files.readAllBytes(binary), PlanWriter.bytes(plan));
    }

    /** The environment script is one text in all plans; it would hide what differs. */
    private static LaunchPlan withoutScript(LaunchPlan plan) {
        return new LaunchPlan(
                plan.ops().stream()
                        .map(op -> op instanceof Op.EnvironmentOfImage image
                                ? new Op.EnvironmentOfImage(image.shell(), "SCRIPT", image.name(), image.variables())
                                : op)
                        .toList(),
                plan.notes());
    }
}
