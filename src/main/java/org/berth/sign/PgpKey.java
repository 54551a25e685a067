package org.berth.sign;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.openpgp.PGPPublicKey;

/**
 * What is shown of an OpenPGP key.
 *
 * @param userIds as they stand in the key
 * @param fingerprint upper-case hexadecimal digits
 * @param bits length of the primary key
 */
public record PgpKey(List<String> userIds, Instant created, String fingerprint, int bits) {
    private static final Pattern USER_ID =
            Pattern.compile("([^(<]*)(?:\\(([^)]*)\\))?\\s*(?:<([^>]*)>)?.*", Pattern.DOTALL);

    public PgpKey {
        userIds = List.copyOf(userIds);
    }

    static PgpKey of(PGPPublicKey primary) {
        List<String> userIds = new ArrayList<>();
        primary.getUserIDs().forEachRemaining(userIds::add);
        return new PgpKey(
                userIds, primary.getCreationTime().toInstant(), fingerprint(primary), primary.getBitStrength());
    }

    static String fingerprint(PGPPublicKey key) {
        return HexFormat.of().withUpperCase().formatHex(key.getFingerprint());
    }

    /** Whether the user typed this fingerprint, perhaps with {@code 0x} before it. */
    boolean isCalled(String typed) {
        String digits = typed.startsWith("0x") ? typed.substring(2) : typed;
        return fingerprint.equals(digits.toUpperCase(Locale.ROOT));
    }

    /** A user id as {@code Name (comment) <address>}; what it lacks stays empty, control characters are masked. */
    public static String shown(String userId) {
        Matcher parts = USER_ID.matcher(userId);
        String text =
                parts.matches() ? "%s (%s) <%s>".formatted(part(parts, 1), part(parts, 2), part(parts, 3)) : userId;
        return masked(text);
    }

    static String masked(String text) {
        return text.codePoints()
                .map(c -> Character.isISOControl(c) ? '?' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static String part(Matcher parts, int group) {
        String part = parts.group(group);
        return part == null ? "" : part.strip();
    }
}
