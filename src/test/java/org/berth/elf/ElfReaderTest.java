package org.berth.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.berth.devices.FakeDriver;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ElfReaderTest {
    @TempDir
    Path folder;

    @Test
    void aSharedObjectOfTheCompilerIsRead() throws IOException {
        ElfFile elf = read(library());
        assertEquals(64, elf.bits());
        assertEquals(Optional.of("libcuda.so.1"), elf.soname());
        assertEquals(List.of("libc.so.6"), elf.needed());
        assertEquals(Set.of("libc.so.6"), elf.versionsNeeded().keySet());
        assertTrue(elf.versionsNeeded().get("libc.so.6").stream().allMatch(v -> v.startsWith("GLIBC_2.")));
        assertEquals(Set.of(), elf.versionsDefined());
    }

    @Test
    void definedVersionsAreTheOnesOfTheScript() throws IOException {
        Path script = folder.resolve("map");
        Files.writeString(script, "V_1 { global: f; local: *; };\nV_2 { } V_1;\n");
        Path source = folder.resolve("f.c");
        Files.writeString(source, "int f(void) { return 1; }\n");
        Path file = folder.resolve("libf.so");
        FakeDriver.run(
                "gcc",
                "-shared",
                "-fPIC",
                "-nostdlib",
                "-Wl,-soname,libf.so.1",
                "-Wl,--version-script=" + script,
                "-o",
                file.toString(),
                source.toString());
        ElfFile elf = read(Files.readAllBytes(file));
        assertEquals(new TreeSet<>(Set.of("libf.so.1", "V_1", "V_2")), elf.versionsDefined());
    }

    @Test
    void whatAnotherFileLacksIsNamed() throws IOException {
        ElfFile elf = read(library());
        Set<String> needed = elf.versionsNeeded().get("libc.so.6");
        assertEquals(Set.of(), elf.unmet("libc.so.6", needed));
        assertEquals(needed, elf.unmet("libc.so.6", Set.of("GLIBC_2.0")));
        assertEquals(Set.of(), elf.unmet("libc.so.6", Set.of()));
        assertEquals(Set.of(), elf.unmet("libm.so.6", Set.of("GLIBC_2.0")));
    }

    @Test
    void whatIsNoElfFileIsNothing() {
        assertEquals(Optional.empty(), ElfReader.read(ElfReader.Source.of(new byte[0])));
        assertEquals(
                Optional.empty(),
                ElfReader.read(ElfReader.Source.of(
                        "/* GNU ld script */ INPUT(x) ".repeat(9).getBytes(StandardCharsets.UTF_8))));
    }

    @Test
    void damageIsNeverAnErrorNorAnEndlessLoop() throws IOException {
        byte[] file = library();
        for (int length = 0; length < file.length; length += 61) {
            ElfReader.read(ElfReader.Source.of(Arrays.copyOf(file, length)));
        }
        Fuzz.of("elf").cases(3000).run(random -> {
            byte[] damaged = file.clone();
            for (int i = 0; i < 4; i++) {
                damaged[random.nextInt(random.nextBoolean() ? 1024 : damaged.length)] = (byte) random.nextInt(256);
            }
            ElfReader.read(ElfReader.Source.of(random.nextBoolean() ? damaged : Mutation.bytes(damaged, random)));
        });
    }

    /** Sizes are unsigned words of the file. */
    @Test
    void aDynamicSectionOfNegativeSizeIsNoError() throws IOException {
        byte[] file = library();
        ByteBuffer words = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        for (int header = (int) words.getLong(32), left = words.getShort(56); left > 0; left--, header += 56) {
            if (words.getInt(header) == 2) {
                words.putLong(header + 32, -1);
            }
        }
        ElfReader.read(ElfReader.Source.of(file));
        ElfReader.read((offset, length) -> new byte[Math.min(length, 1 << 20)]);
    }

    /**
     * A record of a needed file and one of a version look alike: in a table of records that are both, each lists all that
     * follow, with a string of megabytes each.
     */
    @Test
    void versionsThatListEachOtherEnd() {
        int table = 1 << 18;
        int strings = 1 << 20;
        int start = 64 + 2 * 56 + 5 * 16;
        ByteBuffer elf = ByteBuffer.allocate(start + table + strings).order(ByteOrder.LITTLE_ENDIAN);
        elf.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1})
                .putLong(32, 64)
                .putShort(54, (short) 56)
                .putShort(56, (short) 2);
        elf.putInt(64, 1).putLong(64 + 32, elf.capacity());
        elf.putInt(120, 2).putLong(120 + 8, 176).putLong(120 + 32, 80);
        elf.putLong(176, 5).putLong(184, start + table);
        elf.putLong(192, 10).putLong(200, strings);
        elf.putLong(208, 0x6ffffffeL).putLong(216, start);
        for (int at = start; at < start + table; at += 16) {
            elf.putShort(at + 2, (short) -1)
                    .putInt(at + 4, 1)
                    .putInt(at + 8, 16)
                    .putInt(at + 12, 16);
        }
        Arrays.fill(elf.array(), start + table, elf.capacity() - 1, (byte) 'x');
        Fuzz.of("elf-versions")
                .allocating(8 << 20)
                .once(random -> assertEquals(Optional.empty(), ElfReader.read(ElfReader.Source.of(elf.array()))));
        Arrays.fill(elf.array(), start + table + 100, elf.capacity(), (byte) 0);
        Fuzz.of("elf-versions")
                .once(random -> assertEquals(Optional.empty(), ElfReader.read(ElfReader.Source.of(elf.array()))));
    }

    private byte[] library() throws IOException {
        Path file = folder.resolve("libcuda.so.999.88.77");
        FakeDriver.library(file, "libcuda.so.1");
        return Files.readAllBytes(file);
    }

    private static ElfFile read(byte[] file) {
        return ElfReader.read(ElfReader.Source.of(file)).orElseThrow();
    }
}
