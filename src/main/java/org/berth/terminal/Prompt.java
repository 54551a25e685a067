package org.berth.terminal;

import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.berth.error.HostException;
import org.berth.files.Reason;

/**
 * Asks for names and passwords of registries: on the controlling terminal, so that redirected streams stay the payload's; without
 * one on standard output and input, of which no byte more than the answer is read.
 */
public final class Prompt {
    private static final String DEVICE = "/dev/tty";
    private static final int MAX_LINE = 1 << 16;

    /** What a typed character does. */
    public enum Echo {
        SHOWN,
        HIDDEN
    }

    private Prompt() {}

    /** One line without its end; empty at the end of the input. */
    public static String ask(String question, Echo echo) {
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
            throw new HostException("could not read from standard input: " + Reason.of(e), e);
        }
    }

    /** Whether the answer is yes; anything else, and the end of the input, is no. */
    public static boolean confirms(String question) {
        System.out.print(question);
        System.out.flush();
        try {
            return line(new FileInputStream(FileDescriptor.in)).strip().matches("(?i)y|yes");
        } catch (IOException e) {
            return false;
        }
    }

    /** All of standard input, without the last line's end. */
    public static String standardInput() {
        try {
            String text = new String(System.in.readNBytes(MAX_LINE), StandardCharsets.UTF_8);
            return text.replaceFirst("\\r?\\n$", "");
        } catch (IOException e) {
            throw new HostException("could not read from standard input: " + Reason.of(e), e);
        }
    }

    private static String ask(String question, InputStream in, OutputStream out) throws IOException {
        out.write(question.getBytes(StandardCharsets.UTF_8));
        out.flush();
        return line(in);
    }

    /** The echo goes before the question comes: who answers at once loses nothing. */
    private static String askHidden(String question, InputStream in, OutputStream out) throws IOException {
        try (Terminal.Echo _ = Terminal.Echo.off()) {
            String answer = ask(question, in, out);
            out.write('\n');
            return answer;
        }
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b >= 0 && b != '\n' && line.size() < MAX_LINE; b = in.read()) {
            line.write(b);
        }
        return line.toString(StandardCharsets.UTF_8).replaceFirst("\\r$", "");
    }
}
