package org.berth.squashfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Unpacked images against the trees they were made of. */
class ReaderUnpackerTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void theUnpackedTreeIsTheSource(int threads) throws IOException {
        Path tree = Images.variedTree(directory.resolve("tree"));
        Path image = Images.squash(tree, directory.resolve("image.sqfs"), "-comp", "zstd", "-b", "64K");
        Path out = Files.createDirectory(directory.resolve("out"));
        try (SquashfsReader reader = Images.open(image)) {
            Unpacker.Result result = Unpacker.unpack(reader, out, threads);
            // Set-id bits are only kept together with the owner.
            boolean root = Images.shell(tree, "id -u").strip().equals("0");
            assertEquals(
                    root ? List.of() : List.of("mode of /modes/suid: want 4755, got 0755"),
                    RootfsTree.differences(RootfsTree.of(tree), RootfsTree.of(out)));
            assertEquals(RootfsTree.of(tree).lines().size() - 1, result.files());
            assertEquals(0, result.xattrsDropped());
            long blocks = Long.parseLong(
                    Images.shell(out, "stat -c %b sparse hole-then-end | awk '{ n += $1 } END { print n }'")
                            .strip());
            assertTrue(blocks < 1000, "holes stay holes: " + blocks);
        }
    }

    @Test
    void theOwnerMayHaveAccessToAll() throws IOException {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        Images.shell(
                tree,
                "mkdir -p closed/inner; echo x >closed/inner/x; echo y >y; ln -s y link; chmod 0555 y; chmod 0400 closed/inner/x");
        // Whoever packs it must be able to read it: the modes are set by the packer.
        Path image = Images.squash(
                tree, directory.resolve("image.sqfs"), "-comp", "gzip", "-action", "chmod(0050)@name(closed)");
        Path out = Files.createDirectory(directory.resolve("out"));
        try (SquashfsReader reader = Images.open(image)) {
            Unpacker.unpack(reader, out, 1, Unpacker.Rights.OWNERS);
        }
        assertEquals(
                "750 closed\n755 closed/inner\n600 closed/inner/x\n777 link\n755 y\n",
                Images.shell(out, "umask 022; stat -c '%a %n' closed closed/inner closed/inner/x link y"));
    }

    @Test
    void namesThatAreNoTextAreKept() throws IOException {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        Images.shell(tree, "echo x >$'\\xff\\xfe'; ln -s $'\\xfd' $'\\xfc'; mkdir $'d\\n'");
        Path image = Images.squash(tree, directory.resolve("image.sqfs"), "-comp", "gzip");
        Path out = Files.createDirectory(directory.resolve("out"));
        try (SquashfsReader reader = Images.open(image)) {
            Unpacker.unpack(reader, out, 1);
        }
        String list = "find . -printf '%p %l %s %y\\n' | LC_ALL=C sort | sha256sum";
        // Directories may differ in their own size from one place to another.
        list = list.replace("%s ", "");
        assertEquals(Images.shell(tree, list), Images.shell(out, list));
    }

    @Test
    void aDirectoryThatIsNotEmptyIsLeftAlone() throws IOException {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        Path image = Images.squash(tree, directory.resolve("image.sqfs"), "-comp", "gzip");
        try (SquashfsReader reader = Images.open(image)) {
            String text = assertThrows(HostException.class, () -> Unpacker.unpack(reader, directory, 1))
                    .getMessage();
            assertEquals(directory + ": is not empty, nothing is unpacked into it", text);
        }
    }

    @Test
    void tooLittleSpaceIsSaidBeforeAnythingIsWritten() throws IOException {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        Images.shell(
                tree, "for i in $(seq 40); do head -c 1000000 /dev/urandom >f; cat f f f f f f f f >f$i; done; rm f");
        Path image = Images.squash(tree, directory.resolve("image.sqfs"), "-comp", "zstd", "-Xcompression-level", "1");
        Path out = Files.createDirectory(directory.resolve("out"));
        assumeTrue(mountTmpfs(out), "a small file system can only be mounted by root");
        try (SquashfsReader reader = Images.open(image)) {
            String text = assertThrows(HostException.class, () -> Unpacker.unpack(reader, out, 1))
                    .getMessage();
            assertTrue(text.matches(".*/out: unpacking .*/image.sqfs needs 320\\d* bytes, \\d+ are free"), text);
            assertEquals("", Images.shell(out, "ls -A"));
        } finally {
            Images.shell(directory, "umount out");
        }
    }

    private boolean mountTmpfs(Path target) {
        try {
            Images.shell(target, "mount -t tmpfs -o size=1m none . 2>/dev/null");
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void damagedDataEndsInAMessageAndNoThreadHangs() throws IOException {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        Images.shell(tree, "for i in $(seq 20); do seq $i 200000 >f$i; done");
        Path image = Images.squash(tree, directory.resolve("image.sqfs"), "-comp", "zstd", "-Xcompression-level", "1");
        byte[] bytes = Files.readAllBytes(image);
        for (int at = 200_000; at < 400_000; at += 1000) {
            bytes[at] ^= 0x55;
        }
        Files.write(image, bytes);
        Path out = Files.createDirectory(directory.resolve("out"));
        try (SquashfsReader reader = Images.open(image)) {
            assertThrows(ImageException.class, () -> Unpacker.unpack(reader, out, 4));
        }
    }
}
