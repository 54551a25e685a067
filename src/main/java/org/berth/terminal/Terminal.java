package org.berth.terminal;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.berth.error.HostException;
import org.berth.files.Reason;
import org.berth.host.Host;
import org.berth.libc.SystemCallException;
import org.berth.libc.TerminalSettings;

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
            throw new HostException("could not read from the terminal: " + Reason.of(e), e);
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
            throw new HostException("could not read user's input: " + Reason.of(e), e);
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
        private final TerminalSettings settings;
        private final Thread atEnd;

        private Echo(TerminalSettings settings) {
            this.settings = settings;
            this.atEnd = new Thread(this::restore);
        }

        static Echo off() {
            try {
                Echo echo = new Echo(TerminalSettings.of(TTY));
                Runtime.getRuntime().addShutdownHook(echo.atEnd);
                echo.settings.silence();
                return echo;
            } catch (SystemCallException e) {
                throw new HostException("the terminal cannot be asked without echo: " + e.getMessage(), e);
            }
        }

        private void restore() {
            try {
                settings.restore();
            } catch (SystemCallException e) {
                // Gone by now, or another's: there is nothing to restore.
            }
        }

        @Override
        public void close() {
            restore();
            Runtime.getRuntime().removeShutdownHook(atEnd);
            try {
                settings.close();
            } catch (SystemCallException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
