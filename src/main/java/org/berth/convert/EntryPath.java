package org.berth.convert;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.berth.error.ImageException;
import org.berth.squashfs.SquashfsFormat;

/** Paths of archive entries, as bytes without a leading slash. */
final class EntryPath {
    private static final int SHOWN = 200;

    private EntryPath() {}

    /**
     * The path with neither {@code .} nor empty components, relative; empty for the root.
     *
     * @throws ImageException for a {@code ..}, a NUL, or a name that Linux cannot hold
     */
    static byte[] clean(byte[] raw) {
        byte[] out = new byte[raw.length];
        int length = 0;
        for (int from = 0; from < raw.length; ) {
            int to = from;
            while (to < raw.length && raw[to] != '/') {
                if (raw[to] == 0) {
                    throw new ImageException("the path holds a NUL byte");
                }
                to++;
            }
            int size = to - from;
            boolean dot = size == 1 && raw[from] == '.';
            if (size == 2 && raw[from] == '.' && raw[from + 1] == '.') {
                throw new ImageException("the path holds '..'");
            }
            if (size > SquashfsFormat.NAME_MAX) {
                throw new ImageException("a name of %d bytes is longer than 255".formatted(size));
            }
            if (size > 0 && !dot) {
                if (length > 0) {
                    out[length++] = '/';
                }
                System.arraycopy(raw, from, out, length, size);
                length += size;
            }
            from = to + 1;
        }
        return length == raw.length ? out : Arrays.copyOf(out, length);
    }

    /** The components of a path or link target; empty ones are left out. */
    static List<byte[]> components(byte[] path, int end) {
        var names = new ArrayList<byte[]>();
        for (int from = 0; from < end; ) {
            int to = from;
            while (to < end && path[to] != '/') {
                to++;
            }
            if (to > from) {
                names.add(Arrays.copyOfRange(path, from, to));
            }
            from = to + 1;
        }
        return names;
    }

    /** Where the last component starts. */
    static int baseStart(byte[] path) {
        int start = path.length;
        while (start > 0 && path[start - 1] != '/') {
            start--;
        }
        return start;
    }

    /** For messages: on one line, without control characters, cut where it is very long. */
    static String show(byte[] path) {
        String text = new String(path, 0, Math.min(path.length, SHOWN), StandardCharsets.UTF_8);
        var shown = new StringBuilder();
        text.codePoints().forEach(c -> {
            if (Character.isISOControl(c) || Character.getType(c) == Character.FORMAT) {
                shown.append("\\u%04x".formatted(c));
            } else {
                shown.appendCodePoint(c);
            }
        });
        return path.length > SHOWN ? shown + "…" : shown.toString();
    }
}
