package org.berth.sif;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.berth.error.ImageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that Apptainer's own tools made (src/test/resources/sif), and damaged ones. */
class SifFileTest {
    private static final Path FIXTURES = Path.of("src/test/resources/sif");

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"two-archs", "objects", "deleted", "signed-object"})
    void listPrintsWhatApptainerPrints(String name) throws IOException {
        assertEquals(expected(name + ".list.txt"), SifReport.list(fixture(name)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"two-archs", "deleted"})
    void headerPrintsWhatApptainerPrints(String name) throws IOException {
        assertEquals(expected(name + ".header.txt"), SifReport.header(fixture(name)));
    }

    @ParameterizedTest
    @CsvSource({"two-archs,3", "signed-object,4"})
    void infoPrintsWhatApptainerPrints(String name, int id) throws IOException {
        assertEquals(
                expected(name + ".info-" + id + ".txt"),
                SifReport.info(fixture(name).object(id).orElseThrow()));
    }

    @Test
    void headerOfARunnableImageBeginsWithItsLaunchLine() {
        SifHeader header = new SifHeader(
                FixedBytes.padded(SifFormat.LAUNCH_LINE, 32),
                FixedBytes.padded("01", 3),
                FixedBytes.padded("02", 3),
                SifHeader.NO_ID,
                SifHeader.NO_TIME,
                SifHeader.NO_TIME,
                44,
                48,
                4096,
                28080,
                32176,
                1053264);
        assertEquals("""
                Launch Script:        #!/usr/bin/env run-singularity
                Version:              01
                Primary Architecture: amd64
                Descriptors Free:     44
                Descriptors Total:    48
                Descriptors Offset:   4096
                Descriptors Size:     27 KiB
                Data Offset:          32176
                Data Size:            1 MiB
                """, SifReport.header(new SifFile(Path.of("x.sif"), header, List.of())));
    }

    @Test
    void fingerprintOfAnOpenPgpSignatureIsPrinted() {
        byte[] fingerprint = HexFormat.of().parseHex("4979b4c1c74ce79ee271f3eb466baa50efab0e0e");
        SifDescriptor object = SifObject.signature(HashType.SHA256, new Link.ToGroup(1), fingerprint)
                .placed(3, 1073152, 1, 1466, 1795559125);
        assertEquals("""
                  Data Type:    Signature
                  ID:           3
                  Group ID:     NONE
                  Linked ID:    1 (G)
                  Offset:       1073152
                  Size:         1466
                  Created At:   2026-11-24 22:25:25 +0000 UTC
                  Modified At:  2026-11-24 22:25:25 +0000 UTC
                  Hash Type:    SHA-256
                  Entity:       4979B4C1C74CE79EE271F3EB466BAA50EFAB0E0E
                """, SifReport.info(object));
    }

    @Test
    void unknownObjectsAreListedAndNamesCannotMoveTheCursor() {
        SifDescriptor strange = new SifDescriptor(
                0x4fff,
                7,
                SifFormat.GROUP_MASK,
                0,
                40000,
                5,
                5,
                Long.MAX_VALUE,
                0,
                0,
                0,
                FixedBytes.padded("a\u001b[2J\n", 128),
                SifObject.noExtra());
        SifFile file = new SifFile(Path.of("x.sif"), fixture("mini").header(), List.of(strange));
        assertTrue(SifReport.list(file).endsWith("7    |NONE    |NONE    |40000-40005               |Unknown\n"));
        assertTrue(SifReport.info(strange).contains("Name:         a?[2J?\n"));
        assertTrue(SifReport.info(strange).contains("9223372036854775807 seconds since 1970"));
    }

    @ParameterizedTest
    @CsvSource({"0,0 B", "1023,1023 B", "-5,-5 B", "1024,1 KiB", "1041440,1017 KiB", "3662416,3 MiB", "1572864,2 MiB"})
    void sizesAreRoundedToWholeUnits(long bytes, String text) {
        assertEquals(text, SifReport.size(bytes));
    }

    @Test
    void theFieldsOfAFixtureAreRead() {
        SifFile file = fixture("objects");
        assertEquals(Architecture.AMD64, file.header().architecture());
        SifDescriptor partition = file.primaryPartition().orElseThrow();
        assertEquals(2, partition.id());
        assertEquals(32768, partition.offset());
        assertEquals(8192, partition.size());
        assertEquals(
                new SifDescriptor.Partition(FileSystemType.SQUASHFS, PartitionType.PRIMARY_SYSTEM, Architecture.AMD64),
                partition.partition().orElseThrow());
        assertEquals(new Link.ToObject(2), file.object(6).orElseThrow().link());
        assertEquals(
                5,
                file.named(DataType.GENERIC_JSON, "generic.json").orElseThrow().id());
        assertEquals(Optional.empty(), file.object(99));
        assertEquals(List.of(1, 2, 5, 6), ids(fixture("deleted")));
    }

    @Test
    void bytesAndCopyGiveAnObject() throws IOException {
        SifFile file = fixture("objects");
        SifDescriptor environment = file.object(3).orElseThrow();
        byte[] bytes = file.bytes(environment, 100);
        assertEquals(10, bytes.length);
        ByteArrayOutputStream copied = new ByteArrayOutputStream();
        file.copy(environment, copied);
        assertArrayEquals(bytes, copied.toByteArray());
        assertThrows(ImageException.class, () -> file.bytes(environment, 9));
    }

    /** The digests are those that Apptainer signed: they stand in the signature object's payload. */
    @Test
    void signedFieldsHashToWhatApptainerSigned() throws Exception {
        SifFile file = fixture("signed-rsa");
        String envelope = new String(file.bytes(file.object(3).orElseThrow(), 10_000), StandardCharsets.UTF_8);
        String payload = envelope.replaceAll(".*\"payload\":\"([^\"]*)\".*", "$1");
        String signed = new String(Base64.getDecoder().decode(payload), StandardCharsets.UTF_8);
        for (int id = 1; id <= 2; id++) {
            byte[] fields = file.object(id).orElseThrow().signedFields(id - 1);
            String digest = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(fields));
            assertTrue(signed.contains("\"descriptorDigest\":\"sha256:" + digest + "\""), signed);
        }
    }

    @Test
    void detectionFindsTheMagicInTheFirst2048Bytes() throws IOException {
        assertTrue(SifFile.looksLikeSif(Files.readAllBytes(FIXTURES.resolve("mini.sif"))));
        byte[] late = new byte[4096];
        System.arraycopy(SifFormat.MAGIC, 0, late, 2038, 10);
        assertTrue(SifFile.looksLikeSif(late));
        byte[] later = new byte[4096];
        System.arraycopy(SifFormat.MAGIC, 0, later, 2039, 10);
        assertFalse(SifFile.looksLikeSif(later));
        assertFalse(SifFile.looksLikeSif(new byte[0]));
    }

    @ParameterizedTest
    @CsvSource({
        "32, 0x5359424d, not a SIF file",
        "42, 0x00003230, SIF version \"02\" is not known",
        "88, 47, the table of 47 descriptors",
        "88, -1, it claims -1 descriptors",
        "88, 0x7fffffffffffffff, descriptors",
        "96, 0, the descriptor table at offset 0",
        "96, 20000, the descriptor table at offset 20000",
        "96, 0x7fffffffffffffff, the descriptor table",
        "4698, -1, object 2",
        "4698, 0x7fffffffffffffff, object 2",
        "4706, 8193, 'object 2 (offset 32768, size 8193) lies outside the file of 40960 bytes'",
        "4706, -1, object 2",
        "4706, 0x7fffffffffffffff, object 2",
        "4686, 0x01000000, two objects have the id 1",
    })
    void damagedFilesAreRefusedInWords(int at, String value, String message) throws IOException {
        byte[] bytes = Files.readAllBytes(FIXTURES.resolve("mini.sif"));
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (at == 32 || at == 42) {
            buffer.putInt(at, Integer.decode(value));
        } else if (at == 4686) {
            buffer.putInt(4096 + 585 + 5, 1);
        } else {
            buffer.putLong(at, Long.decode(value));
        }
        Path file = Files.write(directory.resolve("x.sif"), bytes);
        String text =
                assertThrows(ImageException.class, () -> SifFile.read(file)).getMessage();
        assertTrue(text.startsWith(file + ": ") && text.contains(message), text);
    }

    @Test
    void otherFilesAreNoSifFiles() throws IOException {
        Path empty = Files.write(directory.resolve("empty"), new byte[0]);
        assertEquals(
                empty + ": not a SIF file (it has 0 bytes, a SIF header has 128)",
                assertThrows(ImageException.class, () -> SifFile.read(empty)).getMessage());
        Path missing = directory.resolve("missing");
        assertEquals(
                missing + ": no such file",
                assertThrows(ImageException.class, () -> SifFile.read(missing)).getMessage());
        assertThrows(ImageException.class, () -> SifFile.read(directory));
    }

    @Test
    void twoPrimaryPartitionsAreListedButNotRun() throws IOException {
        byte[] bytes = Files.readAllBytes(FIXTURES.resolve("two-archs.sif"));
        bytes[4096 + 2 * 585 + 201 + 4] = 2;
        SifFile file = SifFile.read(Files.write(directory.resolve("x.sif"), bytes));
        assertEquals(3, file.descriptors().size());
        assertThrows(ImageException.class, file::primaryPartition);
    }

    @Test
    void randomDamageEndsInAResultOrAMessage() throws IOException {
        byte[] whole = Files.readAllBytes(FIXTURES.resolve("objects.sif"));
        Random random = new Random(1);
        Path file = directory.resolve("x.sif");
        for (int round = 0; round < 2000; round++) {
            byte[] bytes = whole.clone();
            int at = random.nextBoolean() ? random.nextInt(128) : 4096 + random.nextInt(6 * 585);
            bytes[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(file, bytes);
            try {
                SifFile read = SifFile.read(file);
                SifReport.list(read);
                SifReport.header(read);
                read.descriptors().forEach(SifReport::info);
                read.primaryPartition();
            } catch (ImageException e) {
                assertTrue(e.getMessage().startsWith(file.toString()));
            }
        }
    }

    private static List<Integer> ids(SifFile file) {
        return file.descriptors().stream().map(SifDescriptor::id).toList();
    }

    private static SifFile fixture(String name) {
        return SifFile.read(FIXTURES.resolve(name + ".sif"));
    }

    private static String expected(String name) throws IOException {
        return Files.readString(FIXTURES.resolve(name));
    }
}
