package org.berth.cli;

import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
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
            Thread atEnd = new Thread(mode::restore);
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

    /** The terminal's settings as the C library has them (termios.h); one bit of {@code c_lflag} is known here. */
    private record Mode(Arena arena, int descriptor, MemorySegment before) implements AutoCloseable {
        /** More than any Linux needs (60 bytes). */
        private static final long SIZE = 256;

        private static final long LOCAL_FLAGS = 12;
        private static final int ECHO = 0000010;
        private static final int NOW = 0;
        private static final int READ_WRITE = 2;
        private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
        private static final Linker LINKER = Linker.nativeLinker();
        private static final MethodHandle OPEN =
                call("open", FunctionDescriptor.of(INT, ValueLayout.ADDRESS, INT), Linker.Option.firstVariadicArg(2));
        private static final MethodHandle CLOSE = call("close", FunctionDescriptor.of(INT, INT));
        private static final MethodHandle GET = call("tcgetattr", FunctionDescriptor.of(INT, INT, ValueLayout.ADDRESS));
        private static final MethodHandle SET =
                call("tcsetattr", FunctionDescriptor.of(INT, INT, INT, ValueLayout.ADDRESS));

        private static MethodHandle call(String name, FunctionDescriptor types, Linker.Option... options) {
            return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), types, options);
        }

        private interface Call {
            int run() throws Throwable;
        }

        private static int checked(Call call) {
            int result;
            try {
                result = call.run();
            } catch (Throwable e) {
                throw new IllegalStateException("a call of the C library does not throw", e);
            }
            if (result < 0) {
                throw new HostException("this terminal cannot hide what is typed")
                        .hint("give the password on standard input");
            }
            return result;
        }

        static Mode withoutEcho() {
            Arena arena = Arena.ofShared();
            MemorySegment name = arena.allocateFrom(DEVICE);
            MemorySegment before = arena.allocate(SIZE);
            int descriptor = checked(() -> (int) OPEN.invokeExact(name, READ_WRITE));
            checked(() -> (int) GET.invokeExact(descriptor, before));
            MemorySegment hidden = arena.allocate(SIZE).copyFrom(before);
            hidden.set(INT, LOCAL_FLAGS, before.get(INT, LOCAL_FLAGS) & ~ECHO);
            checked(() -> (int) SET.invokeExact(descriptor, NOW, hidden));
            return new Mode(arena, descriptor, before);
        }

        void restore() {
            checked(() -> (int) SET.invokeExact(descriptor, NOW, before));
        }

        @Override
        public void close() {
            restore();
            checked(() -> (int) CLOSE.invokeExact(descriptor));
            arena.close();
        }
    }
}
