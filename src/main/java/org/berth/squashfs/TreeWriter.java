package org.berth.squashfs;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.berth.squashfs.Node.Directory;
import org.berth.squashfs.Node.Entry;
import org.berth.squashfs.Node.File;
import org.berth.squashfs.Node.Special;
import org.berth.squashfs.Node.Symlink;

/**
 * Writes the inode and the directory table in one walk over the tree, children before parents.
 *
 * <p>Numbers are given in a walk before that one: an inode names its parent's number, a shared one its count of links.
 */
final class TreeWriter {
    private static final int LISTING_EXTRA = 3;
    private static final int BASIC_LISTING_MAX = 65535 - LISTING_EXTRA;
    private static final int INDEX_MAX = 65535;

    private final MetadataWriter inodes;
    private final MetadataWriter listings;
    private final Map<Integer, Integer> idIndexes = new HashMap<>();
    private final List<Integer> ids = new ArrayList<>();
    private final Map<Integer, Integer> xattrIndexes = new HashMap<>();
    private final List<Integer> xattrSets = new ArrayList<>();
    private int lastNumber;

    TreeWriter(MetadataWriter inodes, MetadataWriter listings) {
        this.inodes = inodes;
        this.listings = listings;
    }

    /** A place in a long listing where a reader may start. */
    private record IndexEntry(int position, int blockStart, byte[] name) {}

    /** Writes the whole tree; the reference of the root's inode. */
    long write(Directory root) throws IOException {
        number(root);
        root.number = ++lastNumber;
        directory(root);
        return root.reference;
    }

    int inodeCount() {
        return lastNumber;
    }

    /** Owners and groups in the order of their indexes. */
    List<Integer> ids() {
        return ids;
    }

    /** The sets of {@link XattrSets} that the image needs, in the order of their indexes. */
    List<Integer> xattrSets() {
        return xattrSets;
    }

    /** Numbers the entries of a directory one after the other, so that one listing header serves many. */
    private void number(Directory directory) {
        Entry[] entries = directory.sorted();
        for (Entry entry : entries) {
            Node node = entry.node();
            node.links++;
            if (node.number == 0) {
                node.number = ++lastNumber;
            }
        }
        for (Entry entry : entries) {
            if (entry.node() instanceof Directory child) {
                number(child);
            }
        }
    }

    private void directory(Directory directory) throws IOException {
        Entry[] entries = directory.sorted();
        int subdirectories = 0;
        for (Entry entry : entries) {
            if (entry.node() instanceof Directory child) {
                directory(child);
                subdirectories++;
            } else if (entry.node().reference < 0) {
                leaf(entry.node());
            }
        }
        long start = listings.reference();
        var index = new ArrayList<IndexEntry>();
        int size = listing(entries, start, index) + LISTING_EXTRA;
        inode(directory, size, subdirectories + 2, start, index);
    }

    /** Writes the entries under headers and returns the bytes written. */
    private int listing(Entry[] entries, long start, List<IndexEntry> index) throws IOException {
        int size = 0;
        long block = start >>> 16;
        for (int from = 0; from < entries.length; ) {
            long here = listings.reference();
            if (here >>> 16 != block) {
                block = here >>> 16;
                index.add(new IndexEntry(size, (int) block, entries[from].name()));
            }
            int to = headerEnd(entries, from, (int) (here & 0xffff));
            int inodeBlock = (int) (entries[from].node().reference >>> 16);
            int base = entries[from].node().number;
            listings.u32(to - from - 1);
            listings.u32(inodeBlock);
            listings.u32(base);
            size += 12;
            for (; from < to; from++) {
                Node node = entries[from].node();
                byte[] name = entries[from].name();
                listings.u16((int) node.reference);
                listings.u16(node.number - base);
                listings.u16(node.type());
                listings.u16(name.length - 1);
                listings.write(name, 0, name.length);
                size += 8 + name.length;
            }
        }
        return size;
    }

    /** How far one header reaches: it may not leave its metadata block by more than an entry, or no index could be made. */
    private static int headerEnd(Entry[] entries, int from, int offset) {
        Node first = entries[from].node();
        int position = offset + 12;
        int to = from;
        while (to < entries.length
                && to - from < SquashfsFormat.HEADER_ENTRIES
                && (to == from || position < SquashfsFormat.METADATA)
                && entries[to].node().reference >>> 16 == first.reference >>> 16
                && Math.abs(entries[to].node().number - first.number) <= SquashfsFormat.HEADER_DELTA) {
            position += 8 + entries[to].name().length;
            to++;
        }
        return to;
    }

    private void inode(Directory directory, int size, int links, long listing, List<IndexEntry> index)
            throws IOException {
        boolean extended = size > BASIC_LISTING_MAX || !index.isEmpty() || directory.xattrs() != SquashfsFormat.NONE;
        int parent = directory.parent() == directory ? lastNumber + 1 : directory.parent().number;
        head(directory, extended);
        if (!extended) {
            inodes.u32((int) (listing >>> 16));
            inodes.u32(links);
            inodes.u16(size);
            inodes.u16((int) listing);
            inodes.u32(parent);
            return;
        }
        int indexed = Math.min(index.size(), INDEX_MAX);
        inodes.u32(links);
        inodes.u32(size);
        inodes.u32((int) (listing >>> 16));
        inodes.u32(parent);
        inodes.u16(indexed);
        inodes.u16((int) listing);
        inodes.u32(xattrIndex(directory));
        for (IndexEntry entry : index.subList(0, indexed)) {
            inodes.u32(entry.position());
            inodes.u32(entry.blockStart());
            inodes.u32(entry.name().length - 1);
            inodes.write(entry.name(), 0, entry.name().length);
        }
    }

    private void leaf(Node node) throws IOException {
        switch (node) {
            case File file -> file(file);
            case Symlink link -> {
                boolean extended = link.xattrs() != SquashfsFormat.NONE;
                head(link, extended);
                inodes.u32(link.links);
                inodes.u32(link.target().length);
                inodes.write(link.target(), 0, link.target().length);
                if (extended) {
                    inodes.u32(xattrIndex(link));
                }
            }
            case Special special -> {
                boolean extended = special.xattrs() != SquashfsFormat.NONE;
                head(special, extended);
                inodes.u32(special.links);
                if (special.type() == SquashfsFormat.TYPE_BLOCK_DEVICE
                        || special.type() == SquashfsFormat.TYPE_CHAR_DEVICE) {
                    inodes.u32(special.deviceNumber());
                }
                if (extended) {
                    inodes.u32(xattrIndex(special));
                }
            }
            case Directory directory -> throw new IllegalArgumentException("a directory is no leaf");
        }
    }

    private void file(File file) throws IOException {
        FileData data = file.data();
        boolean extended = file.links > 1
                || file.xattrs() != SquashfsFormat.NONE
                || data.holeBytes() > 0
                || data.start() > 0xffffffffL
                || data.size() > 0xffffffffL;
        head(file, extended);
        if (extended) {
            inodes.u64(data.start());
            inodes.u64(data.size());
            inodes.u64(data.holeBytes());
            inodes.u32(file.links);
            inodes.u32(data.fragment());
            inodes.u32(data.fragmentOffset());
            inodes.u32(xattrIndex(file));
        } else {
            inodes.u32((int) data.start());
            inodes.u32(data.fragment());
            inodes.u32(data.fragmentOffset());
            inodes.u32((int) data.size());
        }
        for (int word : data.blocks()) {
            inodes.u32(word);
        }
    }

    private void head(Node node, boolean extended) throws IOException {
        node.reference = inodes.reference();
        inodes.u16(node.type() + (extended ? SquashfsFormat.EXTENDED : 0));
        inodes.u16(node.mode());
        inodes.u16(idIndex(node.uid()));
        inodes.u16(idIndex(node.gid()));
        inodes.u32(node.mtime());
        inodes.u32(node.number);
    }

    private int idIndex(int id) {
        return idIndexes.computeIfAbsent(id, key -> {
            ids.add(key);
            return ids.size() - 1;
        });
    }

    private int xattrIndex(Node node) {
        if (node.xattrs() == SquashfsFormat.NONE) {
            return SquashfsFormat.NONE;
        }
        return xattrIndexes.computeIfAbsent(node.xattrs(), key -> {
            xattrSets.add(key);
            return xattrSets.size() - 1;
        });
    }
}
