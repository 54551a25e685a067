package org.berth.libc;

import static org.berth.libc.Natives.checked;
import static org.berth.libc.Natives.string;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The Linux calls that packing and unpacking need and {@code java.nio.file} lacks: names that are bytes and not text (also under
 * {@code LANG=C}), names relative to an open directory, so that no symbolic link can lead elsewhere, fifos, devices, owners
 * and times of symbolic links.
 */
public final class LinuxFiles {
    public static final int AT_FDCWD = -100;
    public static final int S_IFMT = 0170000;
    public static final int S_IFDIR = 0040000;
    public static final int S_IFREG = 0100000;
    public static final int S_IFLNK = 0120000;
    public static final int S_IFIFO = 0010000;
    public static final int S_IFCHR = 0020000;
    public static final int S_IFBLK = 0060000;
    public static final int S_IFSOCK = 0140000;

    public static final int EACCES = 13;
    public static final int ENODATA = 61;
    public static final int ENOTSUP = 95;

    private static final int AT_SYMLINK_NOFOLLOW = 0x100;
    private static final int AT_EMPTY_PATH = 0x1000;
    private static final int STATX_BASIC_STATS = 0x7ff;
    private static final int STATX_BYTES = 256;
    private static final int XATTR_LIST_MAX = 1 << 16;
    private static final int LINK_MAX = 4096;
    private static final int DIRENT_NAME_AT = 19;
    private static final int DIRENT_LENGTH_AT = 16;
    private static final int O_WRONLY = 1;
    private static final int O_CREAT = 0100;
    private static final int O_EXCL = 0200;
    private static final int O_NONBLOCK = 04000;
    private static final int O_CLOEXEC = 02000000;
    private static final boolean X86 = System.getProperty("os.arch").equals("amd64");
    private static final int O_DIRECTORY = X86 ? 0200000 : 040000;
    private static final int O_NOFOLLOW = X86 ? 0400000 : 0100000;

    private static final boolean HAS_MKNODAT = isThere("mknodat");

    private LinuxFiles() {}

    /** Opens a directory for use as the first argument of the other calls. */
    public static int openDirectory(int directory, byte[] name) throws SystemCallException {
        return open(directory, name, O_DIRECTORY | O_CLOEXEC | (directory == AT_FDCWD ? 0 : O_NOFOLLOW));
    }

    /** Makes a regular file, which must not exist, open for writing and closed to everybody else. */
    public static int createFile(int directory, byte[] name) throws SystemCallException {
        return open(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC);
    }

    private static int open(int directory, byte[] name, int flags) throws SystemCallException {
        return (int) checked(Natives.openat(directory, string(name), flags, 0600));
    }

    public static void makeDirectory(int directory, byte[] name) throws SystemCallException {
        checked(Natives.mkdirat(directory, string(name), 0700));
    }

    public static void makeSymbolicLink(byte[] target, int directory, byte[] name) throws SystemCallException {
        checked(Natives.symlinkat(string(target), directory, string(name)));
    }

    public static void makeHardLink(int oldDirectory, byte[] oldPath, int directory, byte[] name)
            throws SystemCallException {
        checked(Natives.linkat(oldDirectory, string(oldPath), directory, string(name), 0));
    }

    /** Makes a fifo, a socket or a device with mode 0600. */
    public static void makeNode(int directory, byte[] name, int type, int major, int minor) throws SystemCallException {
        long device = minor & 0xffL | (major & 0xfffL) << 8 | (minor & ~0xffL) << 12 | (major & ~0xfffL) << 32;
        int mode = type | 0600;
        if (HAS_MKNODAT) {
            checked(Natives.Mknodat.mknodat(directory, string(name), mode, device));
        } else {
            checked(Natives.OldMknodat.__xmknodat(0, directory, string(name), mode, new long[] {device}));
        }
    }

    private static boolean isThere(String function) {
        try {
            NativeLibrary.getProcess().getFunction(function);
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }

    /** Of a name itself, not of what it may link to. */
    public static void changeOwner(int directory, byte[] name, long uid, long gid) throws SystemCallException {
        checked(Natives.fchownat(directory, string(name), (int) uid, (int) gid, AT_SYMLINK_NOFOLLOW));
    }

    /** Of a name that is no symbolic link. */
    public static void changeMode(int directory, byte[] name, int mode) throws SystemCallException {
        checked(Natives.fchmodat(directory, string(name), mode, 0));
    }

    /** Of a name itself, not of what it may link to. */
    public static void changeTime(int directory, byte[] name, long seconds) throws SystemCallException {
        checked(Natives.utimensat(directory, string(name), times(seconds), AT_SYMLINK_NOFOLLOW));
    }

    public static void changeOwner(int file, long uid, long gid) throws SystemCallException {
        checked(Natives.fchown(file, (int) uid, (int) gid));
    }

    public static void changeMode(int file, int mode) throws SystemCallException {
        checked(Natives.fchmod(file, mode));
    }

    public static void changeTime(int file, long seconds) throws SystemCallException {
        checked(Natives.futimens(file, times(seconds)));
    }

    public static void setXattr(int file, byte[] name, byte[] value) throws SystemCallException {
        checked(Natives.fsetxattr(file, string(name), value, value.length, 0));
    }

    public static void setSize(int file, long size) throws SystemCallException {
        checked(Natives.ftruncate(file, size));
    }

    /** Writes all of a native segment at an offset. */
    public static void write(int file, MemorySegment bytes, long offset) throws SystemCallException {
        for (long done = 0; done < bytes.byteSize(); ) {
            done += checked(Natives.pwrite(file, bytes.address() + done, bytes.byteSize() - done, offset + done));
        }
    }

    /** Opens a regular file for reading. */
    public static int openFile(int directory, byte[] name) throws SystemCallException {
        return open(directory, name, O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    }

    /** Reads at an offset into a native segment; 0 at the end of the file. */
    public static long read(int file, MemorySegment into, long offset) throws SystemCallException {
        return checked(Natives.pread(file, into.address(), into.byteSize(), offset));
    }

    /**
     * What a name is, links not followed; the name is empty for the open file itself.
     *
     * @param mode type and permission bits
     * @param device of the file system
     */
    public record Status(
            int mode,
            long uid,
            long gid,
            long size,
            long modifiedAt,
            long links,
            long device,
            long inode,
            int major,
            int minor) {
        public int type() {
            return mode & S_IFMT;
        }

        public Status ownedBy(long newUid, long newGid) {
            return new Status(mode, newUid, newGid, size, modifiedAt, links, device, inode, major, minor);
        }
    }

    public static Status status(int directory, byte[] name) throws SystemCallException {
        byte[] bytes = new byte[STATX_BYTES];
        checked(Natives.statx(directory, string(name), AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BASIC_STATS, bytes));
        ByteBuffer found = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        return new Status(
                Short.toUnsignedInt(found.getShort(28)),
                Integer.toUnsignedLong(found.getInt(20)),
                Integer.toUnsignedLong(found.getInt(24)),
                found.getLong(40),
                found.getLong(112),
                Integer.toUnsignedLong(found.getInt(16)),
                (long) found.getInt(136) << 32 | Integer.toUnsignedLong(found.getInt(140)),
                found.getLong(32),
                found.getInt(128),
                found.getInt(132));
    }

    public static byte[] readLink(int directory, byte[] name) throws SystemCallException {
        byte[] target = new byte[LINK_MAX];
        long length = checked(Natives.readlinkat(directory, string(name), target, target.length));
        return Arrays.copyOf(target, (int) length);
    }

    /** The names in an open directory, without {@code .} and {@code ..}, in no order. */
    public static List<byte[]> list(int directory) throws SystemCallException {
        // closedir closes what fdopendir was given.
        int own = (int) checked(Natives.dup(directory));
        Pointer stream = Natives.fdopendir(own);
        if (stream == null) {
            SystemCallException failure = Natives.failure();
            close(own);
            throw failure;
        }
        try {
            List<byte[]> names = new ArrayList<>();
            for (Pointer entry = Natives.readdir(stream); entry != null; entry = Natives.readdir(stream)) {
                int length = Short.toUnsignedInt(entry.getShort(DIRENT_LENGTH_AT));
                byte[] name = untilNul(entry.getByteArray(DIRENT_NAME_AT, length - DIRENT_NAME_AT));
                if (!isDots(name)) {
                    names.add(name);
                }
            }
            return names;
        } finally {
            int _ = Natives.closedir(stream);
        }
    }

    private static byte[] untilNul(byte[] bytes) {
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return Arrays.copyOf(bytes, length);
    }

    private static boolean isDots(byte[] name) {
        return name.length <= 2 && name[0] == '.' && name[name.length - 1] == '.';
    }

    /** The extended attributes of an open file, by name; none where the file system has none. */
    public static SortedMap<String, byte[]> xattrs(int file) throws SystemCallException {
        SortedMap<String, byte[]> attributes = new TreeMap<>();
        byte[] buffer = new byte[XATTR_LIST_MAX];
        try {
            long length = checked(Natives.flistxattr(file, buffer, buffer.length));
            byte[] names = Arrays.copyOf(buffer, (int) length);
            int from = 0;
            for (int i = 0; i < names.length; i++) {
                if (names[i] == 0) {
                    byte[] name = Arrays.copyOfRange(names, from, i);
                    from = i + 1;
                    long size = checked(Natives.fgetxattr(file, string(name), buffer, buffer.length));
                    attributes.put(new String(name, StandardCharsets.ISO_8859_1), Arrays.copyOf(buffer, (int) size));
                }
            }
            return attributes;
        } catch (SystemCallException e) {
            if (e.errno() == ENOTSUP || e.errno() == ENODATA) {
                return attributes;
            }
            throw e;
        }
    }

    public static void close(int file) throws SystemCallException {
        checked(Natives.close(file));
    }

    public static boolean isRoot() {
        return Natives.geteuid() == 0;
    }

    /** Access and modification time in a struct timespec[2]. */
    private static long[] times(long seconds) {
        return new long[] {seconds, 0, seconds, 0};
    }
}
