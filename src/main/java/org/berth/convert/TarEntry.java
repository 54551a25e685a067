package org.berth.convert;

import java.util.Map;

/**
 * One entry of an archive, all dialects made one.
 *
 * @param name as in the archive, may be absolute or hold {@code ..}
 * @param link target of a hard or symbolic link, else empty
 * @param mode permission bits with setuid, setgid and sticky
 * @param uid unsigned 32 bits, as {@code gid}
 * @param mtime seconds, fractions rounded down
 * @param size of the file as it is seen, holes included; 0 for all but files
 * @param stored bytes that follow in the archive and belong to the file
 * @param segments pairs of offset and length of what is stored; a file without holes is one such pair
 * @param xattrs values by name, names in ISO 8859-1
 */
record TarEntry(
        Kind kind,
        byte[] name,
        byte[] link,
        int mode,
        int uid,
        int gid,
        long mtime,
        int major,
        int minor,
        long size,
        long stored,
        long[] segments,
        Map<String, byte[]> xattrs) {
    enum Kind {
        FILE,
        HARD_LINK,
        SYMLINK,
        CHAR_DEVICE,
        BLOCK_DEVICE,
        DIRECTORY,
        FIFO
    }
}
