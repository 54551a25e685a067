package org.berth.sign;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A clear-text signature (RFC 4880, section 7).
 *
 * @param message the text with LF line ends, without the one before the signature
 * @param armor the signature's block
 */
record ClearText(byte[] message, byte[] armor) {
    private static final String BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----";
    private static final String SIGNATURE = "-----BEGIN PGP SIGNATURE-----";
    private static final String ESCAPE = "- ";

    /** The first signed message in these bytes; empty if there is none. */
    static Optional<ClearText> parse(byte[] bytes) {
        List<String> lines = Arrays.asList(latin1(bytes).split("\n", -1));
        List<String> stripped = lines.stream().map(String::stripTrailing).toList();
        int begin = stripped.indexOf(BEGIN);
        int blank = begin < 0 ? -1 : next(stripped, begin, "");
        int signature = blank < 0 ? -1 : next(stripped, blank, SIGNATURE);
        if (signature < 0) {
            return Optional.empty();
        }
        List<String> text = new ArrayList<>();
        for (String line : lines.subList(blank + 1, signature)) {
            String whole = line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
            text.add(whole.startsWith(ESCAPE) ? whole.substring(ESCAPE.length()) : whole);
        }
        String armor = String.join("\n", stripped.subList(signature, stripped.size()));
        return Optional.of(new ClearText(bytes(String.join("\n", text)), bytes(armor)));
    }

    /** The first such line behind the one at {@code from}, or −1. */
    private static int next(List<String> lines, int from, String line) {
        int found = lines.subList(from + 1, lines.size()).indexOf(line);
        return found < 0 ? -1 : from + 1 + found;
    }

    /** What is signed of a text: CR LF between the lines, no blanks at their ends. */
    static byte[] signedBytes(byte[] message) {
        List<String> lines = Arrays.stream(latin1(message).split("\n", -1))
                .map(ClearText::withoutBlanks)
                .toList();
        return bytes(String.join("\r\n", lines));
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
