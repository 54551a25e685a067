package org.berth.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.berth.config.LayerSettings;
import org.berth.config.NamespaceSettings;
import org.berth.config.SiteConfig;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.gather.PlannedCommands;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Single decisions, where a whole plan would hide what is meant. */
class LaunchDecisionsTest {
    private static final Map<String, String> NOTHING = Map.of();

    @Test
    void aMountPointBelowAnotherBindIsMadeOnTheHostsSide() {
        LaunchPlan plan = plan("exec", "--bind", "/data:/mnt,/data/deep:/mnt/inner", "/images/a.sif", "true");
        assertTrue(skeletons(plan).contains(Path.of("/mnt")));
        assertFalse(skeletons(plan).contains(Path.of("/mnt/inner")));
    }

    @Test
    void shallowTargetsAreMountedFirst() {
        List<Path> targets = binds(plan("exec", "-B", "/data:/m/a/b", "-B", "/data:/m", "/images/a.sif", "true"));
        assertTrue(targets.indexOf(Path.of("/m")) < targets.indexOf(Path.of("/m/a/b")));
    }

    @Test
    void theWorkingDirectoryIsMountedUnlessABindShowsItAlready() {
        assertTrue(binds(plan("exec", "/images/a.sif", "true")).contains(Path.of("/data/run")));
        assertFalse(binds(plan("exec", "-B", "/data", "/images/a.sif", "true")).contains(Path.of("/data/run")));
        assertFalse(binds(plan("exec", "--contain", "/images/a.sif", "true")).contains(Path.of("/data/run")));
    }

    /** The rules of docs/mounts.md, a line each: what is mounted in which order. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                // The user's wish at or above the working directory shows what she asked for.
                "exec --home /usr:/data/run A | /usr>/data/run",
                "exec -B /scratch:/data A | /scratch>/data",
                "exec --scratch /data A | scratch/data>/data",
                // Below it, both are there.
                "exec -B /x:/data/run/x A | /data/run>/data/run /x>/data/run/x",
                // Home in a directory that is empty with --contain.
                "exec -c -H /usr:/tmp/hh A | tmp>/tmp var_tmp>/var/tmp /usr>/tmp/hh",
                "exec -c -B /x:/tmp/x A | tmp>/tmp home>/home/alice var_tmp>/var/tmp /x>/tmp/x",
                "exec -H /usr:/tmp A | /tmp>/tmp /var/tmp>/var/tmp /data/run>/data/run /usr>/tmp",
                // Wishes nest in any order; of two at one place the later one counts.
                "exec -B /f:/m/deep,/r:/m A | /data/run>/data/run /r>/m /f>/m/deep",
                "exec -B /m:/home/alice/m -H /usr:/home/alice A | /data/run>/data/run /usr>/home/alice /m>/home/alice/m",
                "exec -B /one:/m -B /two:/m A | /data/run>/data/run /one>/m /two>/m",
                "exec --scratch /s -B /x:/s/in A | /data/run>/data/run scratch/s>/s /x>/s/in",
            })
    void mountsComeInTheWrittenOrder(String command, String wanted) {
        List<String> words = Stream.of(command.split(" "))
                .map(word -> word.equals("A") ? "/images/a.sif" : word)
                .toList();
        Set<String> shown = Set.of(wanted.split(" "));
        String got = plan(Stream.concat(words.stream(), Stream.of("true")).toArray(String[]::new)).ops().stream()
                .flatMap(op -> switch (op) {
                    case Op.Bind bind -> Stream.of(bind.source() + ">" + bind.target());
                    case Op.BindSession bind -> Stream.of(bind.source() + ">" + bind.target());
                    default -> Stream.<String>empty();
                })
                .filter(step -> shown.contains(step) || step.endsWith(">/data/run"))
                .collect(Collectors.joining(" "));
        assertEquals(wanted, got);
    }

    @Test
    void mountPointsInAReadOnlyBindAreMadeBeforeItIsReadOnly() {
        Op.Bind outer = plan(
                        "exec", "-B", "/r:/d:ro", "-B", "/etc/hosts:/d/x", "-B", "/q:/d/y", "/images/a.sif", "true")
                .ops()
                .stream()
                .filter(op -> op instanceof Op.Bind bind && bind.target().equals(Path.of("/d")))
                .map(Op.Bind.class::cast)
                .findFirst()
                .orElseThrow();
        assertEquals(
                List.of(new Op.MountPoint(Path.of("/d/x"), false), new Op.MountPoint(Path.of("/d/y"), true)),
                outer.inside());
    }

    @Test
    void aBindThatIsNotNestedIsNotToldToContainersInside() {
        String bind = plan(
                        "exec",
                        "--mount",
                        "type=bind,src=/a,dst=/a,nonested",
                        "--mount",
                        "type=bind,src=/b,dst=/b",
                        "/images/a.sif",
                        "true")
                .ops()
                .stream()
                .filter(Op.EnvironmentOfImage.class::isInstance)
                .map(op -> ((Op.EnvironmentOfImage) op).variables().get("APPTAINER_BIND"))
                .findFirst()
                .orElseThrow();
        assertEquals("/b", bind);
    }

    @ParameterizedTest
    @CsvSource({
        "exec --pid A,              user mount,          --pid has no effect: this site forbids it (allow-pid-ns)",
        "exec --containall A,       user mount,          ''",
        "exec --ipc --uts A,        user mount,          --ipc has no effect: this site forbids it (allow-ipc-ns);"
                + "--uts has no effect: this site forbids it (allow-uts-ns)",
        "exec --hostname x A,       user mount,          --hostname has no effect: this site forbids it (allow-uts-ns)",
        "exec -n --network none A,  user mount net,      ''",
    })
    void aNamespaceThatTheSiteForbidsIsTheHosts(String command, String namespaces, String warnings) {
        LaunchPlan plan = PlannedCommands.plan(
                Stream.concat(
                                Stream.of(command.split(" ")).map(word -> word.equals("A") ? "/images/a.sif" : word),
                                Stream.of("true"))
                        .toList(),
                NOTHING,
                1001,
                withNamespaces(false, true));
        assertEquals(
                Set.of(namespaces.split(" ")),
                plan.ops().stream()
                        .filter(Op.Unshare.class::isInstance)
                        .flatMap(op -> ((Op.Unshare) op).namespaces().stream())
                        .map(Op.Namespace::word)
                        .collect(Collectors.toSet()));
        assertEquals(warnings, plan.notes().stream().map(Note::text).collect(Collectors.joining(";")));
        assertFalse(plan.ops().stream().anyMatch(Op.Hostname.class::isInstance));
    }

    @Test
    void withoutUserNamespacesOnlyRootHasContainers() {
        SiteConfig site = withNamespaces(true, false);
        List<String> words = List.of("exec", "/images/a.sif", "true");
        assertTrue(assertThrows(HostException.class, () -> PlannedCommands.plan(words, NOTHING, 1001, site))
                .getMessage()
                .contains("allow-user-ns"));
        assertFalse(PlannedCommands.plan(words, NOTHING, 0, site).ops().isEmpty());
    }

    private static SiteConfig withNamespaces(boolean own, boolean user) {
        return site(List.of(), true, new NamespaceSettings(own, own, own, user), LayerSettings.ALL);
    }

    @ParameterizedTest
    @CsvSource({
        "exec --writable-tmpfs A true,        '--writable-tmpfs (and --compat)'",
        "exec --compat A true,                '--writable-tmpfs (and --compat)'",
        "exec A true,                         ''",
        "exec --writable /images/box true,    ''",
    })
    void whatNeedsAnOverlayIsRefusedWhereTheSiteForbidsThem(String command, String refused) {
        for (boolean underlay : List.of(true, false)) {
            SiteConfig site = withLayers(false, underlay);
            List<String> words =
                    List.of(command.replace(" A ", " /images/a.sif ").split(" "));
            if (refused.isEmpty()) {
                LaunchPlan plan = PlannedCommands.plan(words, NOTHING, 1001, site);
                assertEquals(
                        underlay && !command.contains("--writable"),
                        plan.ops().stream().anyMatch(op -> op instanceof Op.RootOverlay || op instanceof Op.Skeleton));
            } else {
                assertEquals(
                        refused + " needs an overlay, which this site forbids (enable-overlay)",
                        assertThrows(HostException.class, () -> PlannedCommands.plan(words, NOTHING, 1001, site))
                                .getMessage());
            }
        }
    }

    @Test
    void aBindThatTheImageHasNoPlaceForIsAnErrorWhereTheSiteForbidsLayers() {
        List<String> words = List.of("exec", "-B", "/data:/b", "/images/a.sif", "true");
        assertEquals(Op.OnMissing.FAIL, missing(words, withLayers(false, false)));
        assertEquals(Op.OnMissing.CREATE, missing(words, withLayers(false, true)));
        assertEquals(Op.OnMissing.CREATE, missing(words, withLayers(true, false)));
    }

    private static Op.OnMissing missing(List<String> words, SiteConfig site) {
        return PlannedCommands.plan(words, NOTHING, 1001, site).ops().stream()
                .filter(op -> op instanceof Op.Bind bind && bind.target().equals(Path.of("/b")))
                .map(op -> ((Op.Bind) op).onMissing())
                .findFirst()
                .orElseThrow();
    }

    private static SiteConfig withLayers(boolean overlay, boolean underlay) {
        return site(List.of(), true, NamespaceSettings.ALL, new LayerSettings(overlay, underlay));
    }

    @ParameterizedTest
    @CsvSource({
        "exec A,                                                  65536",
        "exec --tmpfs-size 2G A,                                  2097152",
        "exec --tmpfs-size 1 A,                                   1024",
        "exec --tmpfs-size 100k A,                                1024",
        "hold --ready-fd=3 --release-fd=4 A,                      half",
        "hold --ready-fd=3 --release-fd=4 --tmpfs-size=512MiB A,  524288",
    })
    void theMemoryThatTakesWhatIsWrittenHasASize(String command, String wanted) {
        String got = ops(command)
                .filter(Op.Session.class::isInstance)
                .map(op -> ((Op.Session) op).sizeKib())
                .map(kib -> kib.isPresent() ? Long.toString(kib.getAsLong()) : "half")
                .findFirst()
                .orElseThrow();
        assertEquals(wanted, got);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "x", "-1", "5P", "1.5G", "999999999T", ""})
    void aSizeThatIsNoneIsRefused(String size) {
        assertThrows(UsageException.class, () -> plan("exec", "--tmpfs-size=" + size, "/images/a.sif", "true"));
    }

    @ParameterizedTest
    @CsvSource({
        "exec --writable-tmpfs A,                                               1001",
        "hold --ready-fd=3 --release-fd=4 A,                                    1001",
        "hold --ready-fd=3 --release-fd=4 --writable-tmpfs A,                   0 1001",
        "hold --ready-fd=3 --release-fd=4 --writable-tmpfs --remap-root A,      0",
    })
    void whatAStepWritesAndWhatIsRootsInTheImageBelongToTheTask(String command, String ids) {
        String got = ops(command)
                .flatMap(op -> switch (op) {
                    case Op.MapIds(String uids, String gids) -> Stream.of(uids);
                    case Op.Identity(String uids, String gids) -> Stream.of(uids);
                    default -> Stream.<String>empty();
                })
                .map(uids -> uids.split(" ")[0])
                .collect(Collectors.joining(" "));
        assertEquals(ids, got);
    }

    private static Stream<Op> ops(String command) {
        List<String> words = Stream.of(command.split(" "))
                .map(word -> word.equals("A") ? "/images/a.sif" : word)
                .toList();
        return (words.getFirst().equals("hold")
                        ? PlannedCommands.held(words, Optional.empty())
                        : plan(Stream.concat(words.stream(), Stream.of("true")).toArray(String[]::new)))
                .ops().stream();
    }

    @Test
    void aBindWhoseSourceIsMissingIsAnErrorThatNamesIt() {
        HostException e =
                assertThrows(HostException.class, () -> plan("exec", "--bind", "/missing:/x", "/images/a.sif", "true"));
        assertEquals("mount /missing->/x: mount source /missing doesn't exist", e.getMessage());
    }

    @Test
    void whereTheSiteForbidsBindsThoseOfTheStepAreLeft() {
        LaunchPlan plan = PlannedCommands.plan(
                List.of(
                        "hold",
                        "--ready-fd=3",
                        "--release-fd=4",
                        "--step-dir=/data/run",
                        "--bind=/data:/b",
                        "/images/a.sif"),
                NOTHING,
                1001,
                site(List.of(), false));
        assertTrue(binds(plan).contains(Path.of("/data/run")));
        assertFalse(binds(plan).contains(Path.of("/b")));
        assertEquals(
                List.of(Note.warning("Ignoring user bind request: user bind control disabled by system administrator")),
                plan.notes());
    }

    private static SiteConfig site(List<SiteConfig.SiteBind> binds, boolean userBinds) {
        return site(binds, userBinds, NamespaceSettings.ALL, LayerSettings.ALL);
    }

    private static SiteConfig site(
            List<SiteConfig.SiteBind> binds, boolean userBinds, NamespaceSettings namespaces, LayerSettings layers) {
        SiteConfig d = SiteConfig.DEFAULTS;
        return new SiteConfig(
                binds,
                d.mountProc(),
                d.mountSys(),
                d.mountDev(),
                d.mountDevpts(),
                d.mountHome(),
                d.mountTmp(),
                d.mountHostfs(),
                d.configPasswd(),
                d.configGroup(),
                d.configResolvConf(),
                userBinds,
                d.sessionMib(),
                namespaces,
                layers,
                d.tmpfsMib(),
                d.squashfuse(),
                d.compression(),
                d.containers(),
                d.gpus(),
                d.imageLimits(),
                d.places(),
                d.fallback(),
                d.containerLimits(),
                d.executionControls(),
                d.restrictions(),
                d.library());
    }

    @Test
    void aSiteBindWhoseSourceIsMissingIsSkippedWithAWarning() {
        SiteConfig.SiteBind missing = new SiteConfig.SiteBind(Path.of("/missing/project"), Path.of("/project"));
        SiteConfig site = site(List.of(missing), true);
        LaunchPlan plan = PlannedCommands.plan(List.of("exec", "/images/a.sif", "true"), NOTHING, 1001, site);
        assertEquals(
                List.of(Note.warning("skipping mount of /missing/project: no such file or directory")), plan.notes());
    }

    @Test
    void rootNeedsNoUserNamespaceAndKeepsItsRights() {
        LaunchPlan plan = PlannedCommands.plan(List.of("exec", "/images/box", "true"), NOTHING, 0, SiteConfig.DEFAULTS);
        assertTrue(plan.ops().stream().noneMatch(op -> op instanceof Op.MapIds));
        assertTrue(plan.ops().contains(new Op.Privileges(true)));
    }

    @Test
    void optionsComeFromTheEnvironmentAndBindsAddUp() {
        LaunchPlan plan = PlannedCommands.plan(
                List.of("exec", "-B", "/data:/b", "/images/a.sif", "true"),
                Map.of("APPTAINER_BIND", "/data:/a", "SINGULARITY_CONTAIN", "1"),
                1001,
                SiteConfig.DEFAULTS);
        assertTrue(binds(plan).containsAll(List.of(Path.of("/a"), Path.of("/b"))));
        assertTrue(plan.notes()
                .contains(Note.info(
                        "Environment variable SINGULARITY_CONTAIN is set, but APPTAINER_CONTAIN is preferred")));
        assertTrue(plan.ops().stream()
                .anyMatch(op -> op instanceof Op.SessionDirectory d && d.path().equals("home")));
    }

    @Test
    void injectedVariablesOverrideByRankAndHomeIsRefused() {
        LaunchPlan plan = PlannedCommands.plan(
                List.of("exec", "--env", "A=option", "/images/a.sif", "true"),
                Map.of(
                        "APPTAINERENV_A",
                        "variable",
                        "SINGULARITYENV_B",
                        "old",
                        "BERTHENV_B",
                        "ours",
                        "APPTAINERENV_HOME",
                        "/x"),
                1001,
                SiteConfig.DEFAULTS);
        Op.EnvironmentOfImage environment = plan.ops().stream()
                .filter(Op.EnvironmentOfImage.class::isInstance)
                .map(Op.EnvironmentOfImage.class::cast)
                .findFirst()
                .orElseThrow();
        assertEquals(
                "export A=\"option\"\nexport B=\"ours\"\n",
                environment.variables().get("BERTH_INJECT"));
        assertTrue(plan.notes()
                .contains(
                        Note.warning("Overriding HOME environment variable with APPTAINERENV_HOME is not permitted")));
    }

    @Test
    void whatCannotBeMeantIsRefused() {
        for (List<String> words : List.of(
                List.of("exec", "--bind", "/data:relative", "/images/a.sif", "true"),
                List.of("exec", "--bind", "/data:/x:bad", "/images/a.sif", "true"),
                List.of("exec", "--mount", "type=tmpfs,dst=/x", "/images/a.sif", "true"),
                List.of("exec", "--mount", "src=/data,dst=/x,rw", "/images/a.sif", "true"),
                List.of("exec", "--mount", "src=/data", "/images/a.sif", "true"),
                List.of("exec", "--network", "bridge", "/images/a.sif", "true"),
                List.of("exec", "--scratch", "rel", "/images/a.sif", "true"),
                List.of("exec", "--env", "1A=x", "/images/a.sif", "true"),
                List.of("exec", "--writable", "--writable-tmpfs", "/images/a.sif", "true"))) {
            assertThrows(BerthException.class, () -> PlannedCommands.plan(words), words.toString());
        }
    }

    private static LaunchPlan plan(String... words) {
        return PlannedCommands.plan(List.of(words));
    }

    private static List<Path> skeletons(LaunchPlan plan) {
        return plan.ops().stream()
                .filter(Op.Skeleton.class::isInstance)
                .map(op -> ((Op.Skeleton) op).target())
                .toList();
    }

    private static List<Path> binds(LaunchPlan plan) {
        return plan.ops().stream()
                .filter(Op.Bind.class::isInstance)
                .map(op -> ((Op.Bind) op).target())
                .toList();
    }
}
