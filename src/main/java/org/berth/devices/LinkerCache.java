package org.berth.devices;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The dynamic linker's list of libraries, {@code /etc/ld.so.cache}, in the order in which it is searched.
 *
 * <p>Read directly, so that no ldconfig must be there or be run: the format of libc5 and of glibc before 2.32
 * ({@code ld.so-1.7.0}), the plain one ({@code glibc-ld.so.cache1.1}), and the second inside the first.
 *
 * <pre>
 *   old   "ld.so-1.7.0\0" n  n × { flags key value }                        strings, offsets from their begin
 *   new   "glibc-ld.so.cache1.1" n length flags:u8 pad:3 extension pad:12
 *         n × { flags key value osversion hwcap:u64 }                       offsets from the begin of this part
 * </pre>
 */
public record LinkerCache(List<Entry> entries) {
    private static final byte[] OLD = "ld.so-1.7.0".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] NEW = "glibc-ld.so.cache1.1".getBytes(StandardCharsets.US_ASCII);
    private static final int OLD_HEADER = 16;
    private static final int OLD_ENTRY = 12;
    private static final int NEW_HEADER = 48;
    private static final int NEW_ENTRY = 24;
    private static final int MAX_ENTRIES = 1 << 18;
    private static final int BIG_ENDIAN_FLAG = 3;

    public static final LinkerCache EMPTY = new LinkerCache(List.of());

    public LinkerCache {
        entries = List.copyOf(entries);
    }

    /** A library: the name that is asked for, and the absolute path of a file or link. */
    public record Entry(String name, String path) {}

    /** What the file lists; nothing if it is of neither format, and what is out of bounds is passed over. */
    public static LinkerCache parse(byte[] file) {
        if (startsWith(file, 0, NEW)) {
            return parseNew(file, 0);
        }
        if (!startsWith(file, 0, OLD) || file.length < OLD_HEADER) {
            return EMPTY;
        }
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.nativeOrder());
        int count = bytes.getInt(12);
        if (count < 0 || count > MAX_ENTRIES) {
            return EMPTY;
        }
        int end = OLD_HEADER + count * OLD_ENTRY;
        int aligned = (end + 7) & ~7;
        return startsWith(file, aligned, NEW)
                ? parseNew(file, aligned)
                : new LinkerCache(entries(bytes, OLD_HEADER, OLD_ENTRY, count, end));
    }

    private static LinkerCache parseNew(byte[] file, int start) {
        if (file.length < start + NEW_HEADER) {
            return EMPTY;
        }
        ByteOrder order = file[start + 28] == BIG_ENDIAN_FLAG
                ? ByteOrder.BIG_ENDIAN
                : file[start + 28] == 0 ? ByteOrder.nativeOrder() : ByteOrder.LITTLE_ENDIAN;
        ByteBuffer bytes = ByteBuffer.wrap(file).order(order);
        int count = bytes.getInt(start + 20);
        return count < 0 || count > MAX_ENTRIES
                ? EMPTY
                : new LinkerCache(entries(bytes, start + NEW_HEADER, NEW_ENTRY, count, start));
    }

    private static List<Entry> entries(ByteBuffer bytes, int at, int size, int count, int strings) {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < count && at + (i + 1L) * size <= bytes.limit(); i++) {
            String name = text(bytes, strings, bytes.getInt(at + i * size + 4));
            String path = text(bytes, strings, bytes.getInt(at + i * size + 8));
            // Key and value of another kind of entry (glibc-hwcaps) are no name and path.
            if (!name.isEmpty() && path.startsWith("/")) {
                entries.add(new Entry(name, path));
            }
        }
        return entries;
    }

    private static String text(ByteBuffer bytes, int strings, int offset) {
        long from = strings + Integer.toUnsignedLong(offset);
        if (from >= bytes.limit()) {
            return "";
        }
        int end = (int) from;
        while (end < bytes.limit() && bytes.get(end) != 0) {
            end++;
        }
        return new String(bytes.array(), (int) from, end - (int) from, StandardCharsets.UTF_8);
    }

    private static boolean startsWith(byte[] file, int at, byte[] prefix) {
        return at + prefix.length <= file.length
                && Arrays.equals(file, at, at + prefix.length, prefix, 0, prefix.length);
    }
}
