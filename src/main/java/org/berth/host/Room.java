package org.berth.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * What an ordinary user may still write to a file system, by statvfs(3); some file systems count a quota in, others tell of it
 * only when it is used up.
 *
 * @param bytes that are free
 * @param files that can still be made; {@link Long#MAX_VALUE} where the file system does not count them
 */
public record Room(long bytes, long files) {
    /* struct statvfs of glibc on 64-bit machines: eleven longs, of which these. */
    private static final int STRUCT_BYTES = 128;
    private static final int FRAGMENT_SIZE_AT = 8;
    private static final int BLOCKS_AVAILABLE_AT = 32;
    private static final int FILES_AT = 40;
    private static final int FILES_AVAILABLE_AT = 56;

    /** @throws IOException if there is no such file or it is out of reach */
    public static Room of(Path path) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(STRUCT_BYTES, Long.BYTES);
            if ((int) Calls.STATVFS.invokeExact(arena.allocateFrom(path.toString(), StandardCharsets.UTF_8), buffer)
                    != 0) {
                throw new NoSuchFileException(path.toString());
            }
            long files = buffer.get(ValueLayout.JAVA_LONG, FILES_AT);
            return new Room(
                    product(
                            buffer.get(ValueLayout.JAVA_LONG, FRAGMENT_SIZE_AT),
                            buffer.get(ValueLayout.JAVA_LONG, BLOCKS_AVAILABLE_AT)),
                    files == 0 ? Long.MAX_VALUE : buffer.get(ValueLayout.JAVA_LONG, FILES_AVAILABLE_AT));
        } catch (IOException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("statvfs", e);
        }
    }

    /** Servers without a limit give numbers beyond 63 bits. */
    private static long product(long size, long count) {
        try {
            return count < 0 ? Long.MAX_VALUE : Math.multiplyExact(size, count);
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }

    /** {@code 12.30 GiB and 1200 files free}. */
    public String text() {
        return files == Long.MAX_VALUE
                ? "%s free".formatted(ByteSize.text(bytes))
                : "%s and %d files free".formatted(ByteSize.text(bytes), files);
    }

    private static final class Calls {
        static final MethodHandle STATVFS = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().find("statvfs").orElseThrow(),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS));

        private Calls() {}
    }
}
