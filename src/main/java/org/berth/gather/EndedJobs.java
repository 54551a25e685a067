package org.berth.gather;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.berth.cache.Jobs;
import org.berth.cache.Uses;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.instance.KeptContainers;

/** What jobs left that have ended: the next step or command sees to it. */
public final class EndedJobs {
    private static final Pattern JOB = Pattern.compile("([0-9]{1,10})@([A-Za-z0-9_.-]{1,100})");

    private EndedJobs() {}

    /**
     * Removes the containers of jobs that ended while the plugin's epilog could not run.
     *
     * @param own a job that lives: the one that asks
     */
    static void remove(KeptContainers containers, Host host, Optional<String> own) {
        List<String> jobs = new ArrayList<>(containers.jobs());
        own.ifPresent(jobs::remove);
        if (jobs.isEmpty()) {
            return;
        }
        living(host)
                .ifPresent(alive ->
                        jobs.stream().filter(job -> !alive.contains(job)).forEach(containers::removeJob));
    }

    /** Takes away the pins of the user's jobs of this cluster that have ended; none where Slurm does not say. */
    public static void release(Uses uses, Host host) throws IOException {
        Optional<String> cluster = cluster(host);
        if (cluster.isPresent()) {
            uses.release(cluster.orElseThrow(), among(uses.jobs(cluster.orElseThrow()), host));
        }
    }

    /**
     * Slurm, as who waits for another job's work asks it: nothing has ended where it does not answer, or where the job is another
     * cluster's.
     */
    static Jobs asked(Host host) {
        return new Jobs() {
            @Override
            public Optional<String> own() {
                return host.env("SLURM_JOB_ID")
                        .flatMap(job -> host.env("SLURM_CLUSTER_NAME").map(cluster -> job + "@" + cluster))
                        .filter(word -> JOB.matcher(word).matches());
            }

            @Override
            public boolean hasEnded(String word) {
                Matcher job = JOB.matcher(word);
                return job.matches()
                        && host.env("SLURM_CLUSTER_NAME")
                                .or(() -> cluster(host))
                                .filter(job.group(2)::equals)
                                .isPresent()
                        && !among(Set.of(job.group(1)), host).isEmpty();
            }
        };
    }

    private static Optional<String> cluster(Host host) {
        try {
            return host.output(List.of("/bin/sh", "-c", "exec timeout 15 scontrol show config 2>/dev/null"))
                    .lines()
                    .filter(line -> line.startsWith("ClusterName "))
                    .map(line -> line.substring(line.indexOf('=') + 1).strip())
                    .findFirst();
        } catch (HostException e) {
            return Optional.empty();
        }
    }

    /** Those of a user's jobs that have ended; none where Slurm does not say. */
    private static Set<String> among(Set<String> jobs, Host host) {
        if (jobs.isEmpty()) {
            return Set.of();
        }
        return living(host)
                .map(alive -> jobs.stream().filter(job -> !alive.contains(job)).collect(Collectors.toSet()))
                .orElse(Set.of());
    }

    /** Job arrays count as jobs. Empty where Slurm does not say: then nothing is known to have ended. */
    private static Optional<Set<String>> living(Host host) {
        String uid = Integer.toUnsignedString(host.facts().uid());
        try {
            return Optional.of(host.output(List.of(
                            "/bin/sh",
                            "-c",
                            "exec timeout 15 squeue -h -t all -o '%A %F %T' -u \"$0\" 2>/dev/null",
                            uid))
                    .lines()
                    .filter(line -> line.matches("[0-9]+ [0-9]+ (PENDING|RUNNING|SUSPENDED|COMPLETING|CONFIGURING"
                            + "|RESIZING|REQUEUED|REQUEUE_HOLD|REQUEUE_FED|SIGNALING|STAGE_OUT|STOPPED)"))
                    .flatMap(line -> Stream.of(line.split(" ")).limit(2))
                    .collect(Collectors.toSet()));
        } catch (HostException e) {
            return Optional.empty();
        }
    }
}
