package org.berth.terminal;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.berth.error.HostException;
import org.berth.host.Host;

/**
 * Asks the user: questions go to standard output, answers come from standard input. Passphrases come from the terminal,
 * without echo, where standard input is one; else they are a line of it, as scripts want it.
 */
public final class Terminal {
    private static final Path TTY = Path.of("/dev/tty");

    private final Host host;
    private final InputStream input;

    public Terminal(Host host) {
        this.host = host;
        this.input = System.in;
    }

    /** The answer, without its line end. */
    public String ask(String question) {
        show(question);
        return new String(line(input), StandardCharsets.UTF_8);
    }

    /** A number from 0 to {@code last}; asked for again until it is one. */
    public int askNumber(String question, int last) {
        while (true) {
            String answer = ask(question).strip();
            if (answer.matches("[0-9]{1,6}") && Integer.parseInt(answer) <= last) {
                return Integer.parseInt(answer);
            }
            System.out.println("Please enter a number between 0 and %d".formatted(last));
        }
    }

    /** A passphrase; may be empty. */
    public char[] askSecret(String question) {
        if (!host.facts().standardInputIsTerminal()) {
            show(question);
            char[] secret = characters(line(input));
            System.out.println();
            return secret;
        }
        try (InputStream tty = Files.newInputStream(TTY);
                Echo _ = Echo.off()) {
            // Only now: who answers at once is neither shown nor lost.
            show(question);
            return characters(line(tty));
        } catch (IOException e) {
            throw new HostException("could not read from the terminal: " + Host.reason(e), e);
        } finally {
            System.out.println();
        }
    }

    /** A new passphrase, typed twice the same; may be empty. */
    public char[] askNewSecret(String question) {
        for (int attempt = 0; attempt < 3; attempt++) {
            char[] first = askSecret(question);
            char[] second = askSecret("Retype your passphrase : ");
            if (Arrays.equals(first, second)) {
                return first;
            }
            System.out.println("Passphrases do not match");
        }
        throw new HostException("passphrases do not match");
    }

    private static void show(String question) {
        System.out.print(question);
        System.out.flush();
    }

    /* Byte by byte: what follows the line belongs to the next question. */
    private static byte[] line(InputStream in) {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        try {
            int b = in.read();
            if (b < 0) {
                throw new HostException("could not read user's input: end of file");
            }
            for (; b >= 0 && b != '\n'; b = in.read()) {
                line.write(b);
            }
            return line.toByteArray();
        } catch (IOException e) {
            throw new HostException("could not read user's input: " + Host.reason(e), e);
        }
    }

    private static char[] characters(byte[] utf8) {
        CharBuffer characters = StandardCharsets.UTF_8.decode(ByteBuffer.wrap(utf8));
        char[] copy = new char[characters.remaining()];
        characters.get(copy);
        return copy;
    }

    /** The terminal's echo, switched off until this is closed or the process ends. */
    static final class Echo implements AutoCloseable {
        /* struct termios (termios(3)) as Linux has it on every architecture: four flag words first, c_lflag the last of them. */
        private static final int TERMIOS_SIZE = 128;
        private static final int LOCAL_FLAGS = 12;
        private static final int ECHO = 010;
        /** What is typed ahead is kept. */
        private static final int TCSADRAIN = 1;

        private static final int O_RDWR = 2;

        private static final Linker LINKER = Linker.nativeLinker();
        private static final MethodHandle OPEN = call(
                "open",
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
                Linker.Option.firstVariadicArg(2));
        private static final MethodHandle CLOSE =
                call("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        private static final MethodHandle TCGETATTR = call(
                "tcgetattr", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
        private static final MethodHandle TCSETATTR = call(
                "tcsetattr",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));

        private final int descriptor;
        private final MemorySegment settings;
        private final Thread atEnd;

        private Echo(int descriptor, MemorySegment settings) {
            this.descriptor = descriptor;
            this.settings = settings;
            this.atEnd = new Thread(this::restore);
        }

        static Echo off() {
            MemorySegment settings = Arena.ofAuto().allocate(TERMIOS_SIZE, Long.BYTES);
            int descriptor;
            try (Arena arena = Arena.ofConfined()) {
                descriptor = (int) OPEN.invokeExact(arena.allocateFrom(TTY.toString()), O_RDWR);
                if (descriptor < 0 || (int) TCGETATTR.invokeExact(descriptor, settings) < 0) {
                    throw new HostException("the terminal cannot be asked without echo");
                }
                Echo echo = new Echo(descriptor, settings);
                Runtime.getRuntime().addShutdownHook(echo.atEnd);
                MemorySegment silent = arena.allocate(TERMIOS_SIZE, Long.BYTES).copyFrom(settings);
                silent.set(ValueLayout.JAVA_INT, LOCAL_FLAGS, settings.get(ValueLayout.JAVA_INT, LOCAL_FLAGS) & ~ECHO);
                echo.set(silent);
                return echo;
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }

        /** The terminal may be gone by now, or another's: then there is nothing to restore. */
        private void restore() {
            try {
                set(settings);
            } catch (HostException e) {
                return;
            }
        }

        private void set(MemorySegment wanted) {
            try {
                if ((int) TCSETATTR.invokeExact(descriptor, TCSADRAIN, wanted) < 0) {
                    throw new HostException("the terminal's echo cannot be changed");
                }
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void close() {
            restore();
            Runtime.getRuntime().removeShutdownHook(atEnd);
            try {
                int unused = (int) CLOSE.invokeExact(descriptor);
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }

        private static MethodHandle call(String name, FunctionDescriptor types, Linker.Option... options) {
            return LINKER.downcallHandle(LINKER.defaultLookup().find(name).orElseThrow(), types, options);
        }
    }
}
