package org.berth.sif;

/** What a cryptographic message is. */
public enum MessageType implements Coded {
    CLEAR_SIGNATURE(0x100, "Clear Signature"),
    RSA_OAEP(0x200, "RSA-OAEP"),
    /** A number that is not in the table; the descriptor keeps it. */
    UNKNOWN(0, "Unknown");

    private final int code;
    private final String word;

    MessageType(int code, String word) {
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
    public static MessageType of(int code) {
        return Coded.of(code, values(), UNKNOWN);
    }
}
