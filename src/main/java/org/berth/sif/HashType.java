package org.berth.sif;

/** The hash of a signature. */
public enum HashType implements Coded {
    SHA256(1, "SHA-256"),
    SHA384(2, "SHA-384"),
    SHA512(3, "SHA-512"),
    BLAKE2S_256(4, "BLAKE2s-256"),
    BLAKE2B_256(5, "BLAKE2b-256"),
    /** A number that is not in the table; the descriptor keeps it. */
    UNKNOWN(0, "Unknown");

    private final int code;
    private final String word;

    HashType(int code, String word) {
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
    public static HashType of(int code) {
        return Coded.of(code, values(), UNKNOWN);
    }
}
