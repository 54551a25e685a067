package org.berth.gather;

import java.io.ByteArrayOutputStream;
import java.util.Optional;
import org.berth.host.Bytes;

/**
 * Reads quoted words as shells print them: bare, {@code '…'}, {@code "…"} and {@code $'…'} pieces up to the end of the line.
 *
 * <p>The launcher reads the same ({@code env.c}); {@code src/test/c/exports.txt} holds the two together. mksh writes values with control characters as {@code $'…'}, busybox and dash only use the first three.
 */
final class ShellWords {
    private static final String EXPORT = "export ";

    private final String text;
    private int at;

    ShellWords(String text) {
        this.text = text;
    }

    boolean atEnd() {
        return at >= text.length();
    }

    void skipLine() {
        int newline = text.indexOf('\n', at);
        at = newline < 0 ? text.length() : newline + 1;
    }

    /** The name of an {@code export NAME=} line, whose value comes next; empty for a variable without a value, and other lines. */
    Optional<String> exportedName() {
        int equals = text.indexOf('=', at);
        int newline = text.indexOf('\n', at);
        if (!text.startsWith(EXPORT, at) || equals < 0 || newline >= 0 && newline < equals) {
            return Optional.empty();
        }
        String name = text.substring(at + EXPORT.length(), equals);
        at = equals + 1;
        return Optional.of(name);
    }

    /** The word up to the end of its line, without its quotes. */
    String word() {
        StringBuilder value = new StringBuilder();
        while (!atEnd() && text.charAt(at) != '\n') {
            char c = text.charAt(at++);
            if (c == '$' && !atEnd() && text.charAt(at) == '\'') {
                at++;
                escaped(value);
            } else if (c == '\'') {
                int end = text.indexOf(c, at);
                value.append(text, at, end < 0 ? text.length() : end);
                at = end < 0 ? text.length() : end + 1;
            } else if (c == '"') {
                inDoubleQuotes(value);
            } else if (c == '\\' && !atEnd()) {
                value.append(text.charAt(at++));
            } else {
                value.append(c);
            }
        }
        at++;
        return value.toString();
    }

    /** The rest of {@code "…"}, in which a backslash takes away the meaning of what has one; an escaped newline is none at all. */
    private void inDoubleQuotes(StringBuilder value) {
        while (!atEnd() && text.charAt(at) != '"') {
            char c = text.charAt(at++);
            boolean escape = c == '\\' && !atEnd() && "\"\\$`\n".indexOf(text.charAt(at)) >= 0;
            char said = escape ? text.charAt(at++) : c;
            if (!escape || said != '\n') {
                value.append(said);
            }
        }
        at++;
    }

    /** The rest of {@code $'…'}; bytes by number are put together before they are read as text. */
    private void escaped(StringBuilder value) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        while (!atEnd() && text.charAt(at) != '\'') {
            int plain = at;
            while (!atEnd() && text.charAt(at) != '\'' && text.charAt(at) != '\\') {
                at++;
            }
            bytes.writeBytes(Bytes.encode(text.substring(plain, at)));
            if (atEnd() || text.charAt(at) == '\'') {
                continue;
            }
            at++;
            if (atEnd()) {
                // The text is cut off: what the backslash was for is not known.
                bytes.write('\\');
                continue;
            }
            char escape = text.charAt(at++);
            switch (escape) {
                case 'n' -> bytes.write('\n');
                case 't' -> bytes.write('\t');
                case 'r' -> bytes.write('\r');
                case 'a' -> bytes.write(7);
                case 'b' -> bytes.write(8);
                case 'v' -> bytes.write(11);
                case 'f' -> bytes.write(12);
                case 'e', 'E' -> bytes.write(27);
                default -> {
                    if (escape >= '0' && escape <= '7') {
                        at--;
                        bytes.write(number(8, 3));
                    } else if (escape == 'x' && !atEnd() && Character.digit(text.charAt(at), 16) >= 0) {
                        bytes.write(number(16, 2));
                    } else {
                        bytes.writeBytes(Bytes.encode(String.valueOf(escape)));
                    }
                }
            }
        }
        at++;
        value.append(Bytes.decode(bytes.toByteArray()));
    }

    private int number(int base, int digits) {
        int value = 0;
        for (int i = 0; i < digits && !atEnd() && Character.digit(text.charAt(at), base) >= 0; i++) {
            value = value * base + Character.digit(text.charAt(at++), base);
        }
        return value;
    }
}
