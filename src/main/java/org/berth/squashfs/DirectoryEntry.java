package org.berth.squashfs;

import java.nio.charset.StandardCharsets;

/**
 * A name in a directory.
 *
 * @param rawName 1 to 256 bytes without {@code /} and NUL, neither {@code .} nor {@code ..}; usually UTF-8; not to be changed
 * @param inodeReference what {@link SquashfsReader#inode} takes
 */
public record DirectoryEntry(byte[] rawName, long inodeReference) {
    public String name() {
        return new String(rawName, StandardCharsets.UTF_8);
    }
}
