package org.berth.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.cache.OwnFiles;
import org.berth.cache.Uses;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.host.OutputFiles;
import org.berth.place.Candidate;
import org.berth.place.Candidates;
import org.berth.place.Look;
import org.berth.place.Placement;
import org.berth.place.Probe;
import org.berth.place.Role;
import org.berth.resolve.Puller;

/** Where this command keeps what it makes; a place is chosen when it is first asked for. */
final class Places {
    /** After its end a job may still be cleaning up. */
    private static final Duration AFTER_JOB = Duration.ofDays(1);
    /** Before Slurm 23.02 a step is not told when its job will end. */
    private static final Duration LONGEST_JOB = Duration.ofDays(7);

    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Map<Role, Placement> chosen = new EnumMap<>(Role.class);

    Places(Invocation invocation, Host host, SiteConfig site) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
    }

    /** The directory that holds {@code cache/}; where nothing is fit the default one, so that its fault is told. */
    Path cacheDirectory() {
        return placement(Role.IMAGES).path().orElseGet(() -> RegistryAccess.configurationDirectory(host));
    }

    /** Where what is gone at the end is kept. */
    Path temporaryDirectory() {
        Placement placement = placement(Role.TMP);
        Path path = placement
                .path()
                .orElseThrow(() -> new HostException("there is no place for temporary files: " + placement.objections())
                        .hint("let APPTAINER_TMPDIR name one"));
        if (host.isDirectory(path)) {
            return path;
        }
        if (placement.judgements().size() == 1) {
            throw new HostException("the directory for temporary files, %s, does not exist".formatted(path))
                    .hint("make it, or let %s name another"
                            .formatted(invocation.value("tmpdir").isPresent() ? "APPTAINER_TMPDIR" : "TMPDIR"));
        }
        return OwnFiles.directory(path);
    }

    Placement placement(Role role) {
        return chosen.computeIfAbsent(
                role, r -> Placement.choose(r, candidates(r), host.facts().uid(), Places::look));
    }

    List<Candidate> candidates(Role role) {
        return new Candidates(
                        new Candidates.Caller(
                                host::env,
                                host.facts().account().name(),
                                host.facts().uid(),
                                RegistryAccess.configurationDirectory(host),
                                invocation.value("tmpdir"),
                                host.facts().cwd()),
                        site.places(),
                        site.containers())
                .of(role);
    }

    /** What is to be said of a place that was taken without a look. */
    String remark(Role role, Path path) {
        return Placement.remark(role, path, host.facts().uid(), Places::look);
    }

    private static Look look(Path path) throws IOException {
        return Probe.ofThisMachine().look(path);
    }

    /** Remembers that an image of the cache is used now, so that {@code cache gc} keeps it: as long as this job runs. */
    void markUse(Path file) {
        Path parent = OutputFiles.folder(OutputFiles.folder(file));
        if (!parent.endsWith("cache")) {
            return;
        }
        Path root = cacheDirectory();
        Uses.entry(root, file).ifPresent(entry -> {
            Uses uses = new Uses(root);
            uses.mark(entry);
            host.env("SLURM_JOB_ID")
                    .filter(job -> job.matches("[0-9]{1,10}"))
                    .ifPresent(job -> uses.pinForJob(entry, job, endOfJob()));
        });
    }

    void markUse(Puller.PulledImage image) {
        if (!image.temporary()) {
            markUse(image.file());
        }
    }

    private Instant endOfJob() {
        Optional<String> end = host.env("SLURM_JOB_END_TIME").filter(text -> text.matches("[0-9]{1,12}"));
        return end.map(text -> Instant.ofEpochSecond(Long.parseLong(text)).plus(AFTER_JOB))
                .orElseGet(() -> Instant.now().plus(LONGEST_JOB));
    }
}
