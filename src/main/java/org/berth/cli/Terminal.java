package org.berth.cli;

import com.sun.jna.LastErrorException;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.berth.error.HostException;
import org.berth.host.Host;

/**
 * Asks the user: on the controlling terminal, so that redirected streams stay the payload's; without one on standard output and
 * input, of which no byte more than the answer is read.
 */
final class Terminal {
    private static final String DEVICE = "/dev/tty";
    private static final int MAX_LINE = 1 << 16;

    /** What a typed character does. */
    enum Echo {
        SHOWN,
        HIDDEN
    }

    private Terminal() {}

    /** One line without its end; empty at the end of the input. */
    static String ask(String question, Echo echo) {
        try (FileInputStream in = new FileInputStream(DEVICE);
                FileOutputStream out = new FileOutputStream(DEVICE)) {
            return echo == Echo.SHOWN ? ask(question, in, out) : askHidden(question, in, out);
        } catch (IOException e) {
            // There is no terminal.
        }
        try {
            System.out.print(question);
            System.out.flush();
            return line(new FileInputStream(FileDescriptor.in));
        } catch (IOException e) {
            throw new HostException("could not read from standard input: " + Host.reason(e), e);
        }
    }

    /** All of standard input, without the last line's end. */
    static String standardInput() {
        try {
            String text = new String(System.in.readNBytes(MAX_LINE), StandardCharsets.UTF_8);
            return text.replaceFirst("\\r?\\n$", "");
        } catch (IOException e) {
            throw new HostException("could not read from standard input: " + Host.reason(e), e);
        }
    }

    private static String ask(String question, InputStream in, OutputStream out) throws IOException {
        out.write(question.getBytes(StandardCharsets.UTF_8));
        out.flush();
        return line(in);
    }

    /** The terminal echoes again at the end, also when an interrupt ends the program. */
    private static String askHidden(String question, InputStream in, OutputStream out) throws IOException {
        try (Mode mode = Mode.withoutEcho()) {
            Thread atEnd = new Thread(mode::close);
            Runtime.getRuntime().addShutdownHook(atEnd);
            try {
                String answer = ask(question, in, out);
                out.write('\n');
                return answer;
            } finally {
                Runtime.getRuntime().removeShutdownHook(atEnd);
            }
        }
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b >= 0 && b != '\n' && line.size() < MAX_LINE; b = in.read()) {
            line.write(b);
        }
        return line.toString(StandardCharsets.UTF_8).replaceFirst("\\r$", "");
    }

    /** The terminal's settings (termios.h); only one bit of {@code c_lflag} is known here. */
    private record Mode(int descriptor, Memory before) implements AutoCloseable {
        private static final int SIZE = 256;
        private static final int LOCAL_FLAGS = 12;
        private static final int ECHO = 0000010;
        private static final int NOW = 0;
        private static final int READ_WRITE = 2;

        /** Linux' C library. */
        interface LibC extends Library {
            LibC C = Native.load("c", LibC.class);

            int open(String path, int flags) throws LastErrorException;

            int close(int descriptor) throws LastErrorException;

            int tcgetattr(int descriptor, Pointer settings) throws LastErrorException;

            int tcsetattr(int descriptor, int when, Pointer settings) throws LastErrorException;
        }

        static Mode withoutEcho() {
            try {
                int descriptor = LibC.C.open(DEVICE, READ_WRITE);
                Memory before = new Memory(SIZE);
                LibC.C.tcgetattr(descriptor, before);
                Memory hidden = new Memory(SIZE);
                hidden.write(0, before.getByteArray(0, SIZE), 0, SIZE);
                hidden.setInt(LOCAL_FLAGS, before.getInt(LOCAL_FLAGS) & ~ECHO);
                LibC.C.tcsetattr(descriptor, NOW, hidden);
                return new Mode(descriptor, before);
            } catch (LastErrorException e) {
                throw new HostException("this terminal cannot hide what is typed: " + e.getMessage(), e);
            }
        }

        @Override
        public void close() {
            try {
                LibC.C.tcsetattr(descriptor, NOW, before);
                LibC.C.close(descriptor);
            } catch (LastErrorException e) {
                throw new HostException("could not restore the terminal: " + e.getMessage(), e);
            }
        }
    }
}
