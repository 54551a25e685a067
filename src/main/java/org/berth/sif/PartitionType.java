package org.berth.sif;

import java.util.Arrays;

/** What a partition is for; at most one in a file is the primary system. */
public enum PartitionType {
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

    /** The number in the file. */
    public int code() {
        return code;
    }

    /** The name that is printed. */
    public String word() {
        return word;
    }

    /** The constant of a number in a file. */
    public static PartitionType of(int code) {
        return Arrays.stream(values())
                .filter(known -> known.code == code)
                .findFirst()
                .orElse(UNKNOWN);
    }
}
