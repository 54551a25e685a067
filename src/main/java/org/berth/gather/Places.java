package org.berth.gather;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.cache.Cache;
import org.berth.cache.Uses;
import org.berth.cli.Invocation;
import org.berth.config.PlaceSettings;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.files.OutputFiles;
import org.berth.files.Reason;
import org.berth.host.Host;
import org.berth.host.OwnDirectory;
import org.berth.host.Owners;
import org.berth.place.Candidate;
import org.berth.place.Candidates;
import org.berth.place.Look;
import org.berth.place.Placement;
import org.berth.place.Probe;
import org.berth.place.Role;
import org.berth.resolve.Puller;

/** Where this command keeps what it makes; a place is chosen when it is first asked for. */
public final class Places {
    /** After its end a job may still be cleaning up. */
    private static final Duration AFTER_JOB = Duration.ofDays(1);
    /** Before Slurm 23.02 a step is not told when its job will end. */
    private static final Duration LONGEST_JOB = Duration.ofDays(7);

    private static final String STORE = "store=";

    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Owners owners;
    private Optional<Candidate> store = Optional.empty();
    private final Map<Role, Placement> chosen = new EnumMap<>(Role.class);

    public Places(Invocation invocation, Host host, SiteConfig site) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.owners = owners(host, site);
    }

    /** Whom this caller trusts. */
    public static Owners owners(Host host, SiteConfig site) {
        PlaceSettings.Trusted trusted = site.places().trusted();
        return new Owners(host.facts().uid(), trusted.owners(), trusted.groups());
    }

    /** Whether what Berth once found an image in is there still, and nobody else can have written it. */
    public static boolean isBelieved(Path file, Host host, SiteConfig site) {
        try {
            return owners(host, site).objection(file, Owners.Kind.FILE).isEmpty();
        } catch (IOException e) {
            return false;
        }
    }

    public Owners owners() {
        return owners;
    }

    /**
     * The directory that holds {@code cache/}; where nothing is fit the default one, so that its fault is told. Empty if somebody else
     * could have filled that.
     */
    public Optional<Path> cacheDirectory() {
        Placement placement = placement(Role.IMAGES);
        if (placement.path().isPresent()) {
            return placement.path();
        }
        return Optional.of(RegistryAccess.configurationDirectory(host))
                .filter(directory -> Cache.objection(directory, owners).isEmpty());
    }

    /** Why the store that was named is not the place of the images; empty if it is, or none was named. */
    public Optional<String> refusalOfStore() {
        return placement(Role.IMAGES).judgements().stream()
                .filter(judgement ->
                        judgement.candidate().origin().equals(STORE) && judgement.verdict() != Placement.Verdict.TAKEN)
                .map(Placement.Judgement::reason)
                .findFirst();
    }

    /** Says of a cache that somebody else has filled, or of a store that cannot be used, what is used in its place. */
    public void tellOfRefused(Listener listener) {
        Optional<Path> used = cacheDirectory();
        for (Placement.Judgement judgement : placement(Role.IMAGES).judgements()) {
            Candidate candidate = judgement.candidate();
            if (judgement.verdict() == Placement.Verdict.DISTRUSTED
                    || judgement.verdict() == Placement.Verdict.REFUSED
                            && candidate.origin().equals(STORE)) {
                listener.warning("the cache of %s is not used: %s; %s"
                        .formatted(
                                candidate.origin(),
                                judgement.reason(),
                                used.map(directory -> directory + " is used in its place")
                                        .orElse("no cache is used")));
            }
        }
    }

    /**
     * Where what is gone at the end is kept. A TMPDIR that is not there, as one that only the login node has, is passed over; what
     * was named for Berth alone is only passed over in a Slurm step.
     */
    public Path temporaryDirectory(Listener listener) {
        Placement placement = existing(placement(Role.TMP), listener);
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
                            .formatted(
                                    invocation.shared().value("tmpdir").isPresent() ? "APPTAINER_TMPDIR" : "TMPDIR"));
        }
        try {
            return OwnDirectory.make(path, owners);
        } catch (IOException e) {
            throw new HostException("could not make the directory %s: %s".formatted(path, Reason.of(e)), e);
        }
    }

    private Placement existing(Placement placement, Listener listener) {
        if (placement.judgements().size() != 1) {
            return placement;
        }
        Candidate only = placement.judgements().getFirst().candidate();
        boolean step = invocation.command().name().equals("hold");
        if (only.path().filter(host::isDirectory).isPresent()
                || !only.origin().equals("TMPDIR") && !(step && only.origin().equals("APPTAINER_TMPDIR"))) {
            return placement;
        }
        Placement others = Placement.choose(Role.TMP, all().siteTemporaries(), looking);
        listener.warning("%s is %s, which does not exist here%s"
                .formatted(
                        only.origin(),
                        only.path().orElseThrow(),
                        others.path()
                                .map(path -> ": %s is used".formatted(path))
                                .orElse("")));
        chosen.put(Role.TMP, others);
        return others;
    }

    public Placement placement(Role role) {
        return chosen.computeIfAbsent(role, r -> {
            Placement first = Placement.choose(r, candidates(r), looking);
            List<Candidate> instead = first.path().isPresent() ? List.of() : candidatesInstead(r);
            return instead.isEmpty()
                    ? first
                    : Placement.choose(r, instead, looking).after(first);
        });
    }

    public List<Candidate> candidates(Role role) {
        return all().of(role);
    }

    private List<Candidate> candidatesInstead(Role role) {
        return all().instead(role);
    }

    private Optional<Candidate> store() {
        if (store.isEmpty()) {
            store = invocation.shared().value("store").map(this::store);
        }
        return store;
    }

    private Candidates all() {
        return new Candidates(
                new Candidates.Caller(
                        host::env,
                        host.facts().account().name(),
                        host.facts().uid(),
                        RegistryAccess.configurationDirectory(host),
                        invocation.shared().value("tmpdir"),
                        host.facts().cwd(),
                        store()),
                site.places(),
                site.containers());
    }

    /** The user's part of a store; its name may be taken by somebody else, as everybody may write there. */
    private Candidate store(String text) {
        try {
            Path store = Path.of(text);
            return Candidate.of(
                    OwnDirectory.of(store, Integer.toUnsignedString(host.facts().uid()), owners), STORE);
        } catch (Owners.NotTrusted e) {
            return Candidate.unusable(text, STORE, "%s %s".formatted(e.getFile(), e.getReason()));
        } catch (IOException e) {
            return Candidate.unusable(text, STORE, "%s: %s".formatted(text, Reason.of(e)));
        }
    }

    /** What is to be said of a place that was taken without a look. */
    public String remark(Role role, Path path) {
        return Placement.remark(role, path, looking);
    }

    private final Placement.Looking looking = new Placement.Looking() {
        @Override
        public Look look(Path path) throws IOException {
            return Probe.ofThisMachine().look(path, owners());
        }

        @Override
        public Optional<String> distrust(Role role, Path path) {
            return switch (role) {
                case BLOBS, IMAGES -> Cache.objection(path, owners());
                case TMP, UPPER, RUN, STAGE -> Optional.empty();
            };
        }
    };

    /** Remembers that an image of the cache is used now, so that {@code cache gc} keeps it: as long as this job runs. */
    public void markUse(Path file) {
        boolean cached = file.getNameCount() > 2
                && OutputFiles.folder(OutputFiles.folder(file)).endsWith("cache");
        if (!cached) {
            return;
        }
        Optional<Path> root = cacheDirectory();
        root.flatMap(directory -> Uses.entry(directory, file)).ifPresent(entry -> {
            Uses uses = new Uses(root.orElseThrow(), owners);
            uses.mark(entry);
            // The tasks of an array are jobs of their own, but its number is one.
            host.env("SLURM_ARRAY_JOB_ID")
                    .or(() -> host.env("SLURM_JOB_ID"))
                    .filter(job -> job.matches("[0-9]{1,10}"))
                    .ifPresent(job -> uses.pinForJob(
                            entry, job, host.env("SLURM_CLUSTER_NAME").orElse(""), endOfJob()));
        });
    }

    public void markUse(Puller.PulledImage image) {
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
