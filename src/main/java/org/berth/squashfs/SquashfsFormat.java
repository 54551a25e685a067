package org.berth.squashfs;

/**
 * The numbers of the squashfs 4.0 format (Linux, fs/squashfs/squashfs_fs.h); all integers are little-endian.
 *
 * <pre>
 * superblock (96 bytes) | data blocks and fragments | inodes | directories | fragment table | ids | xattrs | zeros to 4096
 * </pre>
 */
public final class SquashfsFormat {
    public static final int MAGIC = 0x73717368;
    public static final int SUPERBLOCK_BYTES = 96;
    public static final int BLOCK_LOG = 17;

    /** Bytes of a data block before compression. */
    public static final int BLOCK = 1 << BLOCK_LOG;

    /** Bytes of a metadata block before compression. */
    public static final int METADATA = 8192;

    /** Set in the size word of a data block that is stored as it is. */
    public static final int DATA_RAW = 1 << 24;

    /** Set in the header of a metadata block that is stored as it is. */
    public static final int METADATA_RAW = 1 << 15;

    /** The image is padded with zeros to a multiple of this, as device blocks need. */
    public static final int PADDING = 4096;

    public static final int FLAG_DUPLICATES = 0x40;
    public static final int FLAG_NO_XATTRS = 0x200;

    public static final int COMPRESSOR_GZIP = 1;
    public static final int COMPRESSOR_XZ = 4;
    public static final int COMPRESSOR_LZ4 = 5;
    public static final int COMPRESSOR_ZSTD = 6;

    /** Inode and directory entry types; the extended form of an inode is its basic type + {@link #EXTENDED}. */
    public static final int TYPE_DIRECTORY = 1;

    public static final int TYPE_FILE = 2;
    public static final int TYPE_SYMLINK = 3;
    public static final int TYPE_BLOCK_DEVICE = 4;
    public static final int TYPE_CHAR_DEVICE = 5;
    public static final int TYPE_FIFO = 6;
    public static final int TYPE_SOCKET = 7;
    public static final int EXTENDED = 7;

    public static final int XATTR_USER = 0;
    public static final int XATTR_TRUSTED = 1;
    public static final int XATTR_SECURITY = 2;

    /** "None" in 32-bit fields: no fragment, no xattrs. */
    public static final int NONE = -1;

    /** The most bytes of a file name; the format could hold 256, Linux cannot. */
    public static final int NAME_MAX = 255;

    /** Entries under one directory header, and the largest distance of an inode number from its header's. */
    public static final int HEADER_ENTRIES = 256;

    public static final int HEADER_DELTA = 32767;

    /** The most owners and groups together: ids are 16-bit indexes. */
    public static final int IDS_MAX = 65535;

    private SquashfsFormat() {}
}
