package org.berth.oci;

import static org.berth.oci.Documents.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Optional;
import org.berth.error.UsageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlatformsTest {
    private static String digest(int number) {
        return "sha256:" + Integer.toString(number).repeat(64);
    }

    private static List<String> chosen(String entries, Platform wanted) {
        Index index = (Index) Documents.read(Documents.index("[" + entries + "]"));
        return Platforms.candidates(index, wanted).stream()
                .map(descriptor -> descriptor.digest().hex().substring(0, 1))
                .toList();
    }

    private static final String MANY = String.join(
            ",",
            entry(digest(1), "linux", "amd64", ""),
            entry(digest(2), "linux", "arm", "v6"),
            entry(digest(3), "linux", "arm", "v7"),
            entry(digest(4), "linux", "arm64", "v8"),
            entry(digest(5), "windows", "amd64", ""),
            entry(digest(6), "unknown", "unknown", ""),
            entry(digest(7), "linux", "s390x", ""));

    @ParameterizedTest
    @CsvSource({
        "amd64, '', 1",
        "arm, '', 32",
        "arm, v6, 2",
        "arm, v5, ''",
        "arm64, '', 4",
        "s390x, '', 7",
        "386, '', ''"
    })
    void bestEntryComesFirstAndWhatCannotRunNever(String architecture, String variant, String expected) {
        assertEquals(expected, String.join("", chosen(MANY, Platforms.parse(architecture, variant))));
    }

    @Test
    void anyVariantIsBetterThanNoneWhenNothingWasAskedFor() {
        assertEquals(List.of("1"), chosen(entry(digest(1), "linux", "amd64", "v3"), Platforms.parse("amd64", "")));
    }

    @Test
    void variantOfTheOnlyArm64EntryMayBeMissing() {
        assertEquals(List.of("1"), chosen(entry(digest(1), "linux", "arm64", ""), Platforms.parse("arm64", "")));
    }

    @Test
    void entriesWithoutAPlatformComeLast() {
        String bare = Documents.descriptor(MediaTypes.OCI_INDEX, digest(9), "5");
        assertEquals(List.of("1", "9"), chosen(bare + "," + MANY, Platforms.parse("amd64", "")));
    }

    @Test
    void unknownArchitectureIsAnsweredWithTheKnownOnes() {
        UsageException failure = assertThrows(UsageException.class, () -> Platforms.parse("amd", ""));
        assertEquals(
                "arch: amd is not valid, supported archs are: [arm arm64 amd64 386 ppc64le s390x riscv64 loong64]",
                failure.getMessage());
        assertThrows(UsageException.class, () -> Platforms.parse("arm", "v9"));
    }

    @Test
    void machinesHaveTheirGoNames() {
        assertEquals(Optional.of(new Platform("linux", "amd64", "")), Platforms.ofMachine("x86_64"));
        assertEquals(Optional.of(new Platform("linux", "arm64", "v8")), Platforms.ofMachine("aarch64"));
        assertEquals(Optional.of(new Platform("linux", "loong64", "")), Platforms.ofMachine("loongarch64"));
        assertEquals(Optional.empty(), Platforms.ofMachine("pdp11"));
    }
}
