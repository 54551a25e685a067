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
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The Linux calls that packing and unpacking need and {@code java.nio.file} lacks: names that are bytes and not text (also under
 * {@code LANG=C}), names relative to an open directory, so that no symbolic link can lead elsewhere, fifos, devices, owners
 * and times of symbolic links.
 */
final class LinuxFiles {
    static final int AT_FDCWD = -100;
    static final int S_IFMT = 0170000;
    static final int S_IFDIR = 0040000;
    static final int S_IFREG = 0100000;
    static final int S_IFLNK = 0120000;
    static final int S_IFIFO = 0010000;
    static final int S_IFCHR = 0020000;
    static final int S_IFBLK = 0060000;
    static final int S_IFSOCK = 0140000;

    static final int EACCES = 13;
    static final int ENODATA = 61;
    static final int ENOTSUP = 95;

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
    private static final MethodHandle PREAD = call("pread", FunctionDescriptor.of(LONG, INT, POINTER, LONG, LONG));
    private static final MethodHandle STATX =
            call("statx", FunctionDescriptor.of(INT, INT, POINTER, INT, INT, POINTER));
    private static final MethodHandle READLINKAT =
            call("readlinkat", FunctionDescriptor.of(LONG, INT, POINTER, POINTER, LONG));
    private static final MethodHandle FDOPENDIR = call("fdopendir", FunctionDescriptor.of(POINTER, INT));
    private static final MethodHandle READDIR = call("readdir", FunctionDescriptor.of(POINTER, POINTER));
    private static final MethodHandle CLOSEDIR = call("closedir", FunctionDescriptor.of(INT, POINTER));
    private static final MethodHandle DUP = call("dup", FunctionDescriptor.of(INT, INT));
    private static final MethodHandle FLISTXATTR = call("flistxattr", FunctionDescriptor.of(LONG, INT, POINTER, LONG));
    private static final MethodHandle FGETXATTR =
            call("fgetxattr", FunctionDescriptor.of(LONG, INT, POINTER, POINTER, LONG));
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

    /** Opens a regular file for reading. */
    static int openFile(int directory, byte[] name) throws SystemCallException {
        return open(directory, name, O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    }

    /** Reads at an offset into a native segment; 0 at the end of the file. */
    static long read(int file, MemorySegment into, long offset) throws SystemCallException {
        return run(frame -> (long) PREAD.invokeExact(frame.state, file, into, into.byteSize(), offset));
    }

    /**
     * What a name is, links not followed; the name is empty for the open file itself.
     *
     * @param mode type and permission bits
     * @param device of the file system
     */
    record Status(
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
        int type() {
            return mode & S_IFMT;
        }

        Status ownedBy(long newUid, long newGid) {
            return new Status(mode, newUid, newGid, size, modifiedAt, links, device, inode, major, minor);
        }
    }

    static Status status(int directory, byte[] name) throws SystemCallException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(STATX_BYTES, 8);
            run(frame -> (int) STATX.invokeExact(
                    frame.state,
                    directory,
                    frame.string(name),
                    AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH,
                    STATX_BASIC_STATS,
                    buffer));
            return new Status(
                    Short.toUnsignedInt(buffer.get(ValueLayout.JAVA_SHORT, 28)),
                    Integer.toUnsignedLong(buffer.get(INT, 20)),
                    Integer.toUnsignedLong(buffer.get(INT, 24)),
                    buffer.get(LONG, 40),
                    buffer.get(LONG, 112),
                    Integer.toUnsignedLong(buffer.get(INT, 16)),
                    (long) buffer.get(INT, 136) << 32 | Integer.toUnsignedLong(buffer.get(INT, 140)),
                    buffer.get(LONG, 32),
                    buffer.get(INT, 128),
                    buffer.get(INT, 132));
        }
    }

    static byte[] readLink(int directory, byte[] name) throws SystemCallException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(LINK_MAX);
            long length = run(frame -> (long)
                    READLINKAT.invokeExact(frame.state, directory, frame.string(name), buffer, buffer.byteSize()));
            return buffer.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** The names in an open directory, without {@code .} and {@code ..}, in no order. */
    @SuppressWarnings("restricted")
    static List<byte[]> list(int directory) throws SystemCallException {
        // closedir closes what fdopendir was given.
        int own = (int) run(frame -> (int) DUP.invokeExact(frame.state, directory));
        List<byte[]> names = new ArrayList<>();
        try (Frame frame = new Frame()) {
            MemorySegment stream = (MemorySegment) FDOPENDIR.invokeExact(frame.state, own);
            if (stream.address() == 0) {
                close(own);
                throw frame.failure();
            }
            try {
                ERRNO.set(frame.state, 0L, 0);
                MemorySegment entry = (MemorySegment) READDIR.invokeExact(frame.state, stream);
                while (entry.address() != 0) {
                    MemorySegment head = entry.reinterpret(DIRENT_NAME_AT);
                    int length = Short.toUnsignedInt(head.get(ValueLayout.JAVA_SHORT, DIRENT_LENGTH_AT));
                    byte[] name = untilNul(entry.reinterpret(length).asSlice(DIRENT_NAME_AT));
                    if (!isDots(name)) {
                        names.add(name);
                    }
                    entry = (MemorySegment) READDIR.invokeExact(frame.state, stream);
                }
                return names;
            } finally {
                int _ = (int) CLOSEDIR.invokeExact(frame.state, stream);
            }
        } catch (SystemCallException e) {
            throw e;
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    private static byte[] untilNul(MemorySegment bytes) {
        int length = 0;
        while (length < bytes.byteSize() && bytes.get(ValueLayout.JAVA_BYTE, length) != 0) {
            length++;
        }
        return bytes.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
    }

    private static boolean isDots(byte[] name) {
        return name.length <= 2 && name[0] == '.' && name[name.length - 1] == '.';
    }

    /** The extended attributes of an open file, by name; none where the file system has none. */
    static SortedMap<String, byte[]> xattrs(int file) throws SystemCallException {
        SortedMap<String, byte[]> attributes = new TreeMap<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(XATTR_LIST_MAX);
            long length = run(frame -> (long) FLISTXATTR.invokeExact(frame.state, file, buffer, buffer.byteSize()));
            byte[] names = buffer.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
            int from = 0;
            for (int i = 0; i < names.length; i++) {
                if (names[i] == 0) {
                    byte[] name = Arrays.copyOfRange(names, from, i);
                    from = i + 1;
                    long size = run(frame -> (long)
                            FGETXATTR.invokeExact(frame.state, file, frame.string(name), buffer, buffer.byteSize()));
                    attributes.put(
                            new String(name, StandardCharsets.ISO_8859_1),
                            buffer.asSlice(0, size).toArray(ValueLayout.JAVA_BYTE));
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
            throw failure();
        }

        /** What the last call has left in errno. */
        private SystemCallException failure() {
            int errno = (int) ERRNO.get(state, 0L);
            return new SystemCallException(errno, reason(errno));
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
