package org.berth.squashfs;

import java.nio.ByteBuffer;
import org.berth.error.ImageException;

/**
 * The first 96 bytes of a squashfs 4.0; positions count from the start of the squashfs.
 *
 * @param inodes how many there are
 * @param modifiedAt Unix seconds
 * @param blockSize bytes, a power of two from 4096 to 1048576
 * @param fragments how many fragment blocks there are
 * @param flags bits as mksquashfs sets them; the reader needs none
 * @param ids how many different owners there are, 1 to 65536
 * @param rootInode a reference: block position in the inode table times 65536, plus the offset in the block
 * @param bytesUsed the length of the squashfs without its padding
 * @param xattrTable −1 if there are no extended attributes
 * @param exportTable −1 if there is none
 */
public record Superblock(
        long inodes,
        long modifiedAt,
        int blockSize,
        long fragments,
        CompressionType compression,
        int flags,
        int ids,
        long rootInode,
        long bytesUsed,
        long idTable,
        long xattrTable,
        long inodeTable,
        long directoryTable,
        long fragmentTable,
        long exportTable) {
    static final int SIZE = 96;
    static final int MAGIC = 0x73717368;
    static final long NO_TABLE = -1;

    private static final int MIN_BLOCK_SIZE = 4096;
    private static final int MAX_BLOCK_SIZE = 1 << 20;

    /**
     * Reads and checks a superblock.
     *
     * @param in the 96 bytes, little-endian
     * @param available how many bytes the squashfs may have
     * @throws ImageException that begins with {@code name}
     */
    static Superblock read(ByteBuffer in, String name, long available) {
        if (in.getInt() != MAGIC) {
            throw new ImageException("%s: not a squashfs (it has no squashfs superblock)".formatted(name));
        }
        long inodes = Integer.toUnsignedLong(in.getInt());
        long modifiedAt = Integer.toUnsignedLong(in.getInt());
        int blockSize = in.getInt();
        long fragments = Integer.toUnsignedLong(in.getInt());
        int compressor = Short.toUnsignedInt(in.getShort());
        int blockLog = Short.toUnsignedInt(in.getShort());
        int flags = Short.toUnsignedInt(in.getShort());
        int ids = Short.toUnsignedInt(in.getShort());
        int major = Short.toUnsignedInt(in.getShort());
        int minor = Short.toUnsignedInt(in.getShort());
        if (major != 4 || minor != 0) {
            throw new ImageException(
                    "%s: squashfs version %d.%d is not known, only 4.0 is".formatted(name, major, minor));
        }
        if (blockSize < MIN_BLOCK_SIZE
                || blockSize > MAX_BLOCK_SIZE
                || Integer.bitCount(blockSize) != 1
                || blockLog != Integer.numberOfTrailingZeros(blockSize)) {
            throw damaged(name, "its block size of %d bytes (log %d) is not valid".formatted(blockSize, blockLog));
        }
        CompressionType compression = CompressionType.of(compressor)
                .orElseThrow(() -> damaged(name, "compressor number %d is not known".formatted(compressor)));
        Superblock superblock = new Superblock(
                inodes,
                modifiedAt,
                blockSize,
                fragments,
                compression,
                flags,
                ids,
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong());
        superblock.check(name, available);
        return superblock;
    }

    private void check(String name, long available) {
        if (bytesUsed < SIZE || bytesUsed > available) {
            throw damaged(
                    name, "it claims %d bytes, there are %d; it may be truncated".formatted(bytesUsed, available));
        }
        if (!inside(inodeTable) || !inside(directoryTable) || inodeTable >= directoryTable) {
            throw damaged(name, "its inode and directory tables are misplaced");
        }
        if (!inside(idTable) || ids == 0) {
            throw damaged(name, "its table of owners is misplaced");
        }
        if (fragments > 0 && !inside(fragmentTable)) {
            throw damaged(name, "its fragment table is misplaced");
        }
        if (xattrTable != NO_TABLE && !inside(xattrTable)) {
            throw damaged(name, "its table of extended attributes is misplaced");
        }
    }

    private boolean inside(long position) {
        return position >= SIZE && position <= bytesUsed;
    }

    private static ImageException damaged(String name, String what) {
        return new ImageException("%s: damaged squashfs: %s".formatted(name, what));
    }
}
