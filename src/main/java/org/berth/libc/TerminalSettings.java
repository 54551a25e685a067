package org.berth.libc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A terminal's settings as they were when it was opened, by termios(3). */
public final class TerminalSettings implements AutoCloseable {
    /* struct termios as Linux has it on every architecture: four flag words first, c_lflag the last of them. */
    private static final int STRUCT_BYTES = 128;
    private static final int LOCAL_FLAGS_AT = 12;
    private static final int ECHO = 010;
    /** What is typed ahead is kept. */
    private static final int TCSADRAIN = 1;

    private static final int O_RDWR = 2;

    private final int descriptor;
    private final byte[] found;

    private TerminalSettings(int descriptor, byte[] found) {
        this.descriptor = descriptor;
        this.found = found;
    }

    /** @throws SystemCallException if it cannot be opened, or is no terminal */
    public static TerminalSettings of(Path device) throws SystemCallException {
        byte[] name = Natives.string(device.toString().getBytes(StandardCharsets.UTF_8));
        int descriptor = (int) Natives.checked(Natives.open(name, O_RDWR));
        byte[] found = new byte[STRUCT_BYTES];
        if (Natives.tcgetattr(descriptor, found) < 0) {
            SystemCallException failure = Natives.failure();
            int _ = Natives.close(descriptor);
            throw failure;
        }
        return new TerminalSettings(descriptor, found);
    }

    /** What is typed is not shown any more. */
    public void silence() throws SystemCallException {
        byte[] silent = found.clone();
        ByteBuffer words = ByteBuffer.wrap(silent).order(ByteOrder.nativeOrder());
        words.putInt(LOCAL_FLAGS_AT, words.getInt(LOCAL_FLAGS_AT) & ~ECHO);
        set(silent);
    }

    /** @throws SystemCallException if the terminal is gone by now, or another's */
    public void restore() throws SystemCallException {
        set(found);
    }

    private void set(byte[] wanted) throws SystemCallException {
        Natives.checked(Natives.tcsetattr(descriptor, TCSADRAIN, wanted));
    }

    @Override
    public void close() throws SystemCallException {
        Natives.checked(Natives.close(descriptor));
    }
}
