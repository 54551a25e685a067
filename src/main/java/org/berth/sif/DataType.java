package org.berth.sif;

/** What kind of object a descriptor describes. */
public enum DataType implements Coded {
    DEFINITION(0x4001, "Def.FILE"),
    ENVIRONMENT(0x4002, "Env.Vars"),
    LABELS(0x4003, "JSON.Labels"),
    PARTITION(0x4004, "FS"),
    SIGNATURE(0x4005, "Signature"),
    GENERIC_JSON(0x4006, "JSON.Generic"),
    GENERIC(0x4007, "Generic/Raw"),
    CRYPTO_MESSAGE(0x4008, "Cryptographic Message"),
    SBOM(0x4009, "SBOM"),
    OCI_ROOT_INDEX(0x400A, "OCI.RootIndex"),
    OCI_BLOB(0x400B, "OCI.Blob"),
    /** A number that is not in the table; the descriptor keeps it. */
    UNKNOWN(0, "Unknown");

    private final int code;
    private final String word;

    DataType(int code, String word) {
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
    public static DataType of(int code) {
        return Coded.of(code, values(), UNKNOWN);
    }
}
