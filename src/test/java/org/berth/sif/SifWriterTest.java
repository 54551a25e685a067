package org.berth.sif;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.sif.SifEditor.Addition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Written files against the field tables of the format, and against a file that Apptainer's tools wrote. */
class SifWriterTest {
    private static final Path FIXTURES = Path.of("src/test/resources/sif");
    private static final SifObject DEFINITION = SifObject.of(DataType.DEFINITION, "");
    private static final SifObject SYSTEM =
            SifObject.partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, Architecture.AMD64, "");

    @TempDir
    Path directory;

    @Test
    void rewritingAFixtureGivesTheSameBytes() throws IOException {
        SifFile mini = SifFile.read(FIXTURES.resolve("mini.sif"));
        Path copy = directory.resolve("mini.sif");
        SifIdentity identity = new SifIdentity(mini.header().id(), mini.header().createdAt());
        try (SifWriter writer = SifWriter.createWithoutLaunchLine(copy, identity)) {
            writer.add(DEFINITION.named("mini.def"), mini.bytes(mini.object(1).orElseThrow(), 1000));
            byte[] partition = mini.bytes(mini.object(2).orElseThrow(), 10_000);
            SifWriter.PartitionTarget target = writer.beginPartition(SYSTEM.named("mini.sqfs"));
            assertEquals(32768, target.offset());
            target.channel().write(ByteBuffer.wrap(partition), target.offset());
            assertEquals(2, writer.endPartition(partition.length));
            writer.finish(022);
        }
        assertArrayEquals(Files.readAllBytes(FIXTURES.resolve("mini.sif")), Files.readAllBytes(copy));
    }

    @Test
    void deterministicImageHasNoIdAndNoTimes() throws IOException {
        Path file = write("d.sif", SifIdentity.DETERMINISTIC, "x");
        SifFile read = SifFile.read(file);
        assertEquals(SifHeader.NO_ID, read.header().id());
        assertEquals(-62135596800L, read.header().createdAt());
        assertEquals(-62135596800L, read.object(1).orElseThrow().modifiedAt());
        assertEquals("#!/usr/bin/env run-singularity\n", read.header().launch().text());
        assertEquals(46, read.header().descriptorsFree());
        assertEquals(592 + 5000, read.header().dataSize());
        assertEquals(591 + 5000, read.object(2).orElseThrow().sizeWithPadding());
        assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(write("e.sif", SifIdentity.DETERMINISTIC, "x")));
        assertTrue(
                SifReport.header(read).startsWith("Launch Script:        #!/usr/bin/env run-singularity\nVersion: "));
    }

    @Test
    void emptyImageEndsWithItsTable() throws IOException {
        Path file = directory.resolve("n.sif");
        try (SifWriter writer = SifWriter.createWithoutLaunchLine(file, SifIdentity.fresh(Instant.EPOCH))) {
            writer.finish(022);
        }
        assertEquals(32176, Files.size(file));
        SifFile read = SifFile.read(file);
        assertEquals(Architecture.UNKNOWN, read.header().architecture());
        assertEquals(3, SifReport.list(read).lines().count());
        assertEquals(List.of("n.sif"), names());
    }

    @Test
    void permissionsAreThoseOfAProgramUnderTheUmask() throws IOException {
        Path file = directory.resolve("m.sif");
        try (SifWriter writer = SifWriter.create(file, SifIdentity.DETERMINISTIC)) {
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(writer.temporary())));
            writer.finish(027);
        }
        assertEquals("rwxr-x---", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    }

    @Test
    void closedWithoutFinishLeavesNothing() throws IOException {
        try (SifWriter writer = SifWriter.create(directory.resolve("a.sif"), SifIdentity.DETERMINISTIC)) {
            writer.add(DEFINITION, new byte[100]);
            assertTrue(names().getFirst().startsWith(SifWriter.TEMPORARY_PREFIX));
        }
        assertEquals(List.of(), names());
    }

    @Test
    void finishReplacesAnOlderFileAtOnce() throws IOException {
        Files.writeString(directory.resolve("d.sif"), "old");
        assertEquals(
                2,
                SifFile.read(write("d.sif", SifIdentity.DETERMINISTIC, "y"))
                        .descriptors()
                        .size());
        assertEquals(List.of("d.sif"), names());
    }

    @Test
    void whatAPartitionsWriterLeftBehindItsEndIsCutOff() throws IOException {
        Path file = directory.resolve("c.sif");
        try (SifWriter writer = SifWriter.create(file, SifIdentity.DETERMINISTIC)) {
            SifWriter.PartitionTarget target = writer.beginPartition(SYSTEM);
            target.channel().write(ByteBuffer.allocate(9000), target.offset());
            writer.endPartition(4096);
            writer.finish(022);
        }
        assertEquals(32768 + 4096, Files.size(file));
    }

    @Test
    void nameOf128BytesFitsAndOneMoreDoesNot() throws IOException {
        String name = "n".repeat(128);
        Path file = directory.resolve("l.sif");
        try (SifWriter writer = SifWriter.create(file, SifIdentity.DETERMINISTIC)) {
            writer.add(DEFINITION.named(name), new byte[1]);
            writer.finish(022);
        }
        assertEquals(name, SifFile.read(file).object(1).orElseThrow().name().text());
        assertThrows(UsageException.class, () -> DEFINITION.named(name + "n"));
    }

    @Test
    void fortyNinthObjectIsRefused() {
        try (SifWriter writer = SifWriter.create(directory.resolve("f.sif"), SifIdentity.DETERMINISTIC)) {
            for (int i = 0; i < 48; i++) {
                writer.add(DEFINITION, new byte[1]);
            }
            assertThrows(ImageException.class, () -> writer.add(DEFINITION, new byte[1]));
        }
    }

    @Test
    void secondPrimaryPartitionIsRefused() {
        try (SifWriter writer = SifWriter.create(directory.resolve("p.sif"), SifIdentity.DETERMINISTIC)) {
            writer.add(SYSTEM, new byte[1]);
            assertThrows(ImageException.class, () -> writer.add(SYSTEM, new byte[1]));
        }
    }

    @Test
    void missingFolderIsNamed() {
        Path file = directory.resolve("no/x.sif");
        HostException error =
                assertThrows(HostException.class, () -> SifWriter.create(file, SifIdentity.DETERMINISTIC));
        assertTrue(error.getMessage().startsWith(file + ": cannot be made: "), error.getMessage());
    }

    @Test
    void deletingTwoObjectsGivesWhatApptainersToolGives() throws IOException {
        Path file = copy("objects");
        long time = SifFile.read(file).header().modifiedAt();
        SifEditor.delete(file, 3, SifEditor.Wipe.KEEP, time);
        SifEditor.delete(file, 4, SifEditor.Wipe.KEEP, time);
        assertArrayEquals(Files.readAllBytes(FIXTURES.resolve("deleted.sif")), Files.readAllBytes(file));
    }

    @Test
    void addingTheFixturesObjectsGivesTheFixture() throws IOException {
        Path file = copy("mini");
        SifFile whole = SifFile.read(FIXTURES.resolve("objects.sif"));
        long time = whole.header().modifiedAt();
        add(file, whole, 3, SifObject.of(DataType.ENVIRONMENT, "env.txt"), time);
        add(file, whole, 4, SifObject.of(DataType.LABELS, "labels.json"), time);
        add(file, whole, 5, SifObject.of(DataType.GENERIC_JSON, "generic.json").inGroup(0), time);
        SifObject raw = SifObject.of(DataType.GENERIC, "generic.bin").inGroup(0);
        add(file, whole, 6, raw.linkedTo(new Link.ToObject(2)), time);
        assertArrayEquals(Files.readAllBytes(FIXTURES.resolve("objects.sif")), Files.readAllBytes(file));
    }

    private static void add(Path file, SifFile from, int id, SifObject object, long time) {
        byte[] data = from.bytes(from.object(id).orElseThrow(), 1000);
        SifEditor.add(file, List.of(new Addition(object, data)), time);
    }

    @Test
    void addedObjectTakesTheFirstFreeSlot() throws IOException {
        Path file = copy("deleted");
        SifFile changed = SifEditor.add(file, List.of(new Addition(DEFINITION, new byte[7])), 1_800_000_000);
        assertEquals(changed, SifFile.read(file));
        assertEquals(41032, changed.object(3).orElseThrow().offset());
        assertEquals(1_800_000_000, changed.header().modifiedAt());
        assertEquals(43, changed.header().descriptorsFree());
    }

    @Test
    void objectsAddedTogetherAppearTogetherOrNotAtAll() throws IOException {
        Path file = copy("mini");
        byte[] before = Files.readAllBytes(file);
        InputStream broken = new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("the disk is gone");
            }
        };
        List<Addition> additions =
                List.of(new Addition(DEFINITION, new byte[9]), new Addition(DEFINITION, broken, Optional.empty()));
        HostException error = assertThrows(HostException.class, () -> SifEditor.add(file, additions, 0));
        assertTrue(error.getMessage().endsWith("the disk is gone"), error.getMessage());
        assertArrayEquals(before, Files.readAllBytes(file));
        SifFile changed = SifEditor.add(
                file, List.of(new Addition(DEFINITION, new byte[9]), new Addition(DEFINITION, new byte[1])), 0);
        assertEquals(changed, SifFile.read(file));
        assertEquals(
                List.of(40960L, 40969L),
                changed.descriptors().stream()
                        .skip(2)
                        .map(SifDescriptor::offset)
                        .toList());
    }

    @Test
    void setPrimaryMovesTheMarkAndTheArchitecture() throws IOException {
        Path file = copy("two-archs");
        SifFile changed = SifEditor.setPrimary(file, 3, 1_800_000_000);
        assertEquals(changed, SifFile.read(file));
        assertEquals(Architecture.ARM64, changed.header().architecture());
        assertEquals(3, changed.primaryPartition().orElseThrow().id());
        assertThrows(UsageException.class, () -> SifEditor.setPrimary(file, 1, 0));
        assertThrows(UsageException.class, () -> SifEditor.setPrimary(file, 9, 0));
    }

    @Test
    void deletingThePrimaryPartitionClearsTheArchitectureAndCanZeroTheBytes() throws IOException {
        Path file = copy("mini");
        SifFile changed = SifEditor.delete(file, 2, SifEditor.Wipe.ZERO, 0);
        assertEquals(Architecture.UNKNOWN, changed.header().architecture());
        byte[] bytes = Files.readAllBytes(file);
        assertArrayEquals(new byte[8192], Arrays.copyOfRange(bytes, 32768, 40960));
    }

    @Test
    void deterministicFileStaysDeterministic() throws IOException {
        Path file = write("s.sif", SifIdentity.DETERMINISTIC, "x");
        SifFile changed = SifEditor.add(file, List.of(new Addition(DEFINITION, new byte[7])), 1_800_000_000);
        assertEquals(SifHeader.NO_TIME, changed.header().modifiedAt());
        assertEquals(SifHeader.NO_TIME, changed.object(3).orElseThrow().createdAt());
    }

    private Path write(String name, SifIdentity identity, String definition) throws IOException {
        Path file = directory.resolve(name);
        try (SifWriter writer = SifWriter.create(file, identity)) {
            writer.add(DEFINITION, definition.getBytes(StandardCharsets.UTF_8));
            SifWriter.PartitionTarget target = writer.beginPartition(SYSTEM);
            target.channel().write(ByteBuffer.allocate(4096), target.offset());
            writer.endPartition(5000);
            return writer.finish(022);
        }
    }

    private Path copy(String fixture) throws IOException {
        return Files.copy(
                FIXTURES.resolve(fixture + ".sif"),
                directory.resolve(fixture + ".sif"),
                StandardCopyOption.REPLACE_EXISTING);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
