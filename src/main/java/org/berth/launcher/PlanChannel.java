package org.berth.launcher;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.berth.error.HostException;
import org.berth.launch.LaunchPlan;

/** Where the launcher waits for a plan. */
public final class PlanChannel {
    private final Path path;

    public PlanChannel(Path path) {
        this.path = path;
    }

    /** The descriptor that the launcher names in {@code BERTH_PLAN_FD}. */
    public static PlanChannel ofEnvironment() {
        String descriptor = System.getenv("BERTH_PLAN_FD");
        if (descriptor == null) {
            throw new HostException("the launcher gave no descriptor for the plan");
        }
        return new PlanChannel(Path.of("/proc/self/fd", descriptor));
    }

    public void write(LaunchPlan plan) {
        try (OutputStream out = Files.newOutputStream(path)) {
            out.write(PlanWriter.bytes(plan));
        } catch (IOException e) {
            throw new HostException("could not hand the plan to the launcher: " + e.getMessage(), e);
        }
    }
}
