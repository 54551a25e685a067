package org.berth.squashfs;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/** The sets of extended attributes that inodes refer to by number; equal sets are kept once. */
public final class XattrSets {
    private static final List<String> PREFIXES = List.of("user.", "trusted.", "security.");

    private final Map<ByteBuffer, Integer> numbers = new HashMap<>();
    private final List<Set> sets = new ArrayList<>();
    private long bytes;

    /** @param pairs the encoded names and values, {@code count} of them */
    record Set(byte[] pairs, int count) {}

    /** Whether squashfs can hold an attribute of this name: it knows user, trusted and security only. */
    public static boolean storable(String name) {
        return PREFIXES.stream().anyMatch(prefix -> name.startsWith(prefix) && name.length() > prefix.length());
    }

    /**
     * The number of a set.
     *
     * @param attributes values by full name, all {@link #storable}; the order makes the encoding
     * @return {@link SquashfsFormat#NONE} for the empty set
     */
    public int add(SortedMap<String, byte[]> attributes) {
        if (attributes.isEmpty()) {
            return SquashfsFormat.NONE;
        }
        var pairs = new ByteArrayOutputStream();
        attributes.forEach((name, value) -> encode(name, value, pairs));
        byte[] encoded = pairs.toByteArray();
        return numbers.computeIfAbsent(ByteBuffer.wrap(encoded), key -> {
            sets.add(new Set(encoded, attributes.size()));
            bytes += encoded.length;
            return sets.size() - 1;
        });
    }

    /** Names and values of all sets. */
    public long bytes() {
        return bytes;
    }

    Set set(int number) {
        return sets.get(number);
    }

    private static void encode(String name, byte[] value, ByteArrayOutputStream out) {
        int type = SquashfsFormat.XATTR_USER;
        while (!name.startsWith(PREFIXES.get(type))) {
            type++;
        }
        byte[] rest = name.substring(PREFIXES.get(type).length()).getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer head = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        head.putShort((short) type).putShort((short) rest.length);
        out.writeBytes(head.array());
        out.writeBytes(rest);
        out.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value.length)
                .array());
        out.writeBytes(value);
    }
}
