package org.berth.devices;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A tree with the driver of no machine: real shared objects by the C compiler, and a cache that lists them. */
public final class FakeDriver {
    private FakeDriver() {}

    /** Runs a program of the host; the test is skipped where there is none. */
    public static String run(String... command) throws IOException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            assumeTrue(false, command[0] + " is not installed");
            throw e;
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            assumeTrue(process.waitFor(1, TimeUnit.MINUTES) && process.exitValue() == 0, command[0] + ": " + output);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        return output;
    }

    /** A shared object that calls memcpy, so that it needs a version of glibc's. */
    public static void library(Path file, String soname) throws IOException {
        Files.createDirectories(file.getParent());
        Path source = Files.createTempFile("berth", ".c");
        Files.writeString(
                source,
                "#include <string.h>\n#include <stdlib.h>\nvoid *f(char *a, size_t n) { return memcpy(malloc(n), a, n); }\n");
        run(
                "gcc",
                "-shared",
                "-fPIC",
                "-O0",
                "-fno-builtin",
                "-Wl,-soname," + soname,
                "-o",
                file.toString(),
                source.toString());
        Files.delete(source);
    }

    /** The linker's cache in its plain format. */
    public static byte[] cache(Map<String, String> libraries) {
        ByteArrayOutputStream strings = new ByteArrayOutputStream();
        int base = 48 + 24 * libraries.size();
        ByteBuffer entries = ByteBuffer.allocate(base).order(ByteOrder.LITTLE_ENDIAN);
        entries.put("glibc-ld.so.cache1.1".getBytes(StandardCharsets.US_ASCII));
        entries.putInt(libraries.size());
        entries.putInt(0).put((byte) 2).position(48);
        libraries.forEach((name, path) -> {
            entries.putInt(0x303);
            for (String text : List.of(name, path)) {
                entries.putInt(base + strings.size());
                strings.writeBytes((text + "\0").getBytes(StandardCharsets.UTF_8));
            }
            entries.putInt(0).putLong(0);
        });
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        file.writeBytes(entries.array());
        file.writeBytes(strings.toByteArray());
        return file.toByteArray();
    }
}
