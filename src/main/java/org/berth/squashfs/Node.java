package org.berth.squashfs;

import java.security.SecureRandom;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * An inode of an image that is being made; hard links are entries that share one.
 *
 * <p>Mutable and bare on purpose: an image has up to millions of them.
 */
public abstract sealed class Node {
    private int mode;
    private int uid;
    private int gid;
    private int mtime;
    private int xattrs = SquashfsFormat.NONE;

    /** Directory entries that name this node; counted by the tree writer. */
    int links;

    /** The inode number, from 1; 0 until the tree writer has given it one. */
    int number;

    /** Where the inode lies in its table; set by the tree writer. */
    long reference = -1;

    /**
     * Sets everything but the content.
     *
     * @param newMode permission bits with setuid, setgid and sticky
     * @param newUid unsigned, as {@code newGid}
     * @param newMtime seconds since 1970, unsigned
     * @param newXattrs a number of {@link XattrSets}, or {@link SquashfsFormat#NONE}
     */
    public void attributes(int newMode, int newUid, int newGid, int newMtime, int newXattrs) {
        mode = newMode;
        uid = newUid;
        gid = newGid;
        mtime = newMtime;
        xattrs = newXattrs;
    }

    int mode() {
        return mode;
    }

    int uid() {
        return uid;
    }

    int gid() {
        return gid;
    }

    int mtime() {
        return mtime;
    }

    int xattrs() {
        return xattrs;
    }

    /** The basic type as inodes and directory entries have it. */
    abstract int type();

    /** A regular file. */
    public static final class File extends Node {
        private @Nullable FileData data;

        /** @param data null while the content is not in the image */
        public File(@Nullable FileData data) {
            this.data = data;
        }

        public boolean hasData() {
            return data != null;
        }

        public void fill(FileData content) {
            data = content;
        }

        FileData data() {
            if (data == null) {
                throw new IllegalStateException("a file was left without content");
            }
            return data;
        }

        @Override
        int type() {
            return SquashfsFormat.TYPE_FILE;
        }
    }

    /** A symbolic link. */
    public static final class Symlink extends Node {
        private final byte[] target;

        public Symlink(byte[] target) {
            this.target = target;
        }

        public byte[] target() {
            return target;
        }

        @Override
        int type() {
            return SquashfsFormat.TYPE_SYMLINK;
        }
    }

    /** A device, FIFO or socket. */
    public static final class Special extends Node {
        private final int type;
        private final int device;

        /**
         * @param type one of {@link SquashfsFormat}'s device, FIFO and socket types
         * @param device as {@link #device} makes it; 0 for FIFOs and sockets
         */
        public Special(int type, int device) {
            this.type = type;
            this.device = device;
        }

        /** A device number as the kernel's {@code new_encode_dev}: 12 bits of major, 20 of minor. */
        public static int device(int major, int minor) {
            return major << 8 | minor & 0xff | (minor & ~0xff) << 12;
        }

        int deviceNumber() {
            return device;
        }

        @Override
        int type() {
            return type;
        }
    }

    /** A name in a directory. */
    public static final class Entry {
        private final byte[] name;
        private Node node;
        private int stamp;

        Entry(byte[] name, Node node, int stamp) {
            this.name = name;
            this.node = node;
            this.stamp = stamp;
        }

        public byte[] name() {
            return name;
        }

        public Node node() {
            return node;
        }

        /** The number that {@link Directory#put} last gave this entry. */
        public int stamp() {
            return stamp;
        }

        /** Renews the stamp without changing what the entry names. */
        public void stamp(int newStamp) {
            stamp = newStamp;
        }
    }

    /** A directory: a hash table of entries by name, and a sorted list of them once it is written. */
    public static final class Directory extends Node {
        private static final Entry[] EMPTY = {};

        /** Differs in every process, so that no archive can be made in which all names fall together. */
        private static final int SEED = new SecureRandom().nextInt() | 1;

        private final @Nullable Directory parent;
        private final int depth;
        private @Nullable Entry[] table = EMPTY;
        private int size;

        /** What {@link #sorted} gave, until another name comes or goes. */
        private Entry @Nullable [] inOrder;

        /** The root directory. */
        public Directory() {
            parent = null;
            depth = 0;
        }

        public Directory(Directory parent) {
            this.parent = parent;
            this.depth = parent.depth + 1;
        }

        /** The directory above, of the root the root itself. */
        public Directory parent() {
            return parent == null ? this : parent;
        }

        /** Steps from the root. */
        public int depth() {
            return depth;
        }

        public int size() {
            return size;
        }

        /** The entry of that name, or null. */
        public @Nullable Entry find(byte[] name) {
            if (size == 0) {
                return null;
            }
            int mask = table.length - 1;
            for (int i = hash(name, 0, name.length) & mask; ; i = (i + 1) & mask) {
                Entry entry = table[i];
                if (entry == null || Arrays.equals(entry.name, name)) {
                    return entry;
                }
            }
        }

        /** Makes {@code name} an entry for {@code node}, and returns what it named before, or null. */
        public @Nullable Node put(byte[] name, Node node, int stamp) {
            Entry old = find(name);
            if (old != null) {
                Node before = old.node;
                old.node = node;
                old.stamp = stamp;
                return before;
            }
            inOrder = null;
            if (size * 4 >= table.length * 3) {
                grow();
            }
            insert(new Entry(name, node, stamp));
            size++;
            return null;
        }

        /** Takes the entry of that name away; there must be one. */
        public void remove(byte[] name) {
            int mask = table.length - 1;
            int hole = hash(name, 0, name.length) & mask;
            for (Entry entry = table[hole]; entry == null || !Arrays.equals(entry.name, name); entry = table[hole]) {
                hole = (hole + 1) & mask;
            }
            // Moves later entries of the run into the hole, so that no search ends too early.
            for (int i = (hole + 1) & mask; ; i = (i + 1) & mask) {
                Entry entry = table[i];
                if (entry == null) {
                    break;
                }
                int home = hash(entry.name, 0, entry.name.length) & mask;
                if (((i - home) & mask) >= ((i - hole) & mask)) {
                    table[hole] = entry;
                    hole = i;
                }
            }
            table[hole] = null;
            size--;
            inOrder = null;
        }

        /** The entries in the order of their names' bytes; later changes of this directory do not show in it. */
        public Entry[] sorted() {
            Entry[] entries = inOrder;
            if (entries == null) {
                entries = new Entry[size];
                int n = 0;
                for (Entry entry : table) {
                    if (entry != null) {
                        entries[n++] = entry;
                    }
                }
                Arrays.sort(entries, (a, b) -> Arrays.compareUnsigned(a.name, b.name));
                inOrder = entries;
            }
            return entries;
        }

        private void grow() {
            @Nullable Entry[] old = table;
            table = new Entry[old.length == 0 ? 4 : old.length * 2];
            for (Entry entry : old) {
                if (entry != null) {
                    insert(entry);
                }
            }
        }

        private void insert(Entry entry) {
            int mask = table.length - 1;
            int i = hash(entry.name, 0, entry.name.length) & mask;
            while (table[i] != null) {
                i = (i + 1) & mask;
            }
            table[i] = entry;
        }

        private static int hash(byte[] name, int from, int to) {
            long h = SEED;
            for (int i = from; i < to; i++) {
                h = (h ^ name[i]) * 0x9E3779B97F4A7C15L;
                h ^= h >>> 29;
            }
            return (int) (h ^ h >>> 32);
        }

        @Override
        int type() {
            return SquashfsFormat.TYPE_DIRECTORY;
        }
    }
}
