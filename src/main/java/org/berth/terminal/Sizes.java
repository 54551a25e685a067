package org.berth.terminal;

/** Sizes for people. */
final class Sizes {
    private Sizes() {}

    /** {@code 37.6MiB}. */
    static String text(long bytes) {
        double value = bytes;
        for (String unit : new String[] {"B", "KiB", "MiB", "GiB"}) {
            if (value < 1024 || unit.equals("GiB")) {
                return unit.equals("B") ? bytes + "B" : "%.1f%s".formatted(value, unit);
            }
            value /= 1024;
        }
        throw new IllegalStateException("unreachable: GiB returns");
    }
}
