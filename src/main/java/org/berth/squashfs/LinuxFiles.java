package org.berth.squashfs;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Optional;

/**
 * The Linux calls that unpacking needs and {@code java.nio.file} lacks: names that are bytes and not text (also under
 * {@code LANG=C}), names relative to an open directory, so that no symbolic link can lead elsewhere, fifos, devices, owners
 * and times of symbolic links.
 */
final class LinuxFiles {
    static final int AT_FDCWD = -100;
    static final int S_IFIFO = 0010000;
    static final int S_IFCHR = 0020000;
    static final int S_IFBLK = 0060000;
    static final int S_IFSOCK = 0140000;

    private static final int AT_SYMLINK_NOFOLLOW = 0x100;
    private static final int O_WRONLY = 1;
    private static final int O_CREAT = 0100;
    private static final int O_EXCL = 0200;
    private static final int O_CLOEXEC = 02000000;
    private static final boolean X86 = System.getProperty("os.arch").equals("amd64");
    private static final int O_DIRECTORY = X86 ? 0200000 : 040000;
    private static final int O_NOFOLLOW = X86 ? 0400000 : 0100000;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBC = LINKER.defaultLookup();
    private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final ValueLayout POINTER = ValueLayout.ADDRESS;

    private static final MethodHandle OPENAT =
            call("openat", FunctionDescriptor.of(INT, INT, POINTER, INT, INT), Linker.Option.firstVariadicArg(3));
    private static final MethodHandle MKDIRAT = call("mkdirat", FunctionDescriptor.of(INT, INT, POINTER, INT));
    private static final MethodHandle SYMLINKAT = call("symlinkat", FunctionDescriptor.of(INT, POINTER, INT, POINTER));
    private static final MethodHandle LINKAT =
            call("linkat", FunctionDescriptor.of(INT, INT, POINTER, INT, POINTER, INT));
    private static final Optional<MethodHandle> MKNODAT =
            callIfThere("mknodat", FunctionDescriptor.of(INT, INT, POINTER, INT, LONG));
    /* The name of mknodat in glibc before 2.33, with a version (0) and a pointer to the device number. */
    private static final Optional<MethodHandle> XMKNODAT =
            callIfThere("__xmknodat", FunctionDescriptor.of(INT, INT, INT, POINTER, INT, POINTER));
    private static final MethodHandle FCHOWNAT =
            call("fchownat", FunctionDescriptor.of(INT, INT, POINTER, INT, INT, INT));
    private static final MethodHandle FCHMODAT = call("fchmodat", FunctionDescriptor.of(INT, INT, POINTER, INT, INT));
    private static final MethodHandle UTIMENSAT =
            call("utimensat", FunctionDescriptor.of(INT, INT, POINTER, POINTER, INT));
    private static final MethodHandle FCHOWN = call("fchown", FunctionDescriptor.of(INT, INT, INT, INT));
    private static final MethodHandle FCHMOD = call("fchmod", FunctionDescriptor.of(INT, INT, INT));
    private static final MethodHandle FUTIMENS = call("futimens", FunctionDescriptor.of(INT, INT, POINTER));
    private static final MethodHandle FSETXATTR =
            call("fsetxattr", FunctionDescriptor.of(INT, INT, POINTER, POINTER, LONG, INT));
    private static final MethodHandle FTRUNCATE = call("ftruncate", FunctionDescriptor.of(INT, INT, LONG));
    private static final MethodHandle PWRITE = call("pwrite", FunctionDescriptor.of(LONG, INT, POINTER, LONG, LONG));
    private static final MethodHandle CLOSE = call("close", FunctionDescriptor.of(INT, INT));
    private static final MethodHandle GETEUID = call("geteuid", FunctionDescriptor.of(INT));
    private static final MethodHandle STRERROR = call("strerror", FunctionDescriptor.of(POINTER, INT));

    private LinuxFiles() {}

    /** Opens a directory for use as the first argument of the other calls. */
    static int openDirectory(int directory, byte[] name) throws SystemCallException {
        return open(directory, name, O_DIRECTORY | O_CLOEXEC | (directory == AT_FDCWD ? 0 : O_NOFOLLOW));
    }

    /** Makes a regular file, which must not exist, open for writing and closed to everybody else. */
    static int createFile(int directory, byte[] name) throws SystemCallException {
        return open(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC);
    }

    private static int open(int directory, byte[] name, int flags) throws SystemCallException {
        return (int) run(frame -> (int) OPENAT.invokeExact(frame.state, directory, frame.string(name), flags, 0600));
    }

    static void makeDirectory(int directory, byte[] name) throws SystemCallException {
        run(frame -> (int) MKDIRAT.invokeExact(frame.state, directory, frame.string(name), 0700));
    }

    static void makeSymbolicLink(byte[] target, int directory, byte[] name) throws SystemCallException {
        run(frame -> (int) SYMLINKAT.invokeExact(frame.state, frame.string(target), directory, frame.string(name)));
    }

    static void makeHardLink(int oldDirectory, byte[] oldPath, int directory, byte[] name) throws SystemCallException {
        run(frame -> (int)
                LINKAT.invokeExact(frame.state, oldDirectory, frame.string(oldPath), directory, frame.string(name), 0));
    }

    /** Makes a fifo, a socket or a device with mode 0600. */
    static void makeNode(int directory, byte[] name, int type, int major, int minor) throws SystemCallException {
        long device = minor & 0xffL | (major & 0xfffL) << 8 | (minor & ~0xffL) << 12 | (major & ~0xfffL) << 32;
        int mode = type | 0600;
        if (MKNODAT.isPresent()) {
            run(frame -> (int) MKNODAT.get().invokeExact(frame.state, directory, frame.string(name), mode, device));
        } else {
            run(frame -> (int) XMKNODAT.orElseThrow()
                    .invokeExact(
                            frame.state,
                            0,
                            directory,
                            frame.string(name),
                            mode,
                            frame.arena.allocateFrom(LONG, device)));
        }
    }

    /** Of a name itself, not of what it may link to. */
    static void changeOwner(int directory, byte[] name, long uid, long gid) throws SystemCallException {
        run(frame -> (int) FCHOWNAT.invokeExact(
                frame.state, directory, frame.string(name), (int) uid, (int) gid, AT_SYMLINK_NOFOLLOW));
    }

    /** Of a name that is no symbolic link. */
    static void changeMode(int directory, byte[] name, int mode) throws SystemCallException {
        run(frame -> (int) FCHMODAT.invokeExact(frame.state, directory, frame.string(name), mode, 0));
    }

    /** Of a name itself, not of what it may link to. */
    static void changeTime(int directory, byte[] name, long seconds) throws SystemCallException {
        run(frame -> (int) UTIMENSAT.invokeExact(
                frame.state, directory, frame.string(name), frame.times(seconds), AT_SYMLINK_NOFOLLOW));
    }

    static void changeOwner(int file, long uid, long gid) throws SystemCallException {
        run(frame -> (int) FCHOWN.invokeExact(frame.state, file, (int) uid, (int) gid));
    }

    static void changeMode(int file, int mode) throws SystemCallException {
        run(frame -> (int) FCHMOD.invokeExact(frame.state, file, mode));
    }

    static void changeTime(int file, long seconds) throws SystemCallException {
        run(frame -> (int) FUTIMENS.invokeExact(frame.state, file, frame.times(seconds)));
    }

    static void setXattr(int file, byte[] name, byte[] value) throws SystemCallException {
        run(frame -> (int) FSETXATTR.invokeExact(
                frame.state, file, frame.string(name), frame.bytes(value), (long) value.length, 0));
    }

    static void setSize(int file, long size) throws SystemCallException {
        run(frame -> (int) FTRUNCATE.invokeExact(frame.state, file, size));
    }

    /** Writes all of a native segment at an offset. */
    static void write(int file, MemorySegment bytes, long offset) throws SystemCallException {
        for (long done = 0; done < bytes.byteSize(); ) {
            MemorySegment rest = bytes.asSlice(done);
            long position = offset + done;
            done += run(frame -> (long) PWRITE.invokeExact(frame.state, file, rest, rest.byteSize(), position));
        }
    }

    static void close(int file) throws SystemCallException {
        run(frame -> (int) CLOSE.invokeExact(frame.state, file));
    }

    static boolean isRoot() {
        try (Frame frame = new Frame()) {
            return (int) GETEUID.invokeExact(frame.state) == 0;
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    private interface Call {
        long on(Frame frame) throws Throwable;
    }

    private static long run(Call call) throws SystemCallException {
        try (Frame frame = new Frame()) {
            return frame.checked(call.on(frame));
        } catch (SystemCallException e) {
            throw e;
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** The memory of one call: strings, and where the error number is left. */
    private static final class Frame implements AutoCloseable {
        private final Arena arena = Arena.ofConfined();
        private final MemorySegment state = arena.allocate(STATE);

        private MemorySegment string(byte[] bytes) {
            MemorySegment string = arena.allocate(bytes.length + 1L);
            MemorySegment.copy(bytes, 0, string, ValueLayout.JAVA_BYTE, 0, bytes.length);
            return string;
        }

        private MemorySegment bytes(byte[] value) {
            return arena.allocateFrom(ValueLayout.JAVA_BYTE, value);
        }

        /** Access and modification time in a struct timespec[2]. */
        private MemorySegment times(long seconds) {
            return arena.allocateFrom(LONG, seconds, 0, seconds, 0);
        }

        private long checked(long result) throws SystemCallException {
            if (result >= 0) {
                return result;
            }
            int errno = (int) ERRNO.get(state, 0L);
            throw new SystemCallException(errno, reason(errno));
        }

        @SuppressWarnings("restricted")
        private String reason(int errno) {
            try {
                MemorySegment text = (MemorySegment) STRERROR.invokeExact(state, errno);
                return text.reinterpret(1024).getString(0);
            } catch (Throwable e) {
                throw impossible(e);
            }
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    private static MethodHandle call(String name, FunctionDescriptor type, Linker.Option... more) {
        return callIfThere(name, type, more)
                .orElseThrow(() -> new IllegalStateException("the C library has no " + name));
    }

    @SuppressWarnings("restricted")
    private static Optional<MethodHandle> callIfThere(String name, FunctionDescriptor type, Linker.Option... more) {
        Linker.Option[] options = new Linker.Option[more.length + 1];
        options[0] = Linker.Option.captureCallState("errno");
        System.arraycopy(more, 0, options, 1, more.length);
        return LIBC.find(name).map(address -> LINKER.downcallHandle(address, type, options));
    }

    /** A call through a handle of the right type throws nothing of its own. */
    private static RuntimeException impossible(Throwable e) {
        return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
    }
}
