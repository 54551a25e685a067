package org.berth.command;

import io.quarkus.runtime.annotations.QuarkusMain;
import java.nio.file.Path;
import java.util.Optional;
import org.berth.cli.ExitStatus;
import org.berth.error.BerthException;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.berth.host.LauncherDescriptors;
import org.berth.launcher.FactsReader;
import org.berth.terminal.Messages;

/**
 * The planner: the launcher starts it with the caller's facts, and performs what it hands back.
 *
 * <p>It boots Quarkus only for help, completion and usage errors, where picocli's model is needed; everything else starts
 * in a fraction of that time without.
 */
@QuarkusMain
public final class Main {
    private Main() {}

    public static void main(String[] args) throws java.io.IOException {
        if (args.length > 0 && args[0].equals("--train")) {
            Training.run(args[1], Path.of(args[2]));
            return;
        }
        Optional<LauncherDescriptors> launcher = LauncherDescriptors.inherited();
        if (launcher.isEmpty()) {
            System.err.println("FATAL:   this is Berth's planner; the program to run is bin/berth");
            Runtime.getRuntime().halt(ExitStatus.FAILURE);
        }
        int status;
        try {
            Facts facts = FactsReader.parse(launcher.orElseThrow().readFacts());
            status = new Program(new Host(facts), launcher.orElseThrow()).run();
        } catch (BerthException e) {
            new Messages(System.err, Messages.NORMAL, false).fatal(e);
            status = ExitStatus.FAILURE;
        }
        System.out.flush();
        System.err.flush();
        Runtime.getRuntime().halt(status == ExitStatus.USAGE ? LauncherDescriptors.STATUS_USAGE : status);
    }
}
