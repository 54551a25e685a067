package org.berth.sif;

import java.util.Arrays;

/** How a cryptographic message is written. */
public enum FormatType {
    OPENPGP(1, "OpenPGP"),
    PEM(2, "PEM"),
    /** A number that is not in the table; the descriptor keeps it. */
    UNKNOWN(0, "Unknown");

    private final int code;
    private final String word;

    FormatType(int code, String word) {
        this.code = code;
        this.word = word;
    }

    /** The number in the file. */
    public int code() {
        return code;
    }

    /** The name that is printed. */
    public String word() {
        return word;
    }

    /** The constant of a number in a file. */
    public static FormatType of(int code) {
        return Arrays.stream(values())
                .filter(known -> known.code == code)
                .findFirst()
                .orElse(UNKNOWN);
    }
}
