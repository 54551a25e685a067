package org.berth.command;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.berth.host.LauncherDescriptors;

/**
 * Runs what an AOT cache shall know, in one JVM. A JVM loads all classes of its cache at each start, so that the cache of the short
 * profile knows launches and nothing else.
 */
final class Training {
    private static final String IMAGE = "train.sif";

    private Training() {}

    /**
     * Runs the commands of a profile.
     *
     * @param profile {@code long}, which makes an image in the directory, or {@code short}, which launches it afterwards
     * @param work a directory that is the caller's to remove
     */
    static void run(String profile, Path work) throws IOException {
        String sif = work.resolve(IMAGE).toString();
        if (profile.equals("short")) {
            launches(sif).forEach(command -> run(command, work));
            return;
        }
        try (TrainingRegistry registry = new TrainingRegistry()) {
            for (List<String> command : List.of(
                    List.of("--quiet", "pull", "--disable-cache", sif, registry.image()),
                    List.of("--quiet", "pull", "--force", sif, registry.image()),
                    List.of("--quiet", "exec", sif, "true"),
                    List.of("--quiet", "build", "--force", sif + ".2", sif),
                    List.of("--quiet", "cache", "list"))) {
                run(command, work);
            }
        }
    }

    private static List<List<String>> launches(String sif) {
        return List.of(
                List.of("--version"),
                List.of("--quiet", "exec", sif, "true"),
                List.of("--quiet", "exec", "--bind", "/tmp:/mnt", "--env", "A=b", "/", "true"),
                List.of("--quiet", "run", "--contain", "/"),
                List.of("--quiet", "shell", sif),
                List.of("--quiet", "hold", "--ready-fd=3", "--release-fd=4", "--", sif));
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
