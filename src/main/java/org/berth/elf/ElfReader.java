package org.berth.elf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Reads the dynamic section of an ELF file by way of its program headers, as the linker does; a stripped file has no others.
 *
 * <p>Only the parts that are needed are read: drivers' libraries are up to 100 MB long. Every size is bounded, and every
 * offset checked, since images bring such files along.
 */
public final class ElfReader {
    private static final byte[] MAGIC = {0x7F, 'E', 'L', 'F'};
    private static final int MAX_PROGRAM_HEADERS = 256;
    private static final int MAX_DYNAMIC = 64 << 10;
    private static final int MAX_STRINGS = 8 << 20;
    private static final int MAX_VERSIONS = 256 << 10;

    /** Versions that are needed, each with a string: the same ones could be listed by every record of the table. */
    private static final int MAX_NEEDED = 16_384;

    private static final int MAX_NAME = 4096;

    private static final int PT_LOAD = 1;
    private static final int PT_DYNAMIC = 2;
    private static final long DT_NEEDED = 1;
    private static final long DT_STRTAB = 5;
    private static final long DT_STRSZ = 10;
    private static final long DT_SONAME = 14;
    private static final long DT_VERDEF = 0x6ffffffcL;
    private static final long DT_VERNEED = 0x6ffffffeL;
    private static final int VER_FLG_WEAK = 2;

    private final Source source;
    private final ByteOrder order;
    private final boolean wide;

    private ElfReader(Source source, ByteOrder order, boolean wide) {
        this.source = source;
        this.order = order;
        this.wide = wide;
    }

    /** A file of which parts can be read. */
    public interface Source {
        /** The bytes from {@code offset} on, at most {@code length}; fewer at the file's end. */
        byte[] read(long offset, int length);

        static Source of(byte[] file) {
            return (offset, length) -> offset < 0 || offset >= file.length
                    ? new byte[0]
                    : java.util.Arrays.copyOfRange(file, (int) offset, (int) Math.min(file.length, offset + length));
        }
    }

    /** What the file says; empty if it is no ELF file, is cut off, or contradicts itself. */
    public static Optional<ElfFile> read(Source source) {
        byte[] start = source.read(0, 64);
        if (start.length < 52 || !java.util.Arrays.equals(start, 0, 4, MAGIC, 0, 4)) {
            return Optional.empty();
        }
        boolean wide = start[4] == 2;
        ByteOrder order = start[5] == 2 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        if (wide && start.length < 64 || start[4] != 1 && start[4] != 2) {
            return Optional.empty();
        }
        try {
            return Optional.of(new ElfReader(source, order, wide).file(start));
        } catch (IndexOutOfBoundsException | java.nio.BufferUnderflowException e) {
            return Optional.empty();
        }
    }

    private record Segment(int type, long offset, long address, long size) {}

    private ElfFile file(byte[] start) {
        ByteBuffer header = buffer(start);
        int machine = Short.toUnsignedInt(header.getShort(18));
        List<Segment> segments = segments(
                word(header, wide ? 32 : 28),
                Short.toUnsignedInt(header.getShort(wide ? 54 : 42)),
                Short.toUnsignedInt(header.getShort(wide ? 56 : 44)));
        Optional<Segment> dynamic =
                segments.stream().filter(s -> s.type() == PT_DYNAMIC).findFirst();
        if (dynamic.isEmpty()) {
            return new ElfFile(wide ? 64 : 32, machine, Optional.empty(), List.of(), Map.of(), Set.of());
        }
        return dynamic(machine, segments, dynamic.orElseThrow());
    }

    private List<Segment> segments(long at, int size, int count) {
        if (count > MAX_PROGRAM_HEADERS || size < (wide ? 56 : 32)) {
            throw new IndexOutOfBoundsException("program headers");
        }
        ByteBuffer table = buffer(source.read(at, size * count));
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int p = i * size;
            segments.add(new Segment(
                    table.getInt(p),
                    word(table, p + (wide ? 8 : 4)),
                    word(table, p + (wide ? 16 : 8)),
                    word(table, p + (wide ? 32 : 16))));
        }
        return segments;
    }

    private ElfFile dynamic(int machine, List<Segment> segments, Segment dynamic) {
        // Sizes are unsigned: a negative one is a very large one.
        int size = dynamic.size() < 0 ? MAX_DYNAMIC : (int) Math.min(dynamic.size(), MAX_DYNAMIC);
        ByteBuffer table = buffer(source.read(dynamic.offset(), size));
        Map<Long, Long> single = new LinkedHashMap<>();
        List<Long> needed = new ArrayList<>();
        int entry = wide ? 16 : 8;
        for (int p = 0; p + entry <= table.limit() && word(table, p) != 0; p += entry) {
            long tag = word(table, p);
            long value = word(table, p + entry / 2);
            if (tag == DT_NEEDED) {
                needed.add(value);
            } else {
                single.put(tag, value);
            }
        }
        byte[] strings = strings(segments, single);
        Map<String, Set<String>> versionsNeeded = new LinkedHashMap<>();
        Set<String> versionsDefined = new TreeSet<>();
        Long need = single.get(DT_VERNEED);
        if (need != null) {
            readNeeded(buffer(source.read(offset(segments, need), MAX_VERSIONS)), strings, versionsNeeded);
        }
        Long define = single.get(DT_VERDEF);
        if (define != null) {
            readDefined(buffer(source.read(offset(segments, define), MAX_VERSIONS)), strings, versionsDefined);
        }
        return new ElfFile(
                wide ? 64 : 32,
                machine,
                Optional.ofNullable(single.get(DT_SONAME)).map(at -> text(strings, at)),
                needed.stream().map(at -> text(strings, at)).toList(),
                versionsNeeded,
                versionsDefined);
    }

    private byte[] strings(List<Segment> segments, Map<Long, Long> single) {
        Long at = single.get(DT_STRTAB);
        long size = single.getOrDefault(DT_STRSZ, 0L);
        if (at == null || size <= 0) {
            return new byte[0];
        }
        return source.read(offset(segments, at), (int) Math.min(size, MAX_STRINGS));
    }

    /** {@code Verneed} and its {@code Vernaux} chain: the same layout for 32 and 64 bits, links relative to each record. */
    private static void readNeeded(ByteBuffer table, byte[] strings, Map<String, Set<String>> found) {
        int at = 0;
        int seen = 0;
        while (true) {
            Set<String> versions =
                    found.computeIfAbsent(text(strings, unsigned(table, at + 4)), file -> new TreeSet<>());
            int aux = at + forward(table, at + 8);
            int count = Short.toUnsignedInt(table.getShort(at + 2));
            seen += count + 1;
            if (seen > MAX_NEEDED) {
                throw new IndexOutOfBoundsException("versions");
            }
            for (int left = count; left > 0; left--) {
                if ((table.getShort(aux + 4) & VER_FLG_WEAK) == 0) {
                    versions.add(text(strings, unsigned(table, aux + 8)));
                }
                aux += left > 1 ? forward(table, aux + 12) : 0;
            }
            if (table.getInt(at + 12) == 0) {
                return;
            }
            at += forward(table, at + 12);
        }
    }

    /** {@code Verdef}: the first {@code Verdaux} of each is the version's name. */
    private static void readDefined(ByteBuffer table, byte[] strings, Set<String> found) {
        int at = 0;
        while (true) {
            found.add(text(strings, unsigned(table, at + forward(table, at + 12))));
            if (table.getInt(at + 16) == 0) {
                return;
            }
            at += forward(table, at + 16);
        }
    }

    /** A link to a later record: one that stands still or goes back would be an endless loop. */
    private static int forward(ByteBuffer table, int at) {
        int step = table.getInt(at);
        if (step <= 0) {
            throw new IndexOutOfBoundsException("link");
        }
        return step;
    }

    private static long offset(List<Segment> segments, long address) {
        return segments.stream()
                .filter(s -> s.type() == PT_LOAD && address >= s.address() && address < s.address() + s.size())
                .map(s -> address - s.address() + s.offset())
                .findFirst()
                .orElseThrow(() -> new IndexOutOfBoundsException("address"));
    }

    private static String text(byte[] strings, long at) {
        int from = Math.toIntExact(java.util.Objects.checkIndex(at, (long) strings.length));
        int end = from;
        while (strings[end] != 0) {
            end++;
            if (end - from > MAX_NAME) {
                throw new IndexOutOfBoundsException("string");
            }
        }
        return new String(strings, from, end - from, StandardCharsets.UTF_8);
    }

    private static long unsigned(ByteBuffer table, int at) {
        return Integer.toUnsignedLong(table.getInt(at));
    }

    private long word(ByteBuffer table, int at) {
        return wide ? table.getLong(at) : unsigned(table, at);
    }

    private ByteBuffer buffer(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(order);
    }
}
