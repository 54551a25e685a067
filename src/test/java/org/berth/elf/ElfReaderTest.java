package org.berth.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.berth.devices.FakeDriver;
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
        Random random = new Random(11);
        for (int round = 0; round < 3000; round++) {
            byte[] damaged = file.clone();
            for (int i = 0; i < 4; i++) {
                damaged[random.nextInt(random.nextBoolean() ? 1024 : damaged.length)] = (byte) random.nextInt(256);
            }
            ElfReader.read(ElfReader.Source.of(damaged));
        }
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
