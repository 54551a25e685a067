package org.berth.place;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.berth.config.PlaceSettings;
import org.junit.jupiter.api.Test;

class CandidatesTest {
    private static Candidates candidates(Map<String, String> environment, Optional<String> tmpdir, PlaceSettings site) {
        return new Candidates(
                new Candidates.Caller(
                        name -> Optional.ofNullable(environment.get(name)),
                        "alice",
                        1000,
                        Path.of("/home/alice/.apptainer"),
                        tmpdir,
                        Path.of("/jobs/7"),
                        Optional.empty()),
                site,
                Path.of("/var/tmp"));
    }

    private static PlaceSettings site(List<String> caches, List<String> temporaries, List<String> stages) {
        return new PlaceSettings(
                caches,
                temporaries,
                OptionalLong.empty(),
                OptionalLong.empty(),
                PlaceSettings.Staging.AUTO,
                stages,
                64,
                OptionalLong.empty(),
                PlaceSettings.Trusted.NOBODY);
    }

    private static List<String> texts(List<Candidate> candidates) {
        return candidates.stream()
                .map(c -> c.origin() + " " + c.path().map(Path::toString).orElse("- " + c.trouble()))
                .toList();
    }

    @Test
    void withoutAWordFromAnybodyThereAreTheDefaults() {
        Candidates candidates = candidates(Map.of(), Optional.empty(), PlaceSettings.DEFAULTS);
        assertEquals(List.of("default /home/alice/.apptainer"), texts(candidates.of(Role.IMAGES)));
        assertEquals(texts(candidates.of(Role.IMAGES)), texts(candidates.of(Role.BLOBS)));
        assertEquals(List.of("tmp-path - SLURM_TMPDIR is not set", "tmp-path /tmp"), texts(candidates.of(Role.TMP)));
        assertEquals(List.of("container-path /var/tmp"), texts(candidates.of(Role.UPPER)));
        assertEquals(
                List.of("default /run/user/1000", "default /dev/shm/berth-1000", "default /tmp/berth-1000"),
                texts(candidates.of(Role.RUN)));
        assertEquals(List.of(), candidates.of(Role.STAGE));
    }

    @Test
    void inPlaceOfACacheThatIsAnothersTheNextOnesAreTaken() {
        PlaceSettings site = site(List.of("/scratch/$USER"), List.of("/local"), List.of());
        Candidates named = candidates(Map.of("APPTAINER_CACHEDIR", "/scratch/x"), Optional.empty(), site);
        assertEquals(List.of("APPTAINER_CACHEDIR /scratch/x"), texts(named.of(Role.IMAGES)));
        List<String> others = List.of("cache-path /scratch/alice", "default /home/alice/.apptainer");
        assertEquals(others, texts(named.instead(Role.IMAGES)));
        assertEquals(List.of(), named.instead(Role.TMP));
        Candidates listed = candidates(Map.of(), Optional.empty(), site);
        assertEquals(others, texts(listed.of(Role.IMAGES)));
        assertEquals(List.of(), listed.instead(Role.IMAGES));
    }

    @Test
    void theSitesPlacesComeBeforeTheDefaultWithTheirVariables() {
        Candidates candidates = candidates(
                Map.of("SLURM_JOB_ID", "17", "SCRATCH", "/scratch/a", "USER", "mallory", "HOME", "/h"),
                Optional.empty(),
                site(
                        List.of("$SCRATCH/berth", "/fast/$USER/${UID}x", "$NOSUCH/berth", "relative/$USER"),
                        List.of("/local/$SLURM_JOB_ID", "${HOME}/tmp/../t"),
                        List.of("/nvme")));
        assertEquals(
                List.of(
                        "cache-path /scratch/a/berth",
                        "cache-path /fast/alice/1000x",
                        "cache-path - NOSUCH is not set",
                        "cache-path - 'relative/alice' is not an absolute path",
                        "default /home/alice/.apptainer"),
                texts(candidates.of(Role.IMAGES)));
        assertEquals(List.of("tmp-path /local/17", "tmp-path /h/t"), texts(candidates.of(Role.TMP)));
        assertEquals(List.of("stage-path /nvme"), texts(candidates.of(Role.STAGE)));
    }

    @Test
    void whatTheUserNamesIsTheOnlyCandidate() {
        PlaceSettings site = site(List.of("/scratch/$USER"), List.of("/local"), List.of());
        Map<String, String> all = Map.of(
                "SINGULARITY_CACHEDIR", "/s", "APPTAINER_CACHEDIR", "/a", "BERTH_CACHEDIR", "b", "TMPDIR", "/jobtmp");
        assertEquals(
                List.of("BERTH_CACHEDIR /jobs/7/b"),
                texts(candidates(all, Optional.empty(), site).of(Role.BLOBS)));
        assertEquals(
                List.of("APPTAINER_CACHEDIR /a"),
                texts(candidates(
                                Map.of("SINGULARITY_CACHEDIR", "/s", "APPTAINER_CACHEDIR", "/a", "BERTH_CACHEDIR", ""),
                                Optional.empty(),
                                site)
                        .of(Role.IMAGES)));
        assertEquals(
                List.of("TMPDIR /jobtmp"),
                texts(candidates(all, Optional.empty(), site).of(Role.TMP)));
        assertEquals(
                List.of("APPTAINER_TMPDIR /jobs/7/t"),
                texts(candidates(all, Optional.of("t"), site).of(Role.TMP)));
    }

    @Test
    void aRuntimeDirectoryThatIsNoAbsolutePathIsNone() {
        assertEquals(
                "default /run/user/1000",
                texts(candidates(Map.of("XDG_RUNTIME_DIR", "rel"), Optional.empty(), PlaceSettings.DEFAULTS)
                                .of(Role.RUN))
                        .getFirst());
        assertEquals(
                "XDG_RUNTIME_DIR /run/x",
                texts(candidates(Map.of("XDG_RUNTIME_DIR", "/run/x"), Optional.empty(), PlaceSettings.DEFAULTS)
                                .of(Role.RUN))
                        .getFirst());
    }
}
