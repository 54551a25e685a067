package org.berth.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LinkerCacheTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"new", "compat", "old"})
    void ldconfigsListIsRead(String format) throws IOException {
        Path library = folder.resolve("lib/libcuda.so.999.88.77");
        FakeDriver.library(library, "libcuda.so.1");
        Files.writeString(folder.resolve("conf"), folder.resolve("lib") + "\n");
        Path cache = folder.resolve("cache");
        FakeDriver.run("/sbin/ldconfig", "-c", format, "-C", cache.toString(), "-f", folder + "/conf");
        List<LinkerCache.Entry> entries =
                LinkerCache.parse(Files.readAllBytes(cache)).entries();
        String lib = folder.resolve("lib").toString();
        assertTrue(entries.contains(new LinkerCache.Entry("libcuda.so.1", lib + "/libcuda.so.1")), entries.toString());
        assertTrue(entries.stream().anyMatch(entry -> entry.name().equals("libc.so.6")));
        assertTrue(entries.stream().allMatch(entry -> entry.path().startsWith("/")));
    }

    @Test
    void damageIsNeverAnError() {
        byte[] file = FakeDriver.cache(Map.of("liba.so.1", "/lib/liba.so.1", "libb.so.2", "/lib/libb.so.2"));
        assertEquals(2, LinkerCache.parse(file).entries().size());
        for (int length = 0; length < file.length; length++) {
            LinkerCache.parse(Arrays.copyOf(file, length));
        }
        Fuzz.of("ld.so.cache")
                .cases(2000)
                .run(random -> LinkerCache.parse(Mutation.bytes(file, random))
                        .entries()
                        .forEach(entry -> assertTrue(entry.path().startsWith("/"))));
    }
}
