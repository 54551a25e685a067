package org.berth.host;

import java.util.Locale;

/** Numbers of bytes as people read them. */
public final class ByteSize {
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

    private static String unit(long bytes, long unit, String name) {
        return String.format(Locale.ROOT, "%.2f %s", (double) bytes / unit, name);
    }
}
