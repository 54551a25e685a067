package org.berth.squashfs;

import java.util.Arrays;
import java.util.Optional;

/** How the blocks of a squashfs are compressed, by the number in its superblock. */
public enum CompressionType {
    GZIP(1, "gzip"),
    LZMA(2, "lzma"),
    LZO(3, "lzo"),
    XZ(4, "xz"),
    LZ4(5, "lz4"),
    ZSTD(6, "zstd");

    private final int code;
    private final String word;

    CompressionType(int code, String word) {
        this.code = code;
        this.word = word;
    }

    /** The name that mksquashfs has for it. */
    public String word() {
        return word;
    }

    /** Empty for a number that squashfs 4.0 does not define. */
    public static Optional<CompressionType> of(int code) {
        return Arrays.stream(values()).filter(known -> known.code == code).findFirst();
    }
}
