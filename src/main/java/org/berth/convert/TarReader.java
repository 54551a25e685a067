package org.berth.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.convert.TarEntry.Kind;
import org.berth.error.ImageException;
import org.berth.oci.ImageLimits;

/**
 * Reads tar archives of all dialects: v7, ustar (POSIX 1003.1-1988), PAX (1003.1-2001), GNU and star.
 *
 * <p>Sparse files come as old GNU ({@code S}) or as PAX 0.0, 0.1 and 1.0. Size, path and number of all metadata is bounded;
 * everything malformed is an {@link ImageException} that says what is wrong, without naming the layer.
 */
final class TarReader {
    private static final int BLOCK = 512;

    /** Every entry looks at all of them, so a megabyte of small ones would cost as much again for each entry. */
    private static final int GLOBAL_RECORDS = 256;

    private static final int SEGMENTS_MAX = 1 << 18;
    private static final String XATTR = "SCHILY.xattr.";
    private static final byte[] NOTHING = {};

    /** Where the bytes of files go. */
    interface Sink {
        void write(byte[] bytes, int from, int length) throws IOException;

        void writeHole(long length) throws IOException;
    }

    private final TarInput in;
    private final ImageLimits limits;
    private final byte[] header = new byte[BLOCK];
    private final Map<String, byte[]> global = new HashMap<>();

    /** Bytes of the last entry that were not read yet, and the zeros behind them. */
    private long left;

    private long padding;

    TarReader(TarInput in, ImageLimits limits) {
        this.in = in;
        this.limits = limits;
    }

    /** The next entry, after skipping what is left of the last; empty at the archive's end. */
    Optional<TarEntry> next() throws IOException {
        in.skip(left);
        left = 0;
        // umoci ends an archive after the last byte of the last file, and Go's reader takes that for the end.
        if (!in.skipOrEnd(padding)) {
            return Optional.empty();
        }
        padding = 0;
        Map<String, byte[]> pax = Map.of();
        List<Long> paxSegments = List.of();
        byte[] longName = NOTHING;
        byte[] longLink = NOTHING;
        boolean pending = false;
        while (readHeader()) {
            pending = true;
            switch (header[156]) {
                case 'g' -> {
                    var records = new PaxRecords(metadata("PAX global header"));
                    global.putAll(records.values());
                    if (global.size() > GLOBAL_RECORDS) {
                        throw new ImageException(
                                "its PAX global headers have more than %d records".formatted(GLOBAL_RECORDS));
                    }
                    limits.checkHeader(
                            "PAX global header",
                            global.entrySet().stream()
                                    .mapToLong(record -> record.getKey().length() + record.getValue().length)
                                    .sum());
                    pending = false;
                }
                case 'x' -> {
                    var records = new PaxRecords(metadata("PAX header"));
                    pax = records.values();
                    paxSegments = records.segments();
                }
                case 'L' -> longName = untilNul(metadata("GNU long name"));
                case 'K' -> longLink = untilNul(metadata("GNU long link"));
                default -> {
                    return Optional.of(entry(new Attributes(global, pax), paxSegments, longName, longLink));
                }
            }
        }
        if (pending) {
            throw new ImageException("the archive ends after an extended header");
        }
        return Optional.empty();
    }

    /** Hands over the content of the last entry, holes included. */
    void copy(TarEntry entry, Sink sink) throws IOException {
        long position = 0;
        long[] segments = entry.segments();
        for (int i = 0; i < segments.length; i += 2) {
            sink.writeHole(segments[i] - position);
            in.copy(segments[i + 1], sink);
            left -= segments[i + 1];
            position = segments[i] + segments[i + 1];
        }
        sink.writeHole(entry.size() - position);
    }

    private boolean readHeader() throws IOException {
        if (!in.readOrEnd(header, BLOCK) || isZero()) {
            return false;
        }
        checkChecksum();
        return true;
    }

    private boolean isZero() {
        for (byte b : header) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    /** Unsigned as POSIX has it, or signed as some old programs wrote it. */
    private void checkChecksum() {
        int unsigned = 8 * ' ';
        int signed = 8 * ' ';
        for (int i = 0; i < BLOCK; i++) {
            if (i < 148 || i >= 156) {
                unsigned += header[i] & 0xff;
                signed += header[i];
            }
        }
        long stated = number(148, 8, "checksum");
        if (stated != unsigned && stated != signed) {
            throw new ImageException("entry '%s': wrong header checksum".formatted(EntryPath.show(field(0, 100))));
        }
    }

    /** Reads the content of an extended header. */
    private byte[] metadata(String what) throws IOException {
        long size = number(124, 12, "size");
        if (size < 0 || size > Integer.MAX_VALUE - BLOCK) {
            throw new ImageException("a %s cannot have %d bytes".formatted(what, size));
        }
        limits.checkHeader(what, size);
        byte[] content = new byte[(int) size];
        in.read(content, content.length);
        in.skip(-size & BLOCK - 1);
        return content;
    }

    /** PAX records with the global ones below them; an empty value takes a record away. */
    private record Attributes(Map<String, byte[]> global, Map<String, byte[]> local) {
        Optional<byte[]> get(String key) {
            byte[] value = local.containsKey(key) ? local.get(key) : global.get(key);
            return value == null || value.length == 0 ? Optional.empty() : Optional.of(value);
        }

        Optional<Long> number(String key) {
            return get(key).map(value -> decimal(value, key));
        }

        Map<String, byte[]> xattrs() {
            if (local.isEmpty() && global.isEmpty()) {
                return Map.of();
            }
            var all = new HashMap<>(global);
            all.putAll(local);
            var xattrs = new HashMap<String, byte[]>();
            all.forEach((key, value) -> {
                if (key.startsWith(XATTR) && value.length > 0) {
                    xattrs.put(key.substring(XATTR.length()), value);
                }
            });
            return xattrs;
        }
    }

    private TarEntry entry(Attributes pax, List<Long> paxSegments, byte[] longName, byte[] longLink)
            throws IOException {
        byte[] name = longName.length > 0 ? longName : pax.get("path").orElseGet(this::headerName);
        byte[] link = longLink.length > 0 ? longLink : pax.get("linkpath").orElseGet(() -> field(157, 100));
        try {
            Kind kind = kind(name);
            long stored = pax.number("size").orElseGet(() -> number(124, 12, "size"));
            if (stored < 0) {
                throw new ImageException("its size %d is negative".formatted(stored));
            }
            if (kind != Kind.FILE) {
                stored = 0;
            }
            left = stored;
            padding = -stored & BLOCK - 1;
            long size = stored;
            long[] segments = {0, stored};
            Optional<Long> sparseSize = pax.number("GNU.sparse.realsize").or(() -> pax.number("GNU.sparse.size"));
            if (header[156] == 'S') {
                segments = gnuSegments();
                size = number(483, 12, "real size");
            } else if (kind == Kind.FILE && sparseSize.isPresent()) {
                size = sparseSize.get();
                name = pax.get("GNU.sparse.name").orElse(name);
                segments = pax.get("GNU.sparse.major").map(v -> v[0] == '1').orElse(false)
                        ? textSegments()
                        : paxSegments.stream().mapToLong(Long::longValue).toArray();
            }
            checkSegments(segments, size, left);
            boolean device = kind == Kind.CHAR_DEVICE || kind == Kind.BLOCK_DEVICE;
            return new TarEntry(
                    kind,
                    name,
                    kind == Kind.HARD_LINK || kind == Kind.SYMLINK ? link : NOTHING,
                    (int) number(100, 8, "mode") & 07777,
                    id(pax.number("uid").orElseGet(() -> number(108, 8, "uid"))),
                    id(pax.number("gid").orElseGet(() -> number(116, 8, "gid"))),
                    pax.get("mtime").map(TarReader::seconds).orElseGet(() -> number(136, 12, "mtime")),
                    device ? deviceNumber(number(329, 8, "device"), 0xfff) : 0,
                    device ? deviceNumber(number(337, 8, "device"), 0xfffff) : 0,
                    size,
                    left,
                    segments,
                    pax.xattrs());
        } catch (ImageException e) {
            throw new ImageException("entry '%s': %s".formatted(EntryPath.show(name), e.getMessage()), e);
        }
    }

    private Kind kind(byte[] name) {
        return switch (header[156]) {
            // A v7 archive marks a directory by the slash alone.
            case 0 -> name.length > 0 && name[name.length - 1] == '/' ? Kind.DIRECTORY : Kind.FILE;
            case '0', '7', 'S' -> Kind.FILE;
            case '1' -> Kind.HARD_LINK;
            case '2' -> Kind.SYMLINK;
            case '3' -> Kind.CHAR_DEVICE;
            case '4' -> Kind.BLOCK_DEVICE;
            case '5' -> Kind.DIRECTORY;
            case '6' -> Kind.FIFO;
            default -> {
                int type = header[156] & 0xff;
                String shown = type > ' ' && type < 127 ? "'" + (char) type + "'" : "0x%02x".formatted(type);
                throw new ImageException("unknown entry type " + shown);
            }
        };
    }

    private byte[] headerName() {
        byte[] name = field(0, 100);
        boolean ustar = matches(257, "ustar\0");
        // star keeps its own fields in the end of the prefix and says so in the last four bytes.
        byte[] prefix = ustar ? field(345, matches(508, "tar\0") ? 131 : 155) : NOTHING;
        if (prefix.length == 0) {
            return name;
        }
        byte[] path = Arrays.copyOf(prefix, prefix.length + 1 + name.length);
        path[prefix.length] = '/';
        System.arraycopy(name, 0, path, prefix.length + 1, name.length);
        return path;
    }

    /** The map in an old GNU header: 4 pairs, then 21 in each of the blocks that follow. */
    private long[] gnuSegments() throws IOException {
        var segments = new ArrayList<Long>();
        addSegments(header, 386, 4, segments);
        boolean more = header[482] != 0;
        byte[] extension = new byte[BLOCK];
        while (more) {
            in.read(extension, BLOCK);
            addSegments(extension, 0, 21, segments);
            more = extension[504] != 0;
        }
        return segments.stream().mapToLong(Long::longValue).toArray();
    }

    private static void addSegments(byte[] block, int from, int count, List<Long> segments) {
        for (int at = from; at < from + count * 24; at += 24) {
            if (block[at] == 0) {
                return;
            }
            segments.add(number(block, at, 12, "sparse offset"));
            segments.add(number(block, at + 12, 12, "sparse length"));
            if (segments.size() > SEGMENTS_MAX) {
                throw new ImageException("its sparse map has more than %d segments".formatted(SEGMENTS_MAX / 2));
            }
        }
    }

    /** The map of PAX sparse 1.0: decimal lines at the head of the content, padded to whole blocks. */
    private long[] textSegments() throws IOException {
        long[] used = {0};
        byte[] block = new byte[BLOCK];
        long count = textNumber(block, used);
        if (count < 0 || count > SEGMENTS_MAX / 2) {
            throw new ImageException("its sparse map has %d segments, more than %d".formatted(count, SEGMENTS_MAX / 2));
        }
        long[] segments = new long[(int) count * 2];
        for (int i = 0; i < segments.length; i++) {
            segments[i] = textNumber(block, used);
        }
        return segments;
    }

    private long textNumber(byte[] block, long[] used) throws IOException {
        long value = 0;
        for (int digits = 0; digits <= 19; digits++) {
            int at = (int) (used[0] % BLOCK);
            if (at == 0) {
                if (left < BLOCK) {
                    throw new ImageException("its sparse map is cut off");
                }
                in.read(block, BLOCK);
                left -= BLOCK;
            }
            used[0]++;
            if (block[at] == '\n' && digits > 0) {
                return value;
            }
            if (block[at] < '0' || block[at] > '9' || value > (Long.MAX_VALUE - 9) / 10) {
                break;
            }
            value = value * 10 + block[at] - '0';
        }
        throw new ImageException("its sparse map holds something that is no number");
    }

    /** Segments must follow each other, end with the file, and be what is stored. */
    private static void checkSegments(long[] segments, long size, long stored) {
        long position = 0;
        long total = 0;
        if (segments.length % 2 != 0 || size < 0) {
            throw new ImageException("its sparse map is malformed");
        }
        for (int i = 0; i < segments.length; i += 2) {
            long offset = segments[i];
            long length = segments[i + 1];
            if (offset < position || length < 0 || offset > size || length > size - offset) {
                throw new ImageException("its sparse map is not in order or leaves the file");
            }
            position = offset + length;
            total += length;
        }
        if (total != stored) {
            throw new ImageException("its sparse map names %d bytes, the archive holds %d".formatted(total, stored));
        }
    }

    private static int id(long value) {
        if (value < 0 || value > 0xffffffffL) {
            throw new ImageException("its owner or group %d is no 32-bit number".formatted(value));
        }
        return (int) value;
    }

    private static int deviceNumber(long value, int max) {
        if (value < 0 || value > max) {
            throw new ImageException("its device number %d is too large for Linux".formatted(value));
        }
        return (int) value;
    }

    private byte[] field(int from, int length) {
        int end = from;
        while (end < from + length && header[end] != 0) {
            end++;
        }
        return Arrays.copyOfRange(header, from, end);
    }

    private boolean matches(int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        return Arrays.equals(header, at, at + bytes.length, bytes, 0, bytes.length);
    }

    private long number(int from, int length, String what) {
        return number(header, from, length, what);
    }

    /** Octal digits between spaces and NULs, or GNU's base 256 when the first bit is set. */
    private static long number(byte[] block, int from, int length, String what) {
        if (block[from] < 0) {
            return base256(block, from, length, what);
        }
        int at = from;
        int end = from + length;
        while (at < end && block[at] == ' ') {
            at++;
        }
        long value = 0;
        while (at < end && block[at] >= '0' && block[at] <= '7') {
            value = value << 3 | block[at++] - '0';
        }
        if (at < end && block[at] != 0 && block[at] != ' ') {
            throw new ImageException("the %s in its header is no number".formatted(what));
        }
        return value;
    }

    private static long base256(byte[] block, int from, int length, String what) {
        boolean negative = (block[from] & 0x40) != 0;
        long value = negative ? -1 : 0;
        for (int i = 0; i < length; i++) {
            int digit = i == 0 ? (negative ? block[from] | 0x80 : block[from] & 0x7f) : block[from + i];
            if (value << 8 >> 8 != value) {
                throw new ImageException("the %s in its header is beyond 64 bits".formatted(what));
            }
            value = value << 8 | digit & 0xff;
        }
        return value;
    }

    private static byte[] untilNul(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return Arrays.copyOf(bytes, end);
    }

    static long decimal(byte[] value, String key) {
        try {
            return Long.parseLong(new String(value, StandardCharsets.ISO_8859_1));
        } catch (NumberFormatException e) {
            throw new ImageException("the PAX record %s is no number".formatted(key), e);
        }
    }

    /** Whole seconds of a PAX time, rounded down: {@code -1.5} is −2. */
    private static long seconds(byte[] value) {
        String text = new String(value, StandardCharsets.ISO_8859_1);
        int point = text.indexOf('.');
        if (point < 0) {
            return decimal(value, "mtime");
        }
        String fraction = text.substring(point + 1);
        if (!fraction.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new ImageException("the PAX record mtime is no number");
        }
        String whole = text.substring(0, point);
        long seconds = whole.isEmpty() || whole.equals("-")
                ? 0
                : decimal(whole.getBytes(StandardCharsets.ISO_8859_1), "mtime");
        boolean more = fraction.chars().anyMatch(c -> c != '0');
        return text.startsWith("-") && more ? seconds - 1 : seconds;
    }
}
