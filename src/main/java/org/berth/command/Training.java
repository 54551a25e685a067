package org.berth.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.berth.files.Trees;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.berth.host.LauncherDescriptors;

/**
 * Runs what the AOT cache shall know, in one JVM: launches, a pull from a registry of our own, and the commands that look.
 *
 * <p>Nothing is left but what it writes into a temporary directory, which is removed.
 */
final class Training {
    private Training() {}

    static void run() throws IOException {
        Path work = Files.createTempDirectory("berth-train-");
        try (TrainingRegistry registry = new TrainingRegistry()) {
            String sif = work.resolve("train.sif").toString();
            for (List<String> command : List.of(
                    List.of("--version"),
                    List.of("--quiet", "pull", "--disable-cache", sif, registry.image()),
                    List.of("--quiet", "pull", "--force", sif, registry.image()),
                    List.of("--quiet", "exec", sif, "true"),
                    List.of("--quiet", "exec", "--bind", "/tmp:/mnt", "--env", "A=b", "/", "true"),
                    List.of("--quiet", "run", "--contain", "/"),
                    List.of("--quiet", "cache", "list"))) {
                run(command, work);
            }
        } finally {
            Trees.remove(work);
        }
    }

    private static void run(List<String> command, Path work) {
        List<String> argv = new ArrayList<>(List.of("berth"));
        argv.addAll(command);
        Facts facts = new Facts(
                argv,
                Map.of(
                        "PATH",
                        "/usr/bin:/bin",
                        "APPTAINER_CACHEDIR",
                        work.toString(),
                        "APPTAINER_TMPDIR",
                        work.toString()),
                1000,
                1000,
                List.of(1000),
                new Facts.Account("user", "", "/home/user", "/bin/sh"),
                Map.of(1000, "user"),
                work,
                true,
                022,
                false,
                false,
                Path.of("/usr/local"),
                "host",
                System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x86_64");
        new Program(new Host(facts), LauncherDescriptors.nowhere()).run();
    }
}
