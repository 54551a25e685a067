package org.berth.squashfs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import org.berth.error.HostException;
import org.berth.squashfs.Packer.Owners;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Packed trees against the trees themselves. */
class PackerTest {
    private static final Instant TIME = Instant.ofEpochSecond(1_700_000_000);

    @TempDir
    Path directory;

    private Path pack(Path tree, String name, Owners owners) throws IOException {
        Path image = directory.resolve(name);
        try (FileChannel channel = FileChannel.open(
                        image, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
                SquashfsWriter writer = new SquashfsWriter(channel, 0, BlockCodec.zstd(1), 2)) {
            Packer.pack(tree, writer, owners, TIME);
        }
        return image;
    }

    @Test
    void thePackedTreeIsTheSource() throws IOException {
        Path tree = Images.variedTree(directory.resolve("tree"));
        try (SquashfsReader reader = Images.open(pack(tree, "image.sqfs", Owners.KEPT))) {
            assertEquals(List.of(), RootfsTree.differences(RootfsTree.of(tree), RootfsTree.of(reader)));
        }
    }

    @Test
    void theSameTreeGivesTheSameBytes() throws IOException {
        Path tree = Images.variedTree(directory.resolve("tree"));
        assertArrayEquals(
                Files.readAllBytes(pack(tree, "one.sqfs", Owners.ROOT)),
                Files.readAllBytes(pack(tree, "two.sqfs", Owners.ROOT)));
    }

    @Test
    void allFilesCanBelongToRoot() throws IOException {
        Path tree = Images.variedTree(directory.resolve("tree"));
        try (SquashfsReader reader = Images.open(pack(tree, "image.sqfs", Owners.ROOT))) {
            RootfsTree.of(reader).lines().forEach(line -> {
                assertEquals("0", line.fields().get("uid"), line.path());
                assertEquals("0", line.fields().get("gid"), line.path());
            });
        }
    }

    @Test
    void namesThatAreNoTextAreKept() throws IOException {
        Path tree = Files.createDirectory(directory.resolve("tree"));
        Images.shell(tree, "echo x >$'\\xff\\xfe'; ln -s $'\\xfd' $'\\xfc'; mkdir $'d\\n'; echo y >$'d\\n/\\x80'");
        Path out = Files.createDirectory(directory.resolve("out"));
        try (SquashfsReader reader = Images.open(pack(tree, "image.sqfs", Owners.KEPT))) {
            Unpacker.unpack(reader, out, 1);
        }
        String list = "find . -printf '%p %l %y\\n' | LC_ALL=C sort | sha256sum";
        assertEquals(Images.shell(tree, list), Images.shell(out, list));
    }

    @Test
    void whatIsNoDirectoryIsNotPacked() {
        String text = assertThrows(
                        HostException.class, () -> pack(directory.resolve("nothing"), "image.sqfs", Owners.ROOT))
                .getMessage();
        assertEquals("could not read %s: No such file or directory".formatted(directory.resolve("nothing")), text);
    }
}
