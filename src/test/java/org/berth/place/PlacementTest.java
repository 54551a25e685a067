package org.berth.place;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.berth.host.Owners;
import org.berth.host.Room;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlacementTest {
    private static final Optional<String> MINE = Optional.empty();
    private static final Optional<String> ROOTS = Optional.of("belongs to root (user 0)");
    private static final Room PLENTY = new Room(1L << 40, 1_000_000);
    private static final Look.Trial ALL = new Look.Trial(true, true, true, true);
    private static final FileSystemKind DISK = FileSystemKind.of("ext4");

    private static Look disk() {
        return new Look(Path.of("/x"), true, Optional.empty(), 0700, DISK, Optional.of(ALL), PLENTY);
    }

    private static Look on(String type) {
        return new Look(Path.of("/x"), true, Optional.empty(), 0700, FileSystemKind.of(type), Optional.of(ALL), PLENTY);
    }

    private static Look with(Look.Trial trial) {
        return new Look(Path.of("/x"), true, Optional.empty(), 0700, DISK, Optional.of(trial), PLENTY);
    }

    private static Look owned(boolean exists, Optional<String> another, int mode) {
        return new Look(Path.of("/x"), exists, another, mode, DISK, Optional.of(ALL), PLENTY);
    }

    private static String objection(Role role, Look look) {
        return Fitness.objection(role, look).orElse("fit");
    }

    @Test
    void aPrivateDirectoryOnADiskIsFitForAll() {
        for (Role role : Role.values()) {
            assertEquals("fit", objection(role, disk()), role.word());
        }
    }

    @Test
    void eachRoleHasTheFileSystemsThatDoForIt() {
        Map<String, EnumSet<Role>> fit = Map.of(
                "lustre", EnumSet.of(Role.BLOBS, Role.IMAGES),
                "nfs4", EnumSet.of(Role.BLOBS, Role.IMAGES),
                "tmpfs", EnumSet.of(Role.TMP, Role.UPPER, Role.RUN, Role.STAGE));
        fit.forEach((type, roles) -> {
            for (Role role : Role.values()) {
                String expected = roles.contains(role)
                        ? "fit"
                        : "it is on " + FileSystemKind.of(type).text();
                assertEquals(expected, objection(role, on(type)), role.word() + " on " + type);
            }
        });
        assertEquals("it is on nfs4 (network)", objection(Role.TMP, on("nfs4")));
    }

    @Test
    void whatIsPrivateLiesInADirectoryOfTheUsers() {
        assertEquals("it belongs to root (user 0)", objection(Role.IMAGES, owned(true, ROOTS, 01777)));
        assertEquals("others may write into it", objection(Role.RUN, owned(true, MINE, 01777)));
        assertEquals("fit", objection(Role.TMP, owned(true, ROOTS, 01777)));
        assertEquals(
                "others may replace what is in /x (it lacks the sticky bit)",
                objection(Role.TMP, owned(true, ROOTS, 0777)));
        assertEquals("fit", objection(Role.IMAGES, owned(true, MINE, 0770)));
        assertEquals("fit", objection(Role.IMAGES, owned(false, ROOTS, 01777)));
        assertEquals(
                "others may replace what is in /x (it lacks the sticky bit)",
                objection(Role.IMAGES, owned(false, ROOTS, 0777)));
    }

    @Test
    void whatDoesNotWorkThereIsSaid() {
        Look none = new Look(Path.of("/x"), true, Optional.empty(), 0500, DISK, Optional.empty(), PLENTY);
        Look above = new Look(Path.of("/x"), false, ROOTS, 0755, DISK, Optional.empty(), PLENTY);
        assertEquals("it is not writable", objection(Role.TMP, none));
        assertEquals("it does not exist, and /x is not writable", objection(Role.IMAGES, above));
        assertEquals(
                "files cannot be renamed in it", objection(Role.BLOBS, with(new Look.Trial(false, true, true, true))));
        Look.Trial noLocks = new Look.Trial(true, false, true, true);
        assertEquals("files cannot be locked in it", objection(Role.RUN, with(noLocks)));
        assertEquals("fit", objection(Role.IMAGES, with(noLocks)));
        Look.Trial noexec = new Look.Trial(true, true, false, true);
        assertEquals("programs cannot be run from it (noexec)", objection(Role.TMP, with(noexec)));
        assertEquals("fit", objection(Role.STAGE, with(noexec)));
        Look.Trial plain = new Look.Trial(true, true, true, false);
        assertEquals("it takes no extended attributes (user.*)", objection(Role.UPPER, with(plain)));
        assertEquals("fit", objection(Role.TMP, with(plain)));
        Look overlay = new Look(
                Path.of("/x"),
                true,
                Optional.empty(),
                0700,
                new FileSystemKind("overlay", Nature.LOCAL),
                Optional.of(ALL),
                PLENTY);
        assertEquals("it is on an overlay, and an overlay does not go on another", objection(Role.UPPER, overlay));
        assertEquals("fit", objection(Role.TMP, overlay));
    }

    @Test
    void aPlaceWithoutRoomIsNone() {
        Look full = new Look(
                Path.of("/x"), true, Optional.empty(), 0700, DISK, Optional.of(ALL), new Room(12 << 20, 1_000_000));
        Look noFiles =
                new Look(Path.of("/x"), true, Optional.empty(), 0700, DISK, Optional.of(ALL), new Room(1L << 40, 3));
        assertEquals(
                "it has 12.00 MiB and 1000000 files free, less than 1.00 GiB and 1000 files",
                objection(Role.IMAGES, full));
        assertEquals(
                "it has 1.00 TiB and 3 files free, less than 1.00 GiB and 10000 files", objection(Role.TMP, noFiles));
    }

    private static List<String> verdicts(Placement placement) {
        return placement.judgements().stream()
                .map(j -> j.candidate().text() + " " + j.verdict() + " " + j.reason())
                .toList();
    }

    @Test
    void theFirstFitOneIsTakenAndTheRestNotLookedAt() {
        List<Path> looked = new ArrayList<>();
        Placement placement = Placement.choose(
                Role.TMP,
                List.of(
                        Candidate.unusable("$NOSUCH", "tmp-path", "NOSUCH is not set"),
                        Candidate.of(Path.of("/nfs"), "tmp-path"),
                        Candidate.of(Path.of("/gone"), "tmp-path"),
                        Candidate.of(Path.of("/local"), "tmp-path"),
                        Candidate.of(Path.of("/hangs"), "default")),
                path -> {
                    looked.add(path);
                    if (path.equals(Path.of("/gone"))) {
                        throw new IOException("Stale file handle");
                    }
                    return path.equals(Path.of("/nfs")) ? on("nfs") : disk();
                });
        assertEquals(Optional.of(Path.of("/local")), placement.path());
        assertEquals(
                List.of(
                        "$NOSUCH REFUSED NOSUCH is not set",
                        "/nfs REFUSED it is on nfs (network)",
                        "/gone REFUSED Stale file handle",
                        "/local TAKEN ext4 (local), 1.00 TiB and 1000000 files free",
                        "/hangs PASSED_OVER an earlier one is fit"),
                verdicts(placement));
        assertEquals(List.of(Path.of("/nfs"), Path.of("/gone"), Path.of("/local")), looked);
    }

    @Test
    void theOnlyOneIsTakenAsItIsButNothingIsStagedJustAnywhere() {
        List<Candidate> one =
                List.of(Candidate.unusable("$A", "x", "A is not set"), Candidate.of(Path.of("/nfs"), "x"));
        Placement taken = Placement.choose(Role.TMP, one, _ -> {
            throw new AssertionError("looked at");
        });
        assertEquals(Optional.of(Path.of("/nfs")), taken.path());
        assertEquals("though it is on nfs (network)", Placement.remark(Role.TMP, Path.of("/nfs"), _ -> on("nfs")));
        Placement stage = Placement.choose(Role.STAGE, one, _ -> on("nfs"));
        assertEquals(Optional.empty(), stage.path());
        assertEquals("$A: A is not set; /nfs: it is on nfs (network)", stage.objections());
    }

    @TempDir
    Path folder;

    private Owners owners() throws IOException {
        return Owners.only((Integer) Files.getAttribute(folder, "unix:uid"));
    }

    @Test
    void whatSomebodyElseHasFilledIsPassedOverEvenWhereItIsTheOnlyOne() {
        Placement.Looking looking = new Placement.Looking() {
            @Override
            public Look look(Path path) {
                return disk();
            }

            @Override
            public Optional<String> distrust(Role role, Path path) {
                return path.equals(Path.of("/theirs"))
                        ? Optional.of("/theirs/cache belongs to mallory (user 1)")
                        : Optional.empty();
            }
        };
        List<Candidate> theirs = List.of(Candidate.of(Path.of("/theirs"), "BERTH_CACHEDIR"));
        Placement refused = Placement.choose(Role.IMAGES, theirs, looking);
        assertEquals(Optional.empty(), refused.path());
        assertEquals(List.of("/theirs DISTRUSTED /theirs/cache belongs to mallory (user 1)"), verdicts(refused));
        Placement next = Placement.choose(Role.IMAGES, List.of(Candidate.of(Path.of("/mine"), "default")), looking)
                .after(refused);
        assertEquals(Optional.of(Path.of("/mine")), next.path());
        assertEquals(2, next.judgements().size());
    }

    @Test
    void aLookTriesThingsOutAndLeavesNothing() throws IOException {
        Look look = Probe.ofThisMachine().look(folder, owners());
        assertTrue(look.exists());
        assertTrue(look.trial().orElseThrow().renames());
        assertTrue(look.trial().orElseThrow().execution());
        assertTrue(look.room().bytes() > 0);
        Look above = Probe.ofThisMachine().look(folder.resolve("not/there"), owners());
        assertFalse(above.exists());
        assertEquals(folder, above.directory());
        assertTrue(above.trial().isPresent());
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void aReadOnlyFileSystemIsNotWritable() throws IOException {
        assertEquals(
                Optional.empty(),
                Probe.ofThisMachine().look(Path.of("/proc"), owners()).trial());
    }

    @Test
    void aLookGivesOwnerAndMode() throws IOException {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwx---"));
        Look look = Probe.ofThisMachine().look(folder, owners());
        assertEquals(0770, look.mode());
        assertEquals(Optional.empty(), look.another());
        Look anothers = Probe.ofThisMachine().look(folder, Owners.only(owners().uid() + 1));
        assertTrue(anothers.another().orElseThrow().startsWith("belongs to "));
    }
}
