package org.berth.squashfs;

import java.nio.charset.StandardCharsets;

/** A file of a squashfs, of whatever kind. */
public sealed interface Inode {
    Attributes attributes();

    /**
     * What every kind has.
     *
     * @param mode permission bits, 0 to 07777
     * @param modifiedAt Unix seconds, 0 to 2³²−1
     * @param number unique in the squashfs; hard links share it
     * @param links how many names it has; for directories 2 and its subdirectories
     * @param xattrIndex {@link #NO_XATTRS} if there are none
     * @param reference where it is in the inode table
     */
    record Attributes(
            int mode, long uid, long gid, long modifiedAt, long number, long links, long xattrIndex, long reference) {
        static final long NO_XATTRS = 0xFFFFFFFFL;
    }

    /** Its entries are {@code listingSize} bytes of the directory table. */
    record Directory(Attributes attributes, long listingBlock, int listingOffset, long listingSize) implements Inode {}

    /**
     * A regular file: whole blocks from {@code start} on, one after the other, and perhaps a part of a fragment block.
     *
     * @param size bytes
     * @param sparse how many of them are in holes, as far as is known
     * @param fragment number of the fragment block, {@link #NO_FRAGMENT} if the last block is one of its own
     * @param sizesBlock position of the metadata block in which the list of block sizes begins
     * @param sizesOffset where in it
     */
    record RegularFile(
            Attributes attributes,
            long size,
            long sparse,
            long start,
            long fragment,
            long fragmentOffset,
            long sizesBlock,
            int sizesOffset)
            implements Inode {
        static final long NO_FRAGMENT = 0xFFFFFFFFL;
    }

    /**
     * A symbolic link.
     *
     * @param rawTarget any bytes but NUL, usually UTF-8; not to be changed
     */
    record SymbolicLink(Attributes attributes, byte[] rawTarget) implements Inode {
        public String target() {
            return new String(rawTarget, StandardCharsets.UTF_8);
        }
    }

    record BlockDevice(Attributes attributes, int major, int minor) implements Inode {}

    record CharacterDevice(Attributes attributes, int major, int minor) implements Inode {}

    record Pipe(Attributes attributes) implements Inode {}

    record Socket(Attributes attributes) implements Inode {}
}
