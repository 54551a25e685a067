package org.berth.place;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.files.Reason;

/**
 * Where a role's things are kept, and why.
 *
 * @param path empty if no candidate is fit
 */
public record Placement(Role role, Optional<Path> path, List<Judgement> judgements) {
    /** The reason of a candidate that was taken without a look. */
    public static final String ONLY = "there is no other";

    /** What became of a candidate, in words. */
    public record Judgement(Candidate candidate, Verdict verdict, String reason) {}

    /** Whether a candidate was taken. */
    public enum Verdict {
        TAKEN,
        REFUSED,
        /** Somebody else could have filled it. */
        DISTRUSTED,
        /** An earlier one was taken. */
        PASSED_OVER
    }

    public Placement {
        judgements = List.copyOf(judgements);
    }

    /** How a path is looked at. */
    public interface Looking {
        Look look(Path path) throws IOException;

        /** Why what is there already is not to be believed, as a sentence; empty where it is or there is nothing. */
        default Optional<String> distrust(Role role, Path path) {
            return Optional.empty();
        }
    }

    /** The first fit candidate. One that has no alternative is taken as it is, unless somebody else has filled it. */
    public static Placement choose(Role role, List<Candidate> candidates, Looking looking) {
        boolean only = candidates.stream()
                        .filter(candidate -> candidate.path().isPresent())
                        .count()
                == 1;
        List<Judgement> judgements = new ArrayList<>();
        Optional<Path> taken = Optional.empty();
        for (Candidate candidate : candidates) {
            Judgement judgement = taken.isPresent()
                    ? new Judgement(candidate, Verdict.PASSED_OVER, "an earlier one is fit")
                    : judge(role, candidate, only, looking);
            judgements.add(judgement);
            if (judgement.verdict() == Verdict.TAKEN) {
                taken = candidate.path();
            }
        }
        return new Placement(role, taken, judgements);
    }

    private static Judgement judge(Role role, Candidate candidate, boolean only, Looking looking) {
        if (candidate.path().isEmpty()) {
            return new Judgement(candidate, Verdict.REFUSED, candidate.trouble());
        }
        Optional<String> distrust = looking.distrust(role, candidate.path().orElseThrow());
        if (distrust.isPresent()) {
            return new Judgement(candidate, Verdict.DISTRUSTED, distrust.orElseThrow());
        }
        if (only && role != Role.STAGE) {
            return new Judgement(candidate, Verdict.TAKEN, ONLY);
        }
        try {
            Look look = looking.look(candidate.path().orElseThrow());
            return Fitness.objection(role, look)
                    .map(objection -> new Judgement(candidate, Verdict.REFUSED, objection))
                    .orElseGet(() -> new Judgement(candidate, Verdict.TAKEN, description(look)));
        } catch (IOException e) {
            return new Judgement(candidate, Verdict.REFUSED, Reason.of(e));
        }
    }

    /** What is to be said of a place that is taken as it is. */
    public static String remark(Role role, Path path, Looking looking) {
        try {
            Look look = looking.look(path);
            return Fitness.objection(role, look)
                    .map(objection -> "though " + objection)
                    .orElse(description(look));
        } catch (IOException e) {
            return "though " + Reason.of(e);
        }
    }

    private static String description(Look look) {
        boolean locks = look.trial().map(Look.Trial::locks).orElse(false);
        return "%s, %s%s".formatted(look.kind().text(), look.room().text(), locks ? "" : ", no locks");
    }

    /** This one, with what was said of others before it. */
    public Placement after(Placement earlier) {
        List<Judgement> all = new ArrayList<>(earlier.judgements());
        all.addAll(judgements);
        return new Placement(role, path, all);
    }

    /** The reasons against all of them, in one line. */
    public String objections() {
        StringBuilder text = new StringBuilder();
        for (Judgement judgement : judgements) {
            text.append(text.isEmpty() ? "" : "; ")
                    .append("%s: %s".formatted(judgement.candidate().text(), judgement.reason()));
        }
        return text.toString();
    }
}
