package org.berth.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.berth.host.LauncherDescriptors;

/** Runs what the AOT cache shall know, in one JVM, without any effect outside. */
final class Training {
    private Training() {}

    static void run() {
        Path prefix = Path.of(System.getProperty("berth.train.prefix", "/usr/local"));
        for (List<String> argv : List.of(
                List.of("berth", "--version"),
                List.of("berth", "--quiet", "exec", "--bind", "/tmp:/mnt", "--env", "A=b", "/", "true"),
                List.of("berth", "--quiet", "run", "--contain", "/"),
                List.of("berth", "--quiet", "cache", "list"))) {
            Facts facts = new Facts(
                    argv,
                    Map.of(
                            "PATH",
                            "/usr/bin:/bin",
                            "APPTAINER_CACHEDIR",
                            "/nonexistent/berth",
                            "SINGULARITYENV_A",
                            "b"),
                    1000,
                    1000,
                    List.of(1000),
                    new Facts.Account("user", "", "/home/user", "/bin/sh"),
                    Map.of(1000, "user"),
                    Path.of("/"),
                    022,
                    false,
                    false,
                    prefix,
                    "host",
                    "x86_64");
            new Program(new Host(facts), LauncherDescriptors.nowhere()).run();
        }
    }
}
