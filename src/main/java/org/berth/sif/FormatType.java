package org.berth.sif;

/** How a cryptographic message is written. */
public enum FormatType implements Coded {
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

    @Override
    public int code() {
        return code;
    }

    @Override
    public String word() {
        return word;
    }

    /** The constant of a number in a file. */
    public static FormatType of(int code) {
        return Coded.of(code, values(), UNKNOWN);
    }
}
