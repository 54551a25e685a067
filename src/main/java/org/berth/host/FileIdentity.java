package org.berth.host;

/**
 * What tells one state of a file from another (inode(7)).
 *
 * @param mode type and permission bits as in st_mode
 * @param mtimeNanos modification time, nanoseconds since the epoch
 * @param ctimeNanos status change time, nanoseconds since the epoch
 */
public record FileIdentity(long device, long inode, long size, int mode, int uid, long mtimeNanos, long ctimeNanos) {
    private static final int TYPE = 0170000;

    public boolean directory() {
        return (mode & TYPE) == 0040000;
    }

    /** {@code DEVICE:INODE:CTIME}, as the launcher compares it. */
    public String text() {
        return "%s:%s:%d".formatted(Long.toUnsignedString(device), Long.toUnsignedString(inode), ctimeNanos);
    }

    public boolean regular() {
        return (mode & TYPE) == 0100000;
    }
}
