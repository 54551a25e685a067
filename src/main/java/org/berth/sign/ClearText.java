package org.berth.sign;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A clear-text signature (RFC 4880, section 7).
 *
 * <p>Taken by its lines alone: around the message there are none but blank ones, and before it none but {@code Hash:}, so that
 * nothing which nobody signed can be put beside what was.
 *
 * @param message the text with LF line ends, without the one before the signature
 * @param armor the signature's block
 */
record ClearText(byte[] message, byte[] armor) {
    private static final String BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----";
    private static final String SIGNATURE = "-----BEGIN PGP SIGNATURE-----";
    private static final String END = "-----END PGP SIGNATURE-----";
    private static final String ESCAPE = "- ";
    private static final Pattern HASH = Pattern.compile("Hash:[A-Za-z0-9, -]*");
    private static final Pattern ARMOR_HEADER = Pattern.compile("(?:Version|Comment|MessageID|Hash|Charset): .*");

    /** The signed message that these bytes are; empty if they are none. */
    static Optional<ClearText> parse(byte[] bytes) {
        Lines lines = new Lines(latin1(bytes));
        String first = lines.next();
        while (first.isBlank() && lines.more()) {
            first = lines.next();
        }
        if (!first.equals(BEGIN) || !passedOver(lines, HASH)) {
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder();
        String line = lines.next();
        for (String separator = ""; !line.equals(SIGNATURE); separator = "\n") {
            if (!lines.more()) {
                return Optional.empty();
            }
            text.append(separator).append(line, line.startsWith(ESCAPE) ? ESCAPE.length() : 0, line.length());
            line = lines.next();
        }
        return armor(lines).map(armor -> new ClearText(bytes(text.toString()), bytes(armor)));
    }

    private static Optional<String> armor(Lines lines) {
        if (!passedOver(lines, ARMOR_HEADER)) {
            return Optional.empty();
        }
        StringBuilder armor = new StringBuilder(SIGNATURE).append("\n\n");
        String line = lines.next().stripTrailing();
        for (; !line.equals(END); line = lines.next().stripTrailing()) {
            if (!lines.more()) {
                return Optional.empty();
            }
            armor.append(line).append('\n');
        }
        while (lines.more()) {
            if (!lines.next().isBlank()) {
                return Optional.empty();
            }
        }
        return Optional.of(armor.append(END).append('\n').toString());
    }

    /** Whether there are only such lines before an empty one, which is left too. */
    private static boolean passedOver(Lines lines, Pattern header) {
        while (lines.more()) {
            String line = lines.next();
            if (line.isEmpty()) {
                return true;
            }
            if (!header.matcher(line).matches()) {
                return false;
            }
        }
        return false;
    }

    /** A text's lines one after the other, without CR at their ends: many short ones take no memory. */
    private static final class Lines {
        private final String text;
        private int at;

        Lines(String text) {
            this.text = text;
        }

        boolean more() {
            return at <= text.length();
        }

        /** The next line; nothing behind the last. */
        String next() {
            if (!more()) {
                return "";
            }
            int end = text.indexOf('\n', at);
            int stop = end < 0 ? text.length() : end;
            String line = text.substring(at, stop > at && text.charAt(stop - 1) == '\r' ? stop - 1 : stop);
            at = stop + 1;
            return line;
        }
    }

    /** What is signed of a text: CR LF between the lines, no blanks at their ends. */
    static byte[] signedBytes(byte[] message) {
        StringBuilder signed = new StringBuilder(message.length + 64);
        Lines lines = new Lines(latin1(message));
        for (String separator = ""; lines.more(); separator = "\r\n") {
            signed.append(separator).append(withoutBlanks(lines.next()));
        }
        return bytes(signed.toString());
    }

    private static String withoutBlanks(String line) {
        int end = line.length();
        while (end > 0 && " \t\r".indexOf(line.charAt(end - 1)) >= 0) {
            end--;
        }
        return line.substring(0, end);
    }

    /** The whole, as it is stored. */
    static byte[] encode(byte[] message, String hash, byte[] armor) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(bytes("%s\nHash: %s\n\n".formatted(BEGIN, hash)));
        for (String line : latin1(message).split("\n", -1)) {
            out.writeBytes(bytes((line.startsWith("-") ? ESCAPE : "") + line + "\n"));
        }
        out.writeBytes(armor);
        return out.toByteArray();
    }

    /* Bytes that are no UTF-8 must come through as they are. */
    private static String latin1(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static byte[] bytes(String latin1) {
        return latin1.getBytes(StandardCharsets.ISO_8859_1);
    }
}
