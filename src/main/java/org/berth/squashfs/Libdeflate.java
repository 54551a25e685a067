package org.berth.squashfs;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;

/**
 * libdeflate's zlib compressor, from the library file that the property {@code berth.libdeflate} names.
 *
 * <p>The Java library that carries it would unpack it into the temporary directory each time, which may not allow programs
 * and would keep the file when the process is killed.
 */
final class Libdeflate implements BlockCodec.Compressor {
    private static final String PROPERTY = "berth.libdeflate";

    private final Arena arena = Arena.ofShared();
    private final MethodHandle compress;
    private final MethodHandle free;
    private final MemorySegment context;
    private final MemorySegment in = arena.allocate(SquashfsFormat.BLOCK);
    private final MemorySegment out = arena.allocate(2L * SquashfsFormat.BLOCK);

    private Libdeflate(Path library, int level) {
        Linker linker = Linker.nativeLinker();
        SymbolLookup symbols = SymbolLookup.libraryLookup(library, arena);
        compress = linker.downcallHandle(
                symbols.findOrThrow("libdeflate_zlib_compress"),
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG,
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG));
        free = linker.downcallHandle(
                symbols.findOrThrow("libdeflate_free_compressor"), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
        MethodHandle allocate = linker.downcallHandle(
                symbols.findOrThrow("libdeflate_alloc_compressor"),
                FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
        try {
            context = (MemorySegment) allocate.invokeExact(level);
        } catch (Throwable e) {
            throw new IllegalStateException("libdeflate_alloc_compressor", e);
        }
        if (context.address() == 0) {
            throw new OutOfMemoryError("libdeflate has no memory for a compressor");
        }
    }

    /** Empty where the property is not set: outside an installation. */
    static Optional<Libdeflate> compressor(int level) {
        return Optional.ofNullable(System.getProperty(PROPERTY)).map(path -> new Libdeflate(Path.of(path), level));
    }

    @Override
    public int compress(byte[] source, int length, byte[] target) {
        MemorySegment.copy(source, 0, in, ValueLayout.JAVA_BYTE, 0, length);
        long size;
        try {
            size = (long) compress.invokeExact(context, in, (long) length, out, out.byteSize());
        } catch (Throwable e) {
            throw new IllegalStateException("libdeflate_zlib_compress", e);
        }
        if (size <= 0 || size > target.length) {
            throw new IllegalStateException("libdeflate made %d bytes of %d".formatted(size, length));
        }
        MemorySegment.copy(out, ValueLayout.JAVA_BYTE, 0, target, 0, (int) size);
        return (int) size;
    }

    @Override
    public void close() {
        try {
            free.invokeExact(context);
        } catch (Throwable e) {
            throw new IllegalStateException("libdeflate_free_compressor", e);
        }
        arena.close();
    }
}
