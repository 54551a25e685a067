package org.berth.sif;

/** What a partition holds. */
public enum FileSystemType implements Coded {
    SQUASHFS(1, "Squashfs"),
    EXT3(2, "Ext3"),
    ARCHIVE(3, "Archive"),
    RAW(4, "Raw"),
    ENCRYPTED_SQUASHFS(5, "Encrypted squashfs"),
    GOCRYPTFS_SQUASHFS(6, "Gocryptfs squashfs"),
    /** A number that is not in the table; the descriptor keeps it. */
    UNKNOWN(0, "Unknown");

    private final int code;
    private final String word;

    FileSystemType(int code, String word) {
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
    public static FileSystemType of(int code) {
        return Coded.of(code, values(), UNKNOWN);
    }
}
