package org.berth.squashfs;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.libc.LinuxFiles;
import org.berth.libc.SystemCallException;

/**
 * Makes a directory tree of a squashfs. One thread walks the tree and makes the files, others decompress and write their
 * bytes. Every name is made relative to its open parent directory and must be new, so nothing can appear outside.
 */
public final class Unpacker {
    /**
     * What was done.
     *
     * @param files names made, directories and links included
     * @param bytes of regular files, holes included
     * @param devicesReplaced devices that only root can make, each now an empty file
     * @param ownersDropped files that belong to the caller, or to nobody that this user namespace knows
     * @param xattrsDropped extended attributes that the file system or a lack of privilege did not allow
     */
    public record Result(long files, long bytes, long devicesReplaced, long ownersDropped, long xattrsDropped) {}

    /* Every level keeps a directory open. */
    private static final int MAX_DEPTH = 1000;

    /* A task writes up to this many blocks: enough to be worth a thread's while, few enough to share a large file. */
    private static final int PIECES_PER_TASK = 16;
    private static final int OWNER_RIGHTS = 0700;
    private static final int OWNER_FILE_RIGHTS = 0600;

    /* A set-id program of the image would give the caller's rights to whoever can reach the directory. */
    private static final int SET_ID = 06000;

    private final SquashfsReader image;
    private final Path directory;
    private final boolean root = LinuxFiles.isRoot();
    private final SquashfsReader.Extent extent;
    private final Rights rights;
    private final ExecutorService writers;
    private final int slotCount;
    private final Semaphore slots;
    private final ConcurrentLinkedQueue<Buffers> buffers = new ConcurrentLinkedQueue<>();
    private final AtomicReference<Optional<RuntimeException>> failure = new AtomicReference<>(Optional.empty());
    private final Map<Long, byte[]> linked = new HashMap<>();
    private final Set<Long> directories = new HashSet<>();
    private final List<LateMode> lateModes = new ArrayList<>();
    private final AtomicLong ownersDropped = new AtomicLong();
    private final AtomicLong xattrsDropped = new AtomicLong();
    private long files;
    private long bytes;
    private long stored;
    private long devicesReplaced;

    private Unpacker(SquashfsReader image, Path directory, SquashfsReader.Extent extent, int threads, Rights rights) {
        this.rights = rights;
        this.image = image;
        this.directory = directory;
        this.extent = extent;
        this.writers = Executors.newFixedThreadPool(
                threads, Thread.ofPlatform().daemon().name("unpack-", 1).factory());
        this.slotCount = 2 * threads;
        this.slots = new Semaphore(slotCount);
    }

    /** What an image's owner may do with what is unpacked. */
    public enum Rights {
        /** As the image says. */
        KEPT,
        /** Besides read and write all, and enter all directories. */
        OWNERS
    }

    /**
     * Unpacks all of an image. Modes and times are kept; owners, set-id bits of files and devices if the caller is root.
     * After a failure the directory holds a part of the image.
     *
     * @param directory exists and is empty
     * @param processors that may decompress; fewer threads do where the heap is small
     * @throws HostException if the directory is not empty, there is too little space, or a file cannot be made
     * @throws ImageException if the image is damaged
     */
    public static Result unpack(SquashfsReader image, Path directory, int processors) {
        return unpack(image, directory, processors, Rights.KEPT);
    }

    /** The same with other rights than the image's. */
    public static Result unpack(SquashfsReader image, Path directory, int processors, Rights rights) {
        requireEmpty(directory);
        SquashfsReader.Extent extent = image.unpackedExtent();
        requireSpace(image, directory, extent);
        int workers = Workers.unpackers(
                processors, Runtime.getRuntime().maxMemory(), image.superblock().blockSize());
        return new Unpacker(image, directory, extent, workers, rights).run();
    }

    private static void requireEmpty(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            if (entries.findAny().isPresent()) {
                throw new HostException("%s: is not empty, nothing is unpacked into it".formatted(directory));
            }
        } catch (IOException e) {
            throw new HostException("%s: cannot be unpacked into: %s".formatted(directory, e.getMessage()), e);
        }
    }

    private static void requireSpace(SquashfsReader image, Path directory, SquashfsReader.Extent extent) {
        try {
            long free = Files.getFileStore(directory).getUsableSpace();
            if (free < extent.bytes()) {
                throw new HostException("%s: unpacking %s needs %d bytes, %d are free"
                                .formatted(directory, image.name(), extent.bytes(), free))
                        .hint("choose a directory on a larger file system");
            }
        } catch (IOException e) {
            throw new HostException("%s: its free space cannot be found: %s".formatted(directory, e.getMessage()), e);
        }
    }

    private Result run() {
        Deque<Level> open = new ArrayDeque<>();
        try {
            Inode.Directory rootInode = image.root();
            Iterator<DirectoryEntry> entries =
                    list(rootInode, image.superblock().rootInode());
            int top = openTop();
            open.addLast(new Level(top, new byte[0], rootInode, entries));
            while (!open.isEmpty()) {
                Level level = open.getLast();
                failIfWriterFailed();
                if (level.entries().hasNext()) {
                    make(level, level.entries().next(), top).ifPresent(open::addLast);
                    if (open.size() > MAX_DEPTH) {
                        throw damaged("its directories are nested deeper than %d".formatted(MAX_DEPTH));
                    }
                } else if (open.size() > 1) {
                    leave(level);
                    open.removeLast();
                } else {
                    waitForWriters();
                    failIfWriterFailed();
                    setLateModes(top);
                    leave(level);
                    open.removeLast();
                }
            }
            return new Result(files, bytes, devicesReplaced, ownersDropped.get(), xattrsDropped.get());
        } finally {
            waitForWriters();
            writers.shutdown();
            open.forEach(level -> closeQuietly(level.fd()));
            buffers.forEach(Buffers::close);
        }
    }

    /** A directory that is being filled; its path is relative and without a slash at its start. */
    private record Level(int fd, byte[] path, Inode.Directory inode, Iterator<DirectoryEntry> entries) {}

    /** A mode that would keep its owner out, set when everything is in its place. */
    private record LateMode(byte[] path, int mode) {}

    private int openTop() {
        // A path that Java could parse is in the encoding that Java has for names.
        byte[] name = directory.toString().getBytes(Charset.forName(System.getProperty("sun.jnu.encoding")));
        try {
            return LinuxFiles.openDirectory(LinuxFiles.AT_FDCWD, name);
        } catch (SystemCallException e) {
            throw new HostException("%s: cannot be opened: %s".formatted(directory, e.getMessage()), e);
        }
    }

    private Iterator<DirectoryEntry> list(Inode.Directory inode, long reference) {
        if (!directories.add(reference)) {
            throw damaged("a directory is in two places");
        }
        return image.list(inode).iterator();
    }

    /** Makes what an entry names; a directory is returned to be filled. */
    private Optional<Level> make(Level parent, DirectoryEntry entry, int top) {
        byte[] path = join(parent.path(), entry.rawName());
        Inode inode = image.inode(entry.inodeReference());
        files++;
        try {
            return make(parent.fd(), entry, path, inode, top);
        } catch (SystemCallException e) {
            throw explained(e, path);
        }
    }

    private Optional<Level> make(int parent, DirectoryEntry entry, byte[] path, Inode inode, int top)
            throws SystemCallException {
        byte[] name = entry.rawName();
        if (inode instanceof Inode.Directory child) {
            Iterator<DirectoryEntry> entries = list(child, entry.inodeReference());
            LinuxFiles.makeDirectory(parent, name);
            return Optional.of(new Level(LinuxFiles.openDirectory(parent, name), path, child, entries));
        }
        if (inode.attributes().links() > 1) {
            byte[] first = linked.putIfAbsent(entry.inodeReference(), path);
            if (first != null) {
                LinuxFiles.makeHardLink(top, first, parent, name);
                return Optional.empty();
            }
        }
        switch (inode) {
            case Inode.RegularFile file -> makeFile(parent, name, path, file);
            case Inode.SymbolicLink link -> {
                LinuxFiles.makeSymbolicLink(link.rawTarget(), parent, name);
                settle(parent, name, inode);
            }
            case Inode.Pipe pipe -> makeNode(parent, name, inode, LinuxFiles.S_IFIFO, 0, 0);
            case Inode.Socket socket -> makeNode(parent, name, inode, LinuxFiles.S_IFSOCK, 0, 0);
            case Inode.BlockDevice device ->
                makeDevice(parent, name, path, inode, LinuxFiles.S_IFBLK, device.major(), device.minor());
            case Inode.CharacterDevice device ->
                makeDevice(parent, name, path, inode, LinuxFiles.S_IFCHR, device.major(), device.minor());
            case Inode.Directory directoryAbove -> throw new IllegalStateException("directories are made above");
        }
        return Optional.empty();
    }

    private void makeDevice(int parent, byte[] name, byte[] path, Inode inode, int type, int major, int minor)
            throws SystemCallException {
        if (root) {
            try {
                makeNode(parent, name, inode, type, major, minor);
                return;
            } catch (SystemCallException e) {
                // Root of a user namespace may not either.
                if (e.errno() != SystemCallException.EPERM) {
                    throw e;
                }
            }
        }
        devicesReplaced++;
        OpenFile empty = new OpenFile(LinuxFiles.createFile(parent, name), path, inode);
        empty.release();
    }

    private void makeNode(int parent, byte[] name, Inode inode, int type, int major, int minor)
            throws SystemCallException {
        LinuxFiles.makeNode(parent, name, type, major, minor);
        settle(parent, name, inode);
    }

    /** Owner, mode and time of what is not opened. */
    private void settle(int parent, byte[] name, Inode inode) throws SystemCallException {
        Inode.Attributes attributes = inode.attributes();
        changeOwner(() -> LinuxFiles.changeOwner(parent, name, attributes.uid(), attributes.gid()));
        if (!(inode instanceof Inode.SymbolicLink)) {
            LinuxFiles.changeMode(parent, name, mode(inode));
        }
        LinuxFiles.changeTime(parent, name, attributes.modifiedAt());
        xattrsDropped.addAndGet(image.xattrs(inode).size());
    }

    private interface Change {
        void run() throws SystemCallException;
    }

    /** Whether the file has its owner now. */
    private boolean changeOwner(Change change) throws SystemCallException {
        if (!root) {
            ownersDropped.incrementAndGet();
            return false;
        }
        try {
            change.run();
            return true;
        } catch (SystemCallException e) {
            // Root of a user namespace has only the ids that are mapped.
            if (e.errno() != SystemCallException.EPERM && e.errno() != SystemCallException.EINVAL) {
                throw e;
            }
            ownersDropped.incrementAndGet();
            return false;
        }
    }

    private void makeFile(int parent, byte[] name, byte[] path, Inode.RegularFile file) throws SystemCallException {
        bytes += file.size();
        stored += Math.max(0, file.size() - Math.max(0, file.sparse()));
        if (stored > extent.bytes()) {
            throw damaged("a file is in several places and says that it is in one");
        }
        OpenFile open = new OpenFile(LinuxFiles.createFile(parent, name), path, file);
        try {
            LinuxFiles.setSize(open.fd, file.size());
            SquashfsReader.Pieces pieces = image.pieces(file);
            List<SquashfsReader.Piece> task = new ArrayList<>();
            while (pieces.hasNext()) {
                SquashfsReader.Piece piece = pieces.next();
                if (!piece.isHole()) {
                    task.add(piece);
                }
                if (task.size() == PIECES_PER_TASK) {
                    submit(open, file, task);
                    task = new ArrayList<>();
                }
            }
            if (!task.isEmpty()) {
                submit(open, file, task);
            }
        } finally {
            open.release();
        }
    }

    private void submit(OpenFile open, Inode.RegularFile file, List<SquashfsReader.Piece> pieces) {
        failIfWriterFailed();
        slots.acquireUninterruptibly();
        open.retain();
        writers.execute(() -> {
            try {
                write(open, file, pieces);
            } finally {
                open.release();
                slots.release();
            }
        });
    }

    private void write(OpenFile open, Inode.RegularFile file, List<SquashfsReader.Piece> pieces) {
        Buffers mine = Optional.ofNullable(buffers.poll())
                .orElseGet(() -> new Buffers(image.superblock().blockSize()));
        try {
            for (SquashfsReader.Piece piece : pieces) {
                image.read(file, piece, mine.heap);
                MemorySegment.copy(mine.heap, 0, mine.outside, ValueLayout.JAVA_BYTE, 0, piece.length());
                LinuxFiles.write(open.fd, mine.outside.asSlice(0, piece.length()), piece.fileOffset());
            }
        } catch (SystemCallException e) {
            fail(explained(e, open.path));
        } catch (RuntimeException e) {
            fail(e);
        } finally {
            buffers.add(mine);
        }
    }

    /** A block where Java can decompress it, and where the kernel can read it. */
    private static final class Buffers {
        private final Arena arena = Arena.ofShared();
        private final byte[] heap;
        private final MemorySegment outside;

        private Buffers(int blockSize) {
            heap = new byte[blockSize];
            outside = arena.allocate(blockSize);
        }

        private void close() {
            arena.close();
        }
    }

    /** A file that is being written by several tasks; the last one to let go gives it its attributes. */
    private final class OpenFile {
        private final int fd;
        private final byte[] path;
        private final Inode inode;
        private final AtomicInteger users = new AtomicInteger(1);

        private OpenFile(int fd, byte[] path, Inode inode) {
            this.fd = fd;
            this.path = path;
            this.inode = inode;
        }

        private void retain() {
            users.incrementAndGet();
        }

        private void release() {
            if (users.decrementAndGet() > 0) {
                return;
            }
            try {
                finish(fd, inode, mode(inode));
                LinuxFiles.close(fd);
            } catch (SystemCallException e) {
                closeQuietly(fd);
                fail(explained(e, path));
            } catch (RuntimeException e) {
                closeQuietly(fd);
                fail(e);
            }
        }
    }

    /** Owner first, because that takes away set-id bits and capabilities; the mode last, because it may forbid the rest. */
    private void finish(int fd, Inode inode, int mode) throws SystemCallException {
        Inode.Attributes attributes = inode.attributes();
        boolean owned = changeOwner(() -> LinuxFiles.changeOwner(fd, attributes.uid(), attributes.gid()));
        image.xattrs(inode).forEach((name, value) -> setXattr(fd, name, value));
        LinuxFiles.changeMode(fd, owned || inode instanceof Inode.Directory ? mode : mode & ~SET_ID);
        LinuxFiles.changeTime(fd, attributes.modifiedAt());
    }

    private void setXattr(int fd, String name, byte[] value) {
        try {
            if (root || name.startsWith("user.")) {
                LinuxFiles.setXattr(fd, name.getBytes(StandardCharsets.UTF_8), value);
                return;
            }
        } catch (SystemCallException e) {
            // File systems differ in what they take: none, small ones, not in this user namespace.
        }
        xattrsDropped.incrementAndGet();
    }

    private void leave(Level level) {
        int mode = mode(level.inode());
        boolean late = (mode & OWNER_RIGHTS) != OWNER_RIGHTS && level.path().length > 0;
        if (late) {
            lateModes.add(new LateMode(level.path(), mode));
        }
        try {
            finish(level.fd(), level.inode(), late ? mode | OWNER_RIGHTS : mode);
            LinuxFiles.close(level.fd());
        } catch (SystemCallException e) {
            throw explained(e, level.path());
        }
    }

    private int mode(Inode inode) {
        int mode = inode.attributes().mode();
        return switch (rights) {
            case KEPT -> mode;
            case OWNERS -> mode | (inode instanceof Inode.Directory ? OWNER_RIGHTS : OWNER_FILE_RIGHTS);
        };
    }

    /** Children come before their parents in the list, so the way to each is still open. */
    private void setLateModes(int top) {
        for (LateMode late : lateModes) {
            try {
                LinuxFiles.changeMode(top, late.path(), late.mode());
            } catch (SystemCallException e) {
                throw explained(e, late.path());
            }
        }
    }

    private void fail(RuntimeException e) {
        failure.compareAndSet(Optional.empty(), Optional.of(e));
    }

    private void failIfWriterFailed() {
        Objects.requireNonNull(failure.get()).ifPresent(e -> {
            throw e;
        });
    }

    private void waitForWriters() {
        slots.acquireUninterruptibly(slotCount);
        slots.release(slotCount);
    }

    private RuntimeException explained(SystemCallException e, byte[] path) {
        String shown = directory + "/" + new String(path, StandardCharsets.UTF_8);
        return switch (e.errno()) {
            case SystemCallException.EEXIST -> damaged("two files have the name %s".formatted(shown));
            case SystemCallException.ENAMETOOLONG ->
                new ImageException("%s: the name %s is too long for this file system".formatted(image.name(), shown));
            default -> new HostException("%s: cannot be unpacked: %s".formatted(shown, e.getMessage()), e);
        };
    }

    private ImageException damaged(String what) {
        return new ImageException("%s: damaged squashfs: %s".formatted(image.name(), what));
    }

    private static void closeQuietly(int fd) {
        try {
            LinuxFiles.close(fd);
        } catch (SystemCallException e) {
            // The failure that led here is the one to be told.
        }
    }

    private static byte[] join(byte[] parent, byte[] name) {
        if (parent.length == 0) {
            return name;
        }
        byte[] path = new byte[parent.length + 1 + name.length];
        System.arraycopy(parent, 0, path, 0, parent.length);
        path[parent.length] = '/';
        System.arraycopy(name, 0, path, parent.length + 1, name.length);
        return path;
    }
}
