package org.berth.squashfs;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.berth.error.HostException;
import org.berth.squashfs.LinuxFiles.Status;

/**
 * Makes a squashfs of a directory tree, names as bytes and in their order, so that the same tree gives the same image.
 *
 * <p>Hard links stay what they are, sparse blocks become holes, mount points below the directory are walked like all else.
 * What its owner has closed to himself is opened for the time it takes to read it, as a sandbox of somebody who is not
 * root has such files.
 */
public final class Packer implements AutoCloseable {
    private static final byte[] ITSELF = {};
    private static final int MAX_DEPTH = 1000;
    private static final int BUFFER = 1 << 17;
    private static final int OWNER_READS = 0400;
    private static final int OWNER_ENTERS = 0500;

    /** Whom the files of the image belong to. */
    public enum Owners {
        /** To those they belong to on the disk. */
        KEPT,
        /** To root, all of them. */
        ROOT
    }

    /** The same file wherever it is named. */
    private record Identity(long device, long inode) {}

    private final SquashfsWriter image;
    private final Owners owners;
    private final Map<Identity, Node> linked = new HashMap<>();
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment buffer = arena.allocate(BUFFER);
    private final byte[] bytes = new byte[BUFFER];
    private final boolean root = LinuxFiles.isRoot();

    private Packer(SquashfsWriter image, Owners owners) {
        this.image = image;
        this.owners = owners;
    }

    /**
     * Packs a directory.
     *
     * @param image new and empty; finished when this returns
     * @param time the image's own
     * @throws HostException if a file cannot be read or the image cannot be written
     */
    public static SquashfsWriter.Summary pack(Path directory, SquashfsWriter image, Owners owners, Instant time) {
        try (Packer packer = new Packer(image, owners)) {
            int top = open(directory);
            try {
                Node.Directory root = new Node.Directory();
                packer.fill(root, top, directory.toString());
                return image.finish(root, time);
            } finally {
                LinuxFiles.close(top);
            }
        } catch (SystemCallException e) {
            throw new HostException("could not read %s: %s".formatted(directory, e.getMessage()), e);
        } catch (IOException e) {
            throw new HostException("the image cannot be written: " + e.getMessage(), e);
        }
    }

    private static int open(Path directory) throws SystemCallException {
        return LinuxFiles.openDirectory(
                LinuxFiles.AT_FDCWD, directory.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Reads an open directory and all below it. */
    private void fill(Node.Directory into, int directory, String path) throws SystemCallException, IOException {
        if (into.depth() > MAX_DEPTH) {
            throw new HostException("%s: directories nested deeper than %d".formatted(path, MAX_DEPTH));
        }
        attributes(into, LinuxFiles.status(directory, ITSELF), xattrs(directory));
        List<byte[]> names = LinuxFiles.list(directory);
        names.sort(Arrays::compareUnsigned);
        for (byte[] name : names) {
            String shown = path + "/" + new String(name, StandardCharsets.UTF_8);
            try {
                into.put(name, node(into, directory, name, shown), 0);
            } catch (SystemCallException e) {
                throw new HostException("could not read %s: %s".formatted(shown, e.getMessage()), e);
            }
        }
    }

    private Node node(Node.Directory parent, int directory, byte[] name, String path)
            throws SystemCallException, IOException {
        Status status = LinuxFiles.status(directory, name);
        if (status.type() == LinuxFiles.S_IFDIR) {
            Node.Directory child = new Node.Directory(parent);
            boolean changed = allow(directory, name, status, OWNER_ENTERS);
            try {
                int open = LinuxFiles.openDirectory(directory, name);
                try {
                    fill(child, open, path);
                } finally {
                    LinuxFiles.close(open);
                }
            } finally {
                if (changed) {
                    LinuxFiles.changeMode(directory, name, status.mode() & 07777);
                }
            }
            // The mode while it was read may not be the directory's own.
            attributes(child, status, child.xattrs());
            return child;
        }
        Identity identity = new Identity(status.device(), status.inode());
        Node known = linked.get(identity);
        if (known != null) {
            return known;
        }
        Node node = leaf(directory, name, status, path);
        if (status.links() > 1) {
            linked.put(identity, node);
        }
        return node;
    }

    private Node leaf(int directory, byte[] name, Status status, String path) throws SystemCallException, IOException {
        Node node = switch (status.type()) {
            case LinuxFiles.S_IFREG -> {
                Node.File file = new Node.File(null);
                content(file, directory, name, status, path);
                yield file;
            }
            case LinuxFiles.S_IFLNK -> new Node.Symlink(LinuxFiles.readLink(directory, name));
            case LinuxFiles.S_IFCHR -> device(SquashfsFormat.TYPE_CHAR_DEVICE, status);
            case LinuxFiles.S_IFBLK -> device(SquashfsFormat.TYPE_BLOCK_DEVICE, status);
            case LinuxFiles.S_IFIFO -> new Node.Special(SquashfsFormat.TYPE_FIFO, 0);
            default -> new Node.Special(SquashfsFormat.TYPE_SOCKET, 0);
        };
        attributes(node, status, node.xattrs());
        return node;
    }

    private static Node device(int type, Status status) {
        return new Node.Special(type, Node.Special.device(status.major(), status.minor()));
    }

    private void content(Node.File file, int directory, byte[] name, Status status, String path)
            throws SystemCallException, IOException {
        int open = readable(directory, name, status);
        try {
            attributes(file, status, xattrs(open));
            // The size now: it is the one to be kept to, whatever happens to the file meanwhile.
            long size = LinuxFiles.status(open, ITSELF).size();
            if (size == 0) {
                file.fill(FileData.EMPTY);
                return;
            }
            image.beginFile(size);
            for (long done = 0; done < size; ) {
                long count = LinuxFiles.read(open, buffer.asSlice(0, Math.min(BUFFER, size - done)), done);
                if (count == 0) {
                    throw new HostException("%s: it became shorter while it was read".formatted(path));
                }
                MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, bytes, 0, (int) count);
                image.write(bytes, 0, (int) count);
                done += count;
            }
            file.fill(image.endFile());
        } finally {
            LinuxFiles.close(open);
        }
    }

    private int readable(int directory, byte[] name, Status status) throws SystemCallException {
        boolean changed = allow(directory, name, status, OWNER_READS);
        try {
            return LinuxFiles.openFile(directory, name);
        } finally {
            if (changed) {
                LinuxFiles.changeMode(directory, name, status.mode() & 07777);
            }
        }
    }

    /**
     * Makes sure that the caller has these rights, where he is the owner and has not.
     *
     * @return whether the mode was changed, and is to be set back
     */
    private boolean allow(int directory, byte[] name, Status status, int rights) {
        if (root || (status.mode() & rights) == rights) {
            return false;
        }
        try {
            LinuxFiles.changeMode(directory, name, status.mode() & 07777 | rights);
            return true;
        } catch (SystemCallException e) {
            // Another's file, which the caller may be allowed to read all the same; opening it will tell.
            return false;
        }
    }

    private int xattrs(int file) throws SystemCallException {
        SortedMap<String, byte[]> all = LinuxFiles.xattrs(file);
        SortedMap<String, byte[]> kept = new TreeMap<>();
        all.forEach((name, value) -> {
            // A label of this host's security module means nothing elsewhere.
            if (XattrSets.storable(name) && !name.equals("security.selinux")) {
                kept.put(name, value);
            }
        });
        return image.xattrs().add(kept);
    }

    private void attributes(Node node, Status status, int xattrs) {
        boolean kept = owners == Owners.KEPT;
        node.attributes(
                status.mode() & 07777,
                kept ? (int) status.uid() : 0,
                kept ? (int) status.gid() : 0,
                (int) Math.clamp(status.modifiedAt(), 0, 0xffffffffL),
                xattrs);
    }

    @Override
    public void close() {
        arena.close();
    }
}
