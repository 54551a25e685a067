package org.berth.instance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.Trees;
import org.berth.host.Owners;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class KeptContainersTest {
    private static final KeptImage IMAGE =
            new KeptImage("/images/a.sif", "a.sif", Optional.of(Path.of("/images/a.sif")), 7, 8);
    private static final KeptImage OTHER =
            new KeptImage("docker://host/b@sha256:0", "docker://host/b", Optional.empty(), 0, 0);

    @TempDir
    Path parent;

    private KeptContainers containers;
    private int uid;

    @BeforeEach
    void theUsersOwn() throws IOException {
        uid = (Integer) Files.getAttribute(parent, "unix:uid");
        containers = new KeptContainers(parent, parent, Owners.only(uid));
    }

    @Test
    void aContainerIsFoundAsItWasMade() throws IOException {
        assertEquals(Optional.empty(), containers.find(name("x")));
        KeptContainer made = containers.make(name("x"), IMAGE);
        assertEquals(Optional.of(made), containers.find(name("x")));
        assertEquals(List.of(made), containers.list());
        assertTrue(Files.isDirectory(made.upper()) && Files.isDirectory(made.work()));
        assertEquals("rwxr-xr-x", PosixFilePermissions.toString(Files.getPosixFilePermissions(made.upper())));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(made.directory())));
        assertEquals(List.of("x"), entries(made.directory().getParent()));
    }

    @Test
    void aJobsContainersAreItsOwnAndGoTogether() throws IOException {
        KeptContainer kept = containers.make(name("x"), IMAGE);
        KeptContainer one = containers.make(name("x", "12"), OTHER);
        KeptContainer two = containers.make(name("y", "12"), IMAGE);
        assertEquals(Optional.of(one), containers.find(name("x", "12")));
        assertEquals(Optional.empty(), containers.find(name("x", "1")));
        assertEquals(List.of("12"), containers.jobs());
        assertEquals(List.of(kept, one, two), containers.list());
        assertTrue(containers.removeJob("12"));
        assertEquals(List.of(kept), containers.list());
        assertEquals(List.of("x"), entries(kept.directory().getParent()));
    }

    @Test
    void oneThatWasNeverEnteredMakesWayForAnotherImageAndOneThatWasDoesNot() throws IOException {
        KeptContainer first = containers.make(name("x"), IMAGE);
        assertEquals(first, containers.make(name("x"), IMAGE));
        KeptContainer second = containers.make(name("x"), OTHER);
        assertEquals(OTHER, second.image());
        assertEquals(Optional.of(second), containers.find(name("x")));
        assertTrue(containers.isUntouched(second));
        Files.writeString(second.lock(), "1 1\n");
        assertFalse(containers.isUntouched(second));
        assertEquals(OTHER, containers.make(name("x"), IMAGE).image());
        assertEquals(List.of("x"), entries(second.directory().getParent()));
    }

    @Test
    void oneThatSomebodyStartsJustNowKeepsItsImage() throws IOException {
        KeptContainer first = containers.make(name("x"), IMAGE);
        try (FileChannel channel = FileChannel.open(first.lock(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            channel.lock();
            assertEquals(IMAGE, containers.make(name("x"), OTHER).image());
        }
    }

    @Test
    void aJobThatHasContainersElsewhereIsNotedForTheEpilog() throws IOException {
        Path site = Files.createDirectory(parent.resolve("site"));
        KeptContainers elsewhere = new KeptContainers(site, parent, Owners.only(uid));
        elsewhere.make(name("x"), IMAGE);
        assertFalse(Files.exists(parent.resolve("berth-" + uid)));
        elsewhere.make(name("x", "5"), IMAGE);
        assertEquals(List.of("job-5"), entries(parent.resolve("berth-" + uid)));
        assertTrue(elsewhere.removeJob("5"));
        assertEquals(List.of(), entries(parent.resolve("berth-" + uid)));
        assertEquals(List.of("x"), entries(site.resolve("berth-" + uid)));
    }

    @Test
    void removingTakesUnwritableFoldersAlong() throws IOException {
        KeptContainer made = containers.make(name("x"), IMAGE);
        Path closed = Files.createDirectories(made.upper().resolve("closed"));
        Files.createFile(closed.resolve("file"));
        Files.createSymbolicLink(closed.resolve("link"), Path.of("/etc"));
        Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("---------"));
        assertTrue(containers.remove(made));
        assertEquals(List.of(), entries(made.directory().getParent()));
        assertTrue(Files.exists(Path.of("/etc")));
    }

    @Test
    void oneThatSomebodyIsInStays() throws IOException {
        KeptContainer made = containers.make(name("x", "3"), IMAGE);
        try (FileChannel channel = FileChannel.open(made.lock(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            channel.lock(0, Long.MAX_VALUE, true);
            assertFalse(containers.remove(made));
            assertFalse(containers.removeJob("3"));
            assertTrue(Files.exists(made.directory()));
        }
        assertTrue(containers.removeJob("3"));
        assertFalse(Files.exists(made.directory()));
    }

    @Test
    void aHolderLivesAsLongAsItsProcessAndNoOtherOfItsNumber() throws IOException {
        KeptContainer made = containers.make(name("x"), IMAGE);
        String stat = Files.readString(Path.of("/proc/self/stat"));
        long start = Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19]);
        int own = (int) ProcessHandle.current().pid();
        assertEquals(Optional.empty(), Occupants.living(made));
        Files.writeString(made.lock(), "%d %d\nrubbish\n".formatted(own, start + 1));
        assertEquals(Optional.empty(), Occupants.living(made));
        Files.writeString(made.lock(), "%d %d\n%d %d\n".formatted(own, start + 1, own, start));
        assertEquals(Optional.of(new Occupants.Holder(own, start)), Occupants.living(made));
    }

    @Test
    void whatAnotherPutInTheWayIsNotUsed() throws IOException {
        Path elsewhere = Files.createDirectory(parent.resolve("elsewhere"));
        Path root = parent.resolve("berth-" + uid);
        Files.createSymbolicLink(root, elsewhere);
        assertEquals(Optional.empty(), containers.find(name("x")));
        KeptContainer made = containers.make(name("x", "9"), IMAGE);
        assertTrue(made.directory().toString().matches("\\Q" + root + "\\E\\.[0-9a-f]{16}/job-9/x"));
        assertEquals(Optional.of(made), containers.find(name("x", "9")));
        assertEquals(List.of("9"), containers.jobs());
        assertTrue(containers.removeJob("9"));
        assertEquals(List.of(), entries(made.directory().getParent().getParent()));
        assertEquals(List.of(), entries(elsewhere));
        Files.delete(root);
        Files.createDirectory(root);
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThrows(HostException.class, () -> containers.make(name("x"), IMAGE));
        HostException open = assertThrows(HostException.class, () -> containers.find(name("x")));
        assertTrue(open.getMessage().contains("may be written to by everybody"), open.getMessage());
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwx------"));
        containers.make(name("x"), IMAGE);
        // A directory that has the name of another user's, and is ours.
        Files.createDirectory(parent.resolve("berth-" + (uid + 1)));
        KeptContainers others = new KeptContainers(parent, parent, Owners.only(uid + 1));
        assertEquals(Optional.empty(), others.find(name("x")));
    }

    @Test
    @Timeout(value = 20, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aRecordOrALockThatIsAFifoKeepsNobodyWaiting() throws IOException, InterruptedException {
        for (String file : List.of("container.json", "lock")) {
            KeptContainer made = containers.make(name("x", "4"), IMAGE);
            Path fifo = made.directory().resolve(file);
            Files.delete(fifo);
            assertEquals(
                    0, new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor());
            HostException e = assertThrows(HostException.class, () -> containers.removeJob("4"));
            assertTrue(e.getMessage().endsWith("is no regular file"), e.getMessage());
            Trees.remove(made.directory());
        }
    }

    @Test
    void aLinkAsLockFileIsNotFollowed() throws IOException {
        KeptContainer made = containers.make(name("x"), IMAGE);
        Files.delete(made.lock());
        Files.createSymbolicLink(made.lock(), Files.writeString(parent.resolve("other"), "1 1\n"));
        assertThrows(HostException.class, () -> containers.isUntouched(made));
        assertThrows(HostException.class, () -> containers.remove(made));
        assertTrue(Files.isSymbolicLink(made.lock()) && Files.exists(made.lock(), LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void aDamagedRecordSaysWhichItIs() throws IOException {
        KeptContainer made = containers.make(name("x"), IMAGE);
        Files.writeString(made.directory().resolve("container.json"), "{\"created\": 1");
        HostException e = assertThrows(HostException.class, () -> containers.find(name("x")));
        assertTrue(String.valueOf(e.getMessage()).contains("x/container.json is damaged"), e.getMessage());
    }

    @Test
    void namesHaveAModeAndNoOtherMeaning() {
        assertEquals(
                ContainerName.Mode.AUTO,
                ContainerName.parse("a.b-C_1", Optional.empty()).mode());
        assertEquals(
                ContainerName.Mode.CREATE,
                ContainerName.parse("a:create", Optional.empty()).mode());
        assertEquals(
                ContainerName.Mode.EXEC,
                ContainerName.parse("a:exec", Optional.empty()).mode());
        assertEquals(
                ContainerName.Mode.NO_EXEC,
                ContainerName.parse("a:no_exec", Optional.empty()).mode());
        for (String wrong : List.of(
                "",
                ":create",
                "a:",
                "a:b",
                "a:exec:exec",
                "../a",
                "a/b",
                ".a",
                "-a",
                "a b",
                "a\n",
                "job-1",
                "é",
                "a".repeat(101))) {
            assertThrows(UsageException.class, () -> ContainerName.parse(wrong, Optional.empty()), wrong);
        }
        assertThrows(UsageException.class, () -> ContainerName.parse("a", Optional.of("../1")));
    }

    private static ContainerName name(String text) {
        return ContainerName.parse(text, Optional.empty());
    }

    private static ContainerName name(String text, String job) {
        return ContainerName.parse(text, Optional.of(job));
    }

    private static List<String> entries(Path directory) throws IOException {
        try (Stream<Path> list = Files.list(directory)) {
            return list.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }
}
