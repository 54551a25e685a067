package org.berth.sif;

import java.util.Arrays;

/** A word of a SIF's descriptors: a number in the file, a name in print. */
interface Coded {
    /** The number in the file. */
    int code();

    /** The name that is printed. */
    String word();

    /** The one of these with a number, or the one that stands for numbers that are not in the table. */
    static <T extends Coded> T of(int code, T[] known, T unknown) {
        return Arrays.stream(known)
                .filter(candidate -> candidate.code() == code)
                .findFirst()
                .orElse(unknown);
    }
}
