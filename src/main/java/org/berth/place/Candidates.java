package org.berth.place;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.config.PlaceSettings;

/** The places of each role, in order: what the user names, then the site's list, then the default. */
public final class Candidates {
    private static final List<String> PREFIXES = List.of("BERTH_", "APPTAINER_", "SINGULARITY_");
    private static final Pattern VARIABLE =
            Pattern.compile("\\$(?:\\{([A-Za-z_][A-Za-z0-9_]*)}|([A-Za-z_][A-Za-z0-9_]*))");

    private final Caller caller;
    private final PlaceSettings site;
    private final Path containers;

    /**
     * Who asks.
     *
     * @param variable of the environment
     * @param user name in the password database
     * @param configuration the directory of the user's settings, where the cache is by default
     * @param temporary the value of {@code --tmpdir} or {@code APPTAINER_TMPDIR}
     * @param cwd against which the user's own paths are made absolute
     * @param store the user's part of the store that the Slurm plugin names
     */
    public record Caller(
            Function<String, Optional<String>> variable,
            String user,
            int uid,
            Path configuration,
            Optional<String> temporary,
            Path cwd,
            Optional<Candidate> store) {
        private Optional<String> set(String name) {
            return variable.apply(name).filter(value -> !value.isEmpty());
        }
    }

    /** @param containers the site's place for named containers */
    public Candidates(Caller caller, PlaceSettings site, Path containers) {
        this.caller = caller;
        this.site = site;
        this.containers = containers;
    }

    /**
     * What the user names himself is the only candidate: nothing else is taken in its place, unless it is {@link #instead another's}.
     */
    public List<Candidate> of(Role role) {
        return switch (role) {
            case BLOBS, IMAGES -> named().map(List::of).orElseGet(this::caches);
            case TMP -> temporaries();
            case UPPER -> List.of(Candidate.of(containers, "container-path"));
            case RUN -> run();
            case STAGE -> listed(site.stagePaths(), "stage-path");
        };
    }

    /** What there is in place of a cache that the user or the plugin named, and somebody else has filled. */
    public List<Candidate> instead(Role role) {
        return switch (role) {
            case BLOBS, IMAGES -> named().isPresent() ? caches() : List.of();
            case TMP, UPPER, RUN, STAGE -> List.of();
        };
    }

    private Optional<Candidate> named() {
        if (caller.store().isPresent()) {
            return caller.store();
        }
        for (String prefix : PREFIXES) {
            Optional<String> value = caller.set(prefix + "CACHEDIR");
            if (value.isPresent()) {
                return Optional.of(Candidate.of(own(value.orElseThrow()), prefix + "CACHEDIR"));
            }
        }
        return Optional.empty();
    }

    private List<Candidate> caches() {
        List<Candidate> all = new ArrayList<>(listed(site.caches(), "cache-path"));
        all.add(Candidate.of(caller.configuration(), "default"));
        return all;
    }

    private List<Candidate> temporaries() {
        if (caller.temporary().isPresent()) {
            return List.of(Candidate.of(own(caller.temporary().orElseThrow()), "APPTAINER_TMPDIR"));
        }
        Optional<String> value = caller.set("TMPDIR");
        return value.map(text -> List.of(Candidate.of(own(text), "TMPDIR"))).orElseGet(this::siteTemporaries);
    }

    /** Those of the site, in place of one that the user names and that is not there. */
    public List<Candidate> siteTemporaries() {
        return listed(site.temporaries(), "tmp-path");
    }

    private List<Candidate> run() {
        List<Candidate> all = new ArrayList<>();
        caller.set("XDG_RUNTIME_DIR")
                .filter(text -> text.startsWith("/"))
                .ifPresent(text -> all.add(Candidate.of(Path.of(text), "XDG_RUNTIME_DIR")));
        all.add(Candidate.of(Path.of("/run/user/" + caller.uid()), "default"));
        all.add(Candidate.of(Path.of("/dev/shm/berth-" + caller.uid()), "default"));
        all.add(Candidate.of(Path.of("/tmp/berth-" + caller.uid()), "default"));
        return all;
    }

    private Path own(String text) {
        return caller.cwd().resolve(text).normalize();
    }

    private List<Candidate> listed(List<String> texts, String setting) {
        return texts.stream().map(text -> listed(text, setting)).toList();
    }

    private Candidate listed(String text, String setting) {
        Matcher variables = VARIABLE.matcher(text);
        StringBuilder path = new StringBuilder();
        while (variables.find()) {
            String name = Optional.ofNullable(variables.group(1)).orElse(variables.group(2));
            Optional<String> value = value(name);
            if (value.isEmpty()) {
                return Candidate.unusable(text, setting, "%s is not set".formatted(name));
            }
            variables.appendReplacement(path, Matcher.quoteReplacement(value.orElseThrow()));
        }
        variables.appendTail(path);
        return path.toString().startsWith("/")
                ? new Candidate(
                        text, setting, Optional.of(Path.of(path.toString()).normalize()), "")
                : Candidate.unusable(text, setting, "'%s' is not an absolute path".formatted(path));
    }

    /** A job may come without USER, and a user may set it to another's name: the password database knows. */
    private Optional<String> value(String name) {
        return switch (name) {
            case "USER" -> Optional.of(caller.user());
            case "UID" -> Optional.of(String.valueOf(caller.uid()));
            default -> caller.set(name);
        };
    }
}
