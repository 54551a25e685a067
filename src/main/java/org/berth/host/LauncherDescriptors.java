package org.berth.host;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.files.Reason;

/** The two memory files of the launcher: the facts that it tells, and the room for the plan that it waits for. */
public final class LauncherDescriptors {
    private final Path facts;
    private final Path plan;

    private LauncherDescriptors(Path facts, Path plan) {
        this.facts = facts;
        this.plan = plan;
    }

    /** Those of {@code BERTH_FACTS_FD} and {@code BERTH_PLAN_FD}; empty if no launcher started this program. */
    public static Optional<LauncherDescriptors> inherited() {
        String facts = System.getenv("BERTH_FACTS_FD");
        String plan = System.getenv("BERTH_PLAN_FD");
        return facts == null || plan == null
                ? Optional.empty()
                : Optional.of(new LauncherDescriptors(file(facts), file(plan)));
    }

    /** Descriptors that lead nowhere, for a run that only trains the machine. */
    public static LauncherDescriptors nowhere() {
        return new LauncherDescriptors(Path.of("/dev/null"), Path.of("/dev/null"));
    }

    /** Stands for the status 1 of usage errors: a JVM that cannot start ends with 1. */
    public static final int STATUS_USAGE = 125;

    public byte[] readFacts() {
        try {
            return Files.readAllBytes(facts);
        } catch (IOException e) {
            throw new HostException("could not read what the launcher tells: " + Reason.of(e), e);
        }
    }

    public void writePlan(byte[] bytes) {
        try (OutputStream out = Files.newOutputStream(plan)) {
            out.write(bytes);
        } catch (IOException e) {
            throw new HostException("could not hand the plan to the launcher: " + Reason.of(e), e);
        }
    }

    private static Path file(String descriptor) {
        return Path.of("/proc/self/fd", descriptor);
    }
}
