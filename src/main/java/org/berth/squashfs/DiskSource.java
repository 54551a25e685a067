package org.berth.squashfs;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.berth.error.HostException;
import org.berth.libc.LinuxFiles;
import org.berth.libc.LinuxFiles.Status;
import org.berth.libc.SystemCallException;

/**
 * A file on this machine's disk.
 *
 * <p>What its owner has closed to himself is opened for the time it takes to read it, as a sandbox of somebody who is not
 * root has such files.
 *
 * @param directory open, holds {@code name}
 * @param found the status before anything was opened
 */
record DiskSource(Tree tree, int directory, byte[] name, String path, Status found) implements Source {
    private static final byte[] ITSELF = {};
    private static final String CAPABILITY = "security.capability";
    private static final int CAPABILITY_2_BYTES = 20;
    private static final int CAPABILITY_3_BYTES = 24;
    private static final int OWNER_READS = 0400;
    private static final int OWNER_ENTERS = 0500;

    /**
     * What the files of one tree have in common.
     *
     * @param layer whether it is the upper directory of an overlay
     * @param buffer for reading, of {@code bytes}' size
     */
    record Tree(Packer.Owners owners, boolean layer, boolean root, MemorySegment buffer, byte[] bytes) {}

    /** The top of a tree. */
    static DiskSource top(Tree tree, Path path) throws SystemCallException {
        byte[] name = path.toString().getBytes(StandardCharsets.UTF_8);
        // A link to the directory is as good as the directory itself.
        int open = LinuxFiles.openDirectory(LinuxFiles.AT_FDCWD, name);
        try {
            return new DiskSource(tree, LinuxFiles.AT_FDCWD, name, path.toString(), LinuxFiles.status(open, ITSELF));
        } finally {
            LinuxFiles.close(open);
        }
    }

    @Override
    public Status status() {
        return tree.owners == Packer.Owners.KEPT ? found : found.ownedBy(0, 0);
    }

    @Override
    public boolean inLayer() {
        return tree.layer;
    }

    @Override
    public byte[] target() throws SystemCallException {
        return LinuxFiles.readLink(directory, name);
    }

    @Override
    public SortedMap<String, byte[]> leafXattrs() {
        return new TreeMap<>();
    }

    @Override
    public Open open() throws SystemCallException {
        boolean folder = isDirectory();
        boolean changed = allow(folder ? OWNER_ENTERS : OWNER_READS);
        boolean opened = false;
        try {
            int file = folder ? LinuxFiles.openDirectory(directory, name) : LinuxFiles.openFile(directory, name);
            opened = true;
            return new OpenFile(this, file, changed);
        } finally {
            if (changed && !opened) {
                restore();
            }
        }
    }

    /**
     * Makes sure that the caller has these rights, where he is the owner and has not.
     *
     * @return whether the mode was changed, and is to be set back
     */
    private boolean allow(int rights) {
        if (tree.root || (found.mode() & rights) == rights) {
            return false;
        }
        try {
            LinuxFiles.changeMode(directory, name, found.mode() & 07777 | rights);
            return true;
        } catch (SystemCallException e) {
            // Another's file, which the caller may be allowed to read all the same; opening it will tell.
            return false;
        }
    }

    private void restore() throws SystemCallException {
        LinuxFiles.changeMode(directory, name, found.mode() & 07777);
    }

    /**
     * Capabilities that the root of a user namespace gave a file hold for that namespace, which the number of its root says
     * (linux/capability.h, VFS_CAP_REVISION_3); once the file is root's, they hold for root.
     */
    private byte[] capability(byte[] value) {
        boolean ofNamespace = value.length == CAPABILITY_3_BYTES && value[3] == 3;
        if (tree.owners == Packer.Owners.KEPT || !ofNamespace) {
            return value;
        }
        byte[] plain = Arrays.copyOf(value, CAPABILITY_2_BYTES);
        plain[3] = 2;
        return plain;
    }

    private record OpenFile(DiskSource source, int file, boolean changed) implements Open {
        @Override
        public SortedMap<String, byte[]> xattrs() throws SystemCallException {
            SortedMap<String, byte[]> kept = new TreeMap<>();
            LinuxFiles.xattrs(file).forEach((name, value) -> {
                // A label of this host's security module means nothing elsewhere.
                if (XattrSets.storable(name) && !name.equals("security.selinux")) {
                    kept.put(name, name.equals(CAPABILITY) ? source.capability(value) : value);
                }
            });
            return kept;
        }

        @Override
        public List<Source> list() throws SystemCallException {
            List<byte[]> names = LinuxFiles.list(file);
            names.sort(Arrays::compareUnsigned);
            List<Source> sources = new ArrayList<>(names.size());
            for (byte[] name : names) {
                String path = source.path + "/" + new String(name, StandardCharsets.UTF_8);
                try {
                    sources.add(new DiskSource(source.tree, file, name, path, LinuxFiles.status(file, name)));
                } catch (SystemCallException e) {
                    throw Packer.unreadable(path, e);
                }
            }
            return sources;
        }

        @Override
        public FileData copy(SquashfsWriter image) throws IOException {
            // The size now: it is the one to be kept to, whatever happens to the file meanwhile.
            long size = LinuxFiles.status(file, ITSELF).size();
            if (size == 0) {
                return FileData.EMPTY;
            }
            MemorySegment buffer = source.tree.buffer;
            byte[] bytes = source.tree.bytes;
            image.beginFile(size);
            for (long done = 0; done < size; ) {
                long count = LinuxFiles.read(file, buffer.asSlice(0, Math.min(bytes.length, size - done)), done);
                if (count == 0) {
                    throw new HostException("%s: it became shorter while it was read".formatted(source.path));
                }
                MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, bytes, 0, (int) count);
                image.write(bytes, 0, (int) count);
                done += count;
            }
            return image.endFile();
        }

        @Override
        public void close() throws SystemCallException {
            LinuxFiles.close(file);
            if (changed) {
                source.restore();
            }
        }
    }
}
