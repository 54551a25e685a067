package org.berth.libc;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.Arrays;

/**
 * The functions of the C library, mapped directly, under their own names: manual pages of section 2 and 3 say what they do.
 *
 * <p>Strings are bytes with a NUL at their end ({@link #string}); memory outside of the heap is a number. Measured with 700,000
 * calls each, one thread: {@code statx} 3.3 µs here and 3.9 by {@code java.lang.foreign} with an arena a call, {@code fchmodat} 2.0
 * and 6.5; the first call costs 50 ms of processor time more than a foreign one.
 */
final class Natives {
    static {
        Native.register(Natives.class, NativeLibrary.getProcess());
    }

    private Natives() {}

    static native int openat(int directory, byte[] name, int flags, int mode);

    static native int open(byte[] name, int flags);

    static native int mkdirat(int directory, byte[] name, int mode);

    static native int symlinkat(byte[] target, int directory, byte[] name);

    static native int linkat(int oldDirectory, byte[] oldPath, int directory, byte[] name, int flags);

    static native int fchownat(int directory, byte[] name, int uid, int gid, int flags);

    static native int fchmodat(int directory, byte[] name, int mode, int flags);

    static native int utimensat(int directory, byte[] name, long[] times, int flags);

    static native int fchown(int file, int uid, int gid);

    static native int fchmod(int file, int mode);

    static native int futimens(int file, long[] times);

    static native int fsetxattr(int file, byte[] name, byte[] value, long size, int flags);

    static native long flistxattr(int file, byte[] names, long size);

    static native long fgetxattr(int file, byte[] name, byte[] value, long size);

    static native int ftruncate(int file, long size);

    static native long pwrite(int file, long bytes, long size, long offset);

    static native long pread(int file, long bytes, long size, long offset);

    static native int statx(int directory, byte[] name, int flags, int mask, byte[] status);

    static native long readlinkat(int directory, byte[] name, byte[] target, long size);

    static native Pointer fdopendir(int directory);

    static native Pointer readdir(Pointer stream);

    static native int closedir(Pointer stream);

    static native int dup(int file);

    static native int close(int file);

    static native int geteuid();

    static native int statvfs(byte[] path, byte[] status);

    static native int tcgetattr(int terminal, byte[] settings);

    static native int tcsetattr(int terminal, int when, byte[] settings);

    static native int ioctl(int file, long request, byte[] argument);

    static native String strerror(int errno);

    /** Since glibc 2.33. */
    static final class Mknodat {
        static {
            Native.register(Mknodat.class, NativeLibrary.getProcess());
        }

        private Mknodat() {}

        static native int mknodat(int directory, byte[] name, int mode, long device);
    }

    /** Its name before: with a version, which is 0, and a pointer to the device number. */
    static final class OldMknodat {
        static {
            Native.register(OldMknodat.class, NativeLibrary.getProcess());
        }

        private OldMknodat() {}

        static native int __xmknodat(int version, int directory, byte[] name, int mode, long[] device);
    }

    static byte[] string(byte[] bytes) {
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    /**
     * The result of a call that says -1 where it fails.
     *
     * @throws SystemCallException by errno
     */
    static long checked(long result) throws SystemCallException {
        if (result >= 0) {
            return result;
        }
        throw failure();
    }

    /** What the last call of this thread has left in errno. */
    static SystemCallException failure() {
        int errno = Native.getLastError();
        return new SystemCallException(errno, strerror(errno));
    }
}
