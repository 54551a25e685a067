package org.berth.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TreesTest {
    private static final int DEPTH = 20_000;

    @TempDir
    Path folder;

    /** Each time around what is there gets a parent: no path is ever long. */
    private Path nested(int depth) throws IOException {
        Path tree = Files.createDirectory(folder.resolve("tree"));
        Files.writeString(tree.resolve("file"), "x");
        for (int i = 1; i < depth; i++) {
            Path outer = Files.createDirectory(folder.resolve("outer"));
            Files.move(tree, outer.resolve("d"), StandardCopyOption.ATOMIC_MOVE);
            Files.move(outer, tree, StandardCopyOption.ATOMIC_MOVE);
        }
        return tree;
    }

    @Test
    void aTreeOfTwentyThousandNestedDirectoriesGoes() throws IOException {
        Path tree = nested(DEPTH);
        Trees.remove(tree);
        assertFalse(Files.exists(tree, LinkOption.NOFOLLOW_LINKS));
    }

    @Test
    void closedDirectoriesGoAndLinksAreNotFollowed() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("kept"), "x");
        Path tree = Files.createDirectories(folder.resolve("tree/a/b/c"));
        Files.createSymbolicLink(tree.resolve("link"), outside);
        Files.writeString(tree.resolve("file"), "x");
        Files.createDirectory(folder.resolve("tree/.berth-removed-0"));
        Files.setPosixFilePermissions(tree, PosixFilePermissions.fromString("---------"));
        Files.setPosixFilePermissions(folder.resolve("tree/a"), PosixFilePermissions.fromString("r-x------"));
        Trees.remove(folder.resolve("tree"));
        assertFalse(Files.exists(folder.resolve("tree")));
        assertEquals("x", Files.readString(outside.resolve("kept")));
        Path link = Files.createSymbolicLink(folder.resolve("only"), outside);
        Trees.remove(link);
        assertTrue(Files.exists(outside) && !Files.exists(link, LinkOption.NOFOLLOW_LINKS));
        Trees.remove(folder.resolve("none"));
    }
}
