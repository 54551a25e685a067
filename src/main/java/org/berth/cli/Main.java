package org.berth.cli;

import io.quarkus.runtime.annotations.QuarkusMain;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.berth.error.BerthException;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.berth.launcher.FactsReader;
import org.berth.launcher.PlanChannel;

/**
 * The planner: the launcher starts it with the caller's facts, and performs what it hands back.
 *
 * <p>It boots Quarkus only for help, completion and usage errors, where picocli's model is needed; everything else starts
 * in a fraction of that time without.
 */
@QuarkusMain
public final class Main {
    private Main() {}

    public static void main(String[] args) throws IOException {
        if (args.length > 0 && args[0].equals("--train")) {
            Training.run();
            return;
        }
        String descriptor = System.getenv("BERTH_FACTS_FD");
        if (descriptor == null) {
            System.err.println("FATAL:   this is Berth's planner; the program to run is bin/berth");
            Runtime.getRuntime().halt(255);
            return;
        }
        int status;
        try {
            Facts facts = FactsReader.parse(Files.readAllBytes(Path.of("/proc/self/fd", descriptor)));
            status = new Program(new Host(facts), PlanChannel.ofEnvironment()).run();
        } catch (BerthException e) {
            new Messages(System.err, Messages.NORMAL, false).fatal(e);
            status = Program.FAILURE;
        }
        System.out.flush();
        System.err.flush();
        Runtime.getRuntime().halt(status);
    }
}
