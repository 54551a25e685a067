package org.berth.convert;

import org.berth.error.UsageException;
import org.berth.squashfs.BlockCodec;

/** How an image is compressed. */
public enum Compression {
    /** Fast; read by Linux 4.14 and later. */
    ZSTD(1, 1, 19),
    /** Read by every kernel and tool; some four times the work. */
    GZIP(6, 1, 12);

    private final int defaultLevel;
    private final int lowest;
    private final int highest;

    Compression(int defaultLevel, int lowest, int highest) {
        this.defaultLevel = defaultLevel;
        this.lowest = lowest;
        this.highest = highest;
    }

    public int defaultLevel() {
        return defaultLevel;
    }

    boolean has(int level) {
        return lowest <= level && level <= highest;
    }

    /** @throws UsageException if it has no such level */
    public BlockCodec codec(int level) {
        if (!has(level)) {
            throw new UsageException("compression %s has no level %d".formatted(this, level));
        }
        return switch (this) {
            case ZSTD -> BlockCodec.zstd(level);
            case GZIP -> BlockCodec.gzip(level);
        };
    }
}
