package org.berth.sif;

/** What a partition is for; at most one in a file is the primary system. */
public enum PartitionType implements Coded {
    SYSTEM(1, "System"),
    PRIMARY_SYSTEM(2, "*System"),
    DATA(3, "Data"),
    OVERLAY(4, "Overlay"),
    /** A number that is not in the table; the descriptor keeps it. */
    UNKNOWN(0, "Unknown");

    private final int code;
    private final String word;

    PartitionType(int code, String word) {
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
    public static PartitionType of(int code) {
        return Coded.of(code, values(), UNKNOWN);
    }
}
