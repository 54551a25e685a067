package org.berth.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.berth.host.Owners.Kind;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnersTest {
    @TempDir
    Path folder;

    private int uid;
    private Owners owners;

    @BeforeEach
    void whoAsks() throws IOException {
        uid = (Integer) Files.getAttribute(folder, "unix:uid");
        owners = Owners.only(uid);
    }

    private String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    private Path directory(String name, String mode) throws IOException {
        Path path = Files.createDirectory(folder.resolve(name));
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
        return path;
    }

    private Path another(Path path) throws IOException {
        Assumptions.assumeTrue(uid == 0, "only root gives files away");
        Files.setAttribute(path, "unix:uid", 12345);
        return path;
    }

    @Test
    void onesOwnIsTrustedUnlessOthersMayWrite() throws IOException {
        assertEquals(Optional.empty(), owners.objection(directory("own", "rwx------"), Kind.DIRECTORY));
        assertEquals(Optional.empty(), owners.objection(directory("read", "rwxr-xr-x"), Kind.DIRECTORY));
        assertEquals(
                Optional.of("may be written to by everybody (mode 0777)"),
                owners.objection(directory("open", "rwxrwxrwx"), Kind.DIRECTORY));
        assertTrue(owners.objection(directory("group", "rwxrwx---"), Kind.DIRECTORY)
                .orElseThrow()
                .startsWith("may be written to by the group "));
    }

    @Test
    void linksAndOtherKindsAreNone() throws IOException {
        Path own = directory("own", "rwx------");
        Path link = Files.createSymbolicLink(folder.resolve("link"), own);
        assertEquals(Optional.of("is a symbolic link"), owners.objection(link, Kind.DIRECTORY));
        assertEquals(Optional.of("is a symbolic link"), owners.objection(link, Kind.FILE));
        assertEquals(Optional.of("is no regular file"), owners.objection(own, Kind.FILE));
        Path file = Files.createFile(folder.resolve("file"));
        assertEquals(Optional.of("is no directory"), owners.objection(file, Kind.DIRECTORY));
        assertThrows(NoSuchFileException.class, () -> owners.objection(folder.resolve("none"), Kind.FILE));
    }

    @Test
    void theRefusalNamesTheOwner() throws IOException {
        Path theirs = directory("theirs", "rwx------");
        assertEquals(
                Optional.of("belongs to " + (uid == 0 ? "root (user 0)" : name(theirs))),
                Owners.only(uid + 1).objection(theirs, Kind.DIRECTORY));
    }

    private String name(Path path) throws IOException {
        return "%s (user %d)".formatted(Files.getOwner(path).getName(), uid);
    }

    @Test
    void anOwnerThatNobodyKnowsHereIsRefusedWithTheSettingsName() throws IOException {
        Assumptions.assumeTrue(uid == 0, "only root gives files away");
        Path lost = directory("lost", "rwx------");
        Files.setAttribute(lost, "unix:uid", 65534);
        String objection = owners.objection(lost, Kind.DIRECTORY).orElseThrow();
        assertTrue(objection.contains("65534") && objection.contains("trusted-owners"), objection);
    }

    @Test
    void theSiteTrustsOthersByNameOrNumberAndGroupsByMembership() throws IOException {
        Path theirs = another(directory("theirs", "rwx------"));
        assertFalse(owners.objection(theirs, Kind.DIRECTORY).isEmpty());
        assertEquals(Optional.empty(), new Owners(uid, List.of("12345"), List.of()).objection(theirs, Kind.DIRECTORY));
        Path roots = directory("roots", "rwxrwx---");
        Owners other = new Owners(4711, List.of(), List.of("root"));
        assertEquals(Optional.empty(), other.objection(roots, Kind.DIRECTORY));
        // The group alone is not enough: user 12345 is no member of it.
        assertFalse(other.objection(theirs, Kind.DIRECTORY).isEmpty());
    }

    @Test
    void whatIsMadeIsPrivateFromTheFirstDirectoryOn() throws IOException {
        Path parent = directory("shared", "rwxrwxrwx");
        Path made = OwnDirectory.make(parent.resolve("a/b/c"), owners);
        assertEquals(
                List.of("rwx------", "rwx------", "rwx------"),
                List.of(
                        mode(made),
                        mode(made.getParent()),
                        mode(made.getParent().getParent())));
        assertEquals("rwxrwxrwx", mode(parent));
        assertEquals(made, OwnDirectory.make(made, owners));
    }

    @Test
    void onesOwnThatOthersReadIsClosedAndOneThatTheyWriteIsRefused() throws IOException {
        Path read = directory("read", "rwxr-xr-x");
        assertTrue(OwnDirectory.isThere(read, owners));
        assertEquals("rwx------", mode(read));
        Path open = directory("open", "rwxrwxrwx");
        assertThrows(Owners.NotTrusted.class, () -> OwnDirectory.make(open, owners));
        assertEquals("rwxrwxrwx", mode(open));
    }

    @Test
    void aTakenNameCostsNothing() throws IOException {
        Path parent = directory("shared", "rwxrwxrwx");
        for (String squatted : List.of("a", "b", "c")) {
            Path name = parent.resolve(squatted);
            switch (squatted) {
                case "a" -> Files.createSymbolicLink(name, folder);
                case "b" -> Files.createFile(name);
                default -> another(Files.createDirectory(name));
            }
            assertEquals(Optional.empty(), OwnDirectory.find(parent, squatted, owners));
            Path own = OwnDirectory.of(parent, squatted, owners);
            assertTrue(own.getFileName().toString().matches(squatted + "\\.[0-9a-f]{16}"), own.toString());
            assertEquals("rwx------", mode(own));
            assertEquals(Optional.of(own), OwnDirectory.find(parent, squatted, owners));
            assertEquals(own, OwnDirectory.of(parent, squatted, owners));
        }
    }

    @Test
    void aNameThatLooksLikeAFallbackOfAnothersIsPassedOver() throws IOException {
        Path parent = directory("shared", "rwxrwxrwx");
        Files.createFile(parent.resolve("x"));
        Files.createSymbolicLink(parent.resolve("x.0000000000000000"), folder);
        another(Files.createDirectory(parent.resolve("x.0000000000000001")));
        Path own = OwnDirectory.of(parent, "x", owners);
        assertTrue(own.getFileName().toString().compareTo("x.0000000000000001") > 0);
        assertEquals(Optional.of(own), OwnDirectory.find(parent, "x", owners));
    }

    @Test
    void theCommonNameIsTheFirstChoice() throws IOException {
        Path parent = directory("shared", "rwxrwxrwx");
        assertEquals(Optional.empty(), OwnDirectory.find(parent, "x", owners));
        assertEquals(parent.resolve("x"), OwnDirectory.of(parent, "x", owners));
        assertEquals(Optional.of(parent.resolve("x")), OwnDirectory.find(parent, "x", owners));
        Files.setPosixFilePermissions(parent.resolve("x"), PosixFilePermissions.fromString("rwxrwxrwx"));
        // One's own that is open to others is a mistake to be told of, and no reason to lose what is in it.
        assertThrows(Owners.NotTrusted.class, () -> OwnDirectory.find(parent, "x", owners));
        try (Stream<Path> entries = Files.list(parent)) {
            assertEquals(1, entries.count());
        }
    }
}
