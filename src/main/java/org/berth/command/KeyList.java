package org.berth.command;

import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import org.berth.sign.PgpKey;

/** OpenPGP keys as {@code key list} shows them. */
final class KeyList {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss xx zzz", Locale.ROOT)
            .withZone(ZoneId.systemDefault());

    private KeyList() {}

    static String text(List<PgpKey> keys) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < keys.size(); i++) {
            PgpKey key = keys.get(i);
            String number = i + ")  ";
            String margin = " ".repeat(number.length());
            String begin = number;
            for (String userId : key.userIds()) {
                out.append(begin)
                        .append("User:              ")
                        .append(PgpKey.shown(userId))
                        .append('\n');
                begin = margin;
            }
            out.append(begin)
                    .append("Creation time:     ")
                    .append(TIME.format(key.created()))
                    .append('\n');
            out.append(margin)
                    .append("Fingerprint:       ")
                    .append(key.fingerprint())
                    .append('\n');
            out.append(margin).append("Length (in bits):  ").append(key.bits()).append("\n\n");
        }
        return out.toString();
    }
}
