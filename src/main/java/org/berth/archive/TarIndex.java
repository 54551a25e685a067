package org.berth.archive;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.berth.error.ImageException;

/**
 * Where the members of a tar archive lie in it (POSIX 1003.1 ustar and pax, GNU long names and base-256 numbers).
 *
 * <p>Only what archives of images hold: regular files and links; what else there is gets a place in the index and no
 * content. A name that leads out of the archive is left out, since nothing can ask for it; of equal names the last counts.
 *
 * <p>commons-compress' readers bound neither the number of members nor an extended header, so an archive's author decides how much
 * memory they take; the layers' reader ({@code convert}) streams, and keeps no places.
 */
final class TarIndex {
    private static final int BLOCK = 512;

    /** An archive of images has some hundred members. */
    private static final int MAX_MEMBERS = 100_000;

    /** Bytes of a pax header or a GNU long name. */
    private static final int MAX_METADATA = 1 << 20;

    /** What a name stands for. */
    sealed interface Member {
        record File(long offset, long size) implements Member {}

        /** @param target a name in the archive; empty if the link leads out of it */
        record Link(Optional<String> target) implements Member {}

        /** A directory, device or anything else without content that is of use. */
        record Other() implements Member {}
    }

    private final FileChannel channel;
    private final long size;
    private final String archive;
    private final Map<String, Member> members = new HashMap<>();
    private final ByteBuffer block = ByteBuffer.allocate(BLOCK);
    private final byte[] header = block.array();

    private TarIndex(FileChannel channel, String archive) throws IOException {
        this.channel = channel;
        this.size = channel.size();
        this.archive = archive;
    }

    /**
     * Reads the headers.
     *
     * @param archive its name in messages
     * @throws ImageException if it is no tar archive, or is cut off
     */
    static Map<String, Member> read(FileChannel channel, String archive) throws IOException {
        TarIndex index = new TarIndex(channel, archive);
        index.read();
        return Map.copyOf(index.members);
    }

    /** Whether a block can be the first of a tar archive. */
    static boolean isHeader(byte[] block, int length) {
        if (length < BLOCK) {
            return false;
        }
        int sum = 8 * ' ';
        for (int i = 0; i < BLOCK; i++) {
            sum += i >= 148 && i < 156 ? 0 : block[i] & 0xff;
        }
        return sum == 8 * ' ' || octal(block, 148, 8) == sum;
    }

    private void read() throws IOException {
        long position = 0;
        Map<String, String> extended = Map.of();
        Optional<String> longName = Optional.empty();
        Optional<String> longLink = Optional.empty();
        for (int count = 0; position < size; count++) {
            if (count > MAX_MEMBERS) {
                throw new ImageException("%s: more than %d members".formatted(archive, MAX_MEMBERS));
            }
            readFully(block.clear(), position);
            if (isZero()) {
                break;
            }
            if (!isHeader(header, BLOCK)) {
                throw new ImageException("%s: invalid tar header at byte %d".formatted(archive, position));
            }
            position += BLOCK;
            long stated = octal(header, 124, 12);
            Optional<String> other = Optional.ofNullable(extended.get("size"));
            long length = other.isPresent() ? decimal(other.orElseThrow()) : stated;
            char type = (char) (header[156] & 0xff);
            boolean content = !(type >= '1' && type <= '6');
            if (length < 0 || content && length > size - position) {
                throw new ImageException("%s: it ends early, in the member at byte %d".formatted(archive, position));
            }
            switch (type) {
                case 'x' -> extended = pax(metadata(position, length));
                case 'g' -> {}
                case 'L' -> longName = Optional.of(untilNul(metadata(position, length)));
                case 'K' -> longLink = Optional.of(untilNul(metadata(position, length)));
                default -> {
                    String name = longName.or(headerValue(extended, "path")).orElseGet(this::headerName);
                    String link = longLink.or(headerValue(extended, "linkpath")).orElseGet(() -> text(157, 100));
                    add(name, member(type, name, link, position, length, extended));
                    extended = Map.of();
                    longName = Optional.empty();
                    longLink = Optional.empty();
                }
            }
            if (content) {
                position += Math.ceilDiv(length, BLOCK) * BLOCK;
            }
        }
    }

    private static Supplier<Optional<String>> headerValue(Map<String, String> extended, String key) {
        return () -> Optional.ofNullable(extended.get(key));
    }

    private void add(String name, Member member) {
        StoredFiles.normal(name).ifPresent(normal -> members.put(normal, member));
    }

    private static Member member(
            char type, String name, String link, long position, long length, Map<String, String> extended) {
        return switch (type) {
            case '\0', '0', '7' -> {
                boolean sparse = extended.keySet().stream().anyMatch(key -> key.startsWith("GNU.sparse."));
                yield sparse || name.endsWith("/") ? new Member.Other() : new Member.File(position, length);
            }
            case '1' -> new Member.Link(StoredFiles.normal(link));
            case '2' -> {
                String folder = name.substring(0, name.lastIndexOf('/') + 1);
                yield new Member.Link(link.startsWith("/") ? Optional.empty() : StoredFiles.normal(folder + link));
            }
            default -> new Member.Other();
        };
    }

    private byte[] metadata(long position, long length) throws IOException {
        if (length > MAX_METADATA) {
            throw new ImageException("%s: an extended header of %d bytes".formatted(archive, length));
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) length);
        readFully(bytes, position);
        return bytes.array();
    }

    /** Records of the form {@code LENGTH KEY=VALUE\n}. */
    private Map<String, String> pax(byte[] bytes) {
        Map<String, String> records = new HashMap<>();
        int at = 0;
        while (at < bytes.length) {
            int space = at;
            while (space < bytes.length && bytes[space] != ' ') {
                space++;
            }
            long length = space - at > 9 ? -1 : decimal(new String(bytes, at, space - at, StandardCharsets.UTF_8));
            int from = space + 1;
            long end = at + length;
            if (length <= space - at + 1 || end > bytes.length || bytes[(int) end - 1] != '\n') {
                throw new ImageException("%s: a damaged extended header".formatted(archive));
            }
            String record = new String(bytes, from, (int) end - 1 - from, StandardCharsets.UTF_8);
            int equals = record.indexOf('=');
            if (equals > 0) {
                records.put(record.substring(0, equals), record.substring(equals + 1));
            }
            at = (int) end;
        }
        return records;
    }

    private String headerName() {
        String name = text(0, 100);
        boolean ustar = text(257, 5).equals("ustar") && header[262] == 0;
        String prefix = ustar ? text(345, 155) : "";
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    private String text(int from, int length) {
        int end = from;
        while (end < from + length && header[end] != 0) {
            end++;
        }
        return new String(header, from, end - from, StandardCharsets.UTF_8);
    }

    private static String untilNul(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }

    private boolean isZero() {
        for (byte b : header) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    /** A number in octal digits, or in GNU's base 256; −1 if it is neither or does not fit. */
    private static long octal(byte[] block, int from, int length) {
        long value = 0;
        if ((block[from] & 0xff) == 0x80) {
            for (int i = from + 1; i < from + length; i++) {
                if (value >> 54 != 0) {
                    return -1;
                }
                value = value << 8 | block[i] & 0xff;
            }
            return value;
        }
        int at = from;
        int end = from + length;
        while (at < end && block[at] == ' ') {
            at++;
        }
        while (at < end && block[at] >= '0' && block[at] <= '7') {
            value = value << 3 | block[at++] - '0';
        }
        return at < end && block[at] != 0 && block[at] != ' ' ? -1 : value;
    }

    private static long decimal(String text) {
        return text.matches("[0-9]{1,18}") ? Long.parseLong(text) : -1;
    }

    private void readFully(ByteBuffer into, long position) throws IOException {
        while (into.hasRemaining()) {
            int count = channel.read(into, position + into.position());
            if (count < 0) {
                throw new ImageException("%s: it ends early, at byte %d".formatted(archive, size));
            }
        }
    }
}
