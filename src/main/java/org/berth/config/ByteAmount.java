package org.berth.config;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers of bytes as people write them: {@code 500M}, {@code 20G}, {@code 2TiB}; powers of 1024. */
public final class ByteAmount {
    private static final Pattern FORM = Pattern.compile("([0-9]{1,12})(?:([KMGT])(?:iB|B)?)?");
    private static final String UNITS = "KMGT";

    private ByteAmount() {}

    /** Empty if the text is no amount. */
    public static Optional<Long> parse(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            return Optional.empty();
        }
        int power = form.group(2) == null ? 0 : UNITS.indexOf(form.group(2)) + 1;
        long number = Long.parseLong(form.group(1));
        long limit = Long.MAX_VALUE >> (10 * power);
        return number > limit ? Optional.empty() : Optional.of(number << (10 * power));
    }
}
