package org.berth.sif;

import java.util.Arrays;

/** The machine a partition is for: its two-digit code in the file and its name in Go's GOARCH words. */
public enum Architecture {
    UNKNOWN("00", "unknown"),
    I386("01", "386"),
    AMD64("02", "amd64"),
    ARM("03", "arm"),
    ARM64("04", "arm64"),
    PPC64("05", "ppc64"),
    PPC64LE("06", "ppc64le"),
    MIPS("07", "mips"),
    MIPSLE("08", "mipsle"),
    MIPS64("09", "mips64"),
    MIPS64LE("10", "mips64le"),
    S390X("11", "s390x"),
    RISCV64("12", "riscv64"),
    LOONG64("13", "loong64");

    private final String code;
    private final String word;

    Architecture(String code, String word) {
        this.code = code;
        this.word = word;
    }

    /** Two digits. */
    public String code() {
        return code;
    }

    /** The GOARCH name, {@code unknown} for code 00. */
    public String word() {
        return word;
    }

    /** The architecture of a code; one that is not in the table is {@link #UNKNOWN}. */
    public static Architecture ofCode(String code) {
        return Arrays.stream(values())
                .filter(known -> known.code.equals(code))
                .findFirst()
                .orElse(UNKNOWN);
    }

    /** The architecture of a GOARCH name; one that has no code is {@link #UNKNOWN}. */
    public static Architecture ofWord(String word) {
        return Arrays.stream(values())
                .filter(known -> known.word.equals(word))
                .findFirst()
                .orElse(UNKNOWN);
    }
}
