package org.berth.convert;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** Makes tar archives by hand, right and wrong ones. */
final class TarMaker {
    static final long TIME = 1_700_000_000L;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Map<String, byte[]> pax = new TreeMap<>();
    private int mode = -1;
    private long uid;
    private long gid;
    private long time = TIME;

    /** Mode, owner and time of the next entry. */
    TarMaker with(int newMode, long newUid, long newGid, long newTime) {
        mode = newMode;
        uid = newUid;
        gid = newGid;
        time = newTime;
        return this;
    }

    /** A PAX record of the next entry. */
    TarMaker pax(String key, String value) {
        return pax(key, value.getBytes(StandardCharsets.UTF_8));
    }

    TarMaker pax(String key, byte[] value) {
        pax.put(key, value);
        return this;
    }

    TarMaker file(String name, String content) {
        return file(name, content.getBytes(StandardCharsets.UTF_8));
    }

    TarMaker file(String name, byte[] content) {
        return entry('0', name, "", content, content.length);
    }

    TarMaker directory(String name) {
        return entry('5', name + "/", "", new byte[0], 0);
    }

    TarMaker symlink(String name, String target) {
        return entry('2', name, target, new byte[0], 0);
    }

    TarMaker hardLink(String name, String target) {
        return entry('1', name, target, new byte[0], 0);
    }

    TarMaker empty(String name) {
        return file(name, "");
    }

    /** An entry whose header may promise another size than follows. */
    TarMaker entry(char type, String name, String link, byte[] content, long size) {
        if (!pax.isEmpty()) {
            var records = new ByteArrayOutputStream();
            pax.forEach((key, value) -> records.writeBytes(record(key, value)));
            pax.clear();
            block(header('x', "PaxHeaders/x", "", records.size(), 0644), records.toByteArray());
        }
        int shown = mode >= 0 ? mode : type == '5' ? 0755 : type == '2' ? 0777 : 0644;
        block(header(type, name, link, size, shown), content);
        mode = -1;
        uid = 0;
        gid = 0;
        time = TIME;
        return this;
    }

    TarMaker raw(byte[] bytes) {
        out.writeBytes(bytes);
        return this;
    }

    /** A PAX extended header of exactly these bytes. */
    TarMaker rawPax(char type, String content) {
        byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
        block(header(type, "PaxHeaders/raw", "", bytes.length, 0644), bytes);
        return this;
    }

    /** A PAX extended header of these keys and values, in this order. */
    TarMaker paxHeader(char type, String... keysAndValues) {
        var records = new ByteArrayOutputStream();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            records.writeBytes(record(keysAndValues[i], keysAndValues[i + 1].getBytes(StandardCharsets.UTF_8)));
        }
        return rawPax(type, records.toString(StandardCharsets.UTF_8));
    }

    /** With the two blocks of zeros that end an archive. */
    byte[] end() {
        out.writeBytes(new byte[1024]);
        return out.toByteArray();
    }

    byte[] cut() {
        return out.toByteArray();
    }

    byte[] header(char type, String name, String link, long size, int shownMode) {
        byte[] header = new byte[512];
        put(header, 0, 100, name.getBytes(StandardCharsets.UTF_8));
        number(header, 100, 8, shownMode);
        number(header, 108, 8, uid);
        number(header, 116, 8, gid);
        number(header, 124, 12, size);
        number(header, 136, 12, time);
        header[156] = (byte) type;
        put(header, 157, 100, link.getBytes(StandardCharsets.UTF_8));
        put(header, 257, 8, "ustar\00000".getBytes(StandardCharsets.US_ASCII));
        checksum(header);
        return header;
    }

    static void checksum(byte[] header) {
        Arrays.fill(header, 148, 156, (byte) ' ');
        int sum = 0;
        for (byte b : header) {
            sum += b & 0xff;
        }
        put(header, 148, 8, "%06o\0 ".formatted(sum).getBytes(StandardCharsets.US_ASCII));
    }

    static void put(byte[] into, int at, int width, byte[] value) {
        System.arraycopy(value, 0, into, at, Math.min(width, value.length));
    }

    /** Octal where it fits, else base 256. */
    static void number(byte[] into, int at, int width, long value) {
        if (value >= 0 && value < 1L << 3 * (width - 1)) {
            put(into, at, width, ("%0" + (width - 1) + "o").formatted(value).getBytes(StandardCharsets.US_ASCII));
            return;
        }
        for (int i = width - 1; i > 0; i--) {
            int shift = 8 * (width - 1 - i);
            into[at + i] = (byte) (shift < 64 ? value >> shift : value >> 63);
        }
        into[at] = (byte) (value < 0 ? 0xff : 0x80);
    }

    private void block(byte[] header, byte[] content) {
        out.writeBytes(header);
        out.writeBytes(content);
        out.writeBytes(new byte[-content.length & 511]);
    }

    private static byte[] record(String key, byte[] value) {
        int rest = key.getBytes(StandardCharsets.UTF_8).length + value.length + 3;
        int length = rest + 1;
        while (String.valueOf(length).length() + rest != length) {
            length = String.valueOf(length).length() + rest;
        }
        var record = new ByteArrayOutputStream();
        record.writeBytes((length + " " + key + "=").getBytes(StandardCharsets.UTF_8));
        record.writeBytes(value);
        record.write('\n');
        return record.toByteArray();
    }
}
