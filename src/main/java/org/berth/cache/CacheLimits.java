package org.berth.cache;

import java.util.OptionalLong;

/**
 * How much a cache may hold.
 *
 * @param bytes of all files together
 * @param files how many there may be
 */
public record CacheLimits(OptionalLong bytes, OptionalLong files) {
    /** Whether that much may be there. */
    public boolean allow(long usedBytes, long usedFiles) {
        return usedBytes <= bytes.orElse(Long.MAX_VALUE) && usedFiles <= files.orElse(Long.MAX_VALUE);
    }
}
