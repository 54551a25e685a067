package org.berth.libc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** How wide the terminal is now, by ioctl_tty(2); it may change at any time. */
public final class TerminalSize {
    private static final long TIOCGWINSZ = 0x5413;
    private static final int STANDARD_ERROR = 2;
    private static final int USUAL = 80;
    /* struct winsize: rows and columns, as 16-bit numbers, first. */
    private static final int STRUCT_BYTES = 8;
    private static final int COLUMNS_AT = 2;

    private TerminalSize() {}

    /** Columns of the terminal that standard error is; 80 where nobody says. */
    public static int columns() {
        byte[] size = new byte[STRUCT_BYTES];
        if (Natives.ioctl(STANDARD_ERROR, TIOCGWINSZ, size) < 0) {
            return USUAL;
        }
        int columns = Short.toUnsignedInt(
                ByteBuffer.wrap(size).order(ByteOrder.nativeOrder()).getShort(COLUMNS_AT));
        return columns == 0 ? USUAL : columns;
    }
}
