package org.berth.host;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers of bytes as people read them. */
public final class ByteSize {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,9})([KMGTkmgt]?)(?:i?[Bb])?");

    private ByteSize() {}

    /** A size as Apptainer shows it: {@code 0.47 KiB}, {@code 112.78 MiB}. */
    public static String text(long bytes) {
        if (bytes < 1L << 20) {
            return unit(bytes, 1L << 10, "KiB");
        }
        if (bytes < 1L << 30) {
            return unit(bytes, 1L << 20, "MiB");
        }
        return bytes < 1L << 40 ? unit(bytes, 1L << 30, "GiB") : unit(bytes, 1L << 40, "TiB");
    }

    /**
     * A size in MiB, rounded up: a number with K, M, G or T, in powers of 1024; without one of MiB.
     *
     * @return none for what is no such size, or none between 1 MiB and a PiB
     */
    public static Optional<Integer> parseMib(String text) {
        Matcher size = SIZE.matcher(text);
        if (!size.matches()) {
            return Optional.empty();
        }
        long number = Long.parseLong(size.group(1));
        String unit = size.group(2).toUpperCase(Locale.ROOT);
        long mib = unit.equals("K") ? Math.ceilDiv(number, 1024) : number << 10 * Math.max("MGT".indexOf(unit), 0);
        return mib < 1 || mib > 1 << 30 ? Optional.empty() : Optional.of((int) mib);
    }

    private static String unit(long bytes, long unit, String name) {
        return String.format(Locale.ROOT, "%.2f %s", (double) bytes / unit, name);
    }
}
