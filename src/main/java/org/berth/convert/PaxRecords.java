package org.berth.convert;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.berth.error.ImageException;

/**
 * The records of a PAX header, {@code LENGTH KEY=VALUE\n} each (POSIX.1-2001, pax).
 *
 * <p>Keys are read as ISO 8859-1, values are bytes. The maps of sparse formats 0.0 (repeated keys) and 0.1 (one comma
 * list) are taken out as pairs of offset and length.
 */
final class PaxRecords {
    private final Map<String, byte[]> values = new HashMap<>();
    private final List<Long> segments = new ArrayList<>();

    PaxRecords(byte[] content) {
        int at = 0;
        while (at < content.length && content[at] != 0) {
            at = record(content, at);
        }
    }

    Map<String, byte[]> values() {
        return values;
    }

    /** Pairs of offset and length of a sparse file, in the order of the header. */
    List<Long> segments() {
        return segments;
    }

    private int record(byte[] content, int from) {
        int at = from;
        int length = 0;
        while (at < content.length && content[at] >= '0' && content[at] <= '9' && length < content.length) {
            length = length * 10 + content[at++] - '0';
        }
        int end = from + length;
        boolean framed = at > from
                && at < content.length
                && content[at] == ' '
                && length <= content.length - from
                && end > at + 1
                && content[end - 1] == '\n';
        int equals = at + 1;
        while (framed && equals < end && content[equals] != '=') {
            equals++;
        }
        if (!framed || equals >= end || equals == at + 1) {
            throw new ImageException("a PAX header holds a malformed record");
        }
        String key = new String(content, at + 1, equals - at - 1, StandardCharsets.ISO_8859_1);
        add(key, Arrays.copyOfRange(content, equals + 1, end - 1));
        return end;
    }

    private void add(String key, byte[] value) {
        switch (key) {
            case "GNU.sparse.offset", "GNU.sparse.numbytes" -> segments.add(TarReader.decimal(value, key));
            case "GNU.sparse.map" -> {
                for (String number : new String(value, StandardCharsets.ISO_8859_1).split(",")) {
                    segments.add(TarReader.decimal(number.getBytes(StandardCharsets.ISO_8859_1), key));
                }
            }
            default -> values.put(key, value);
        }
    }
}
