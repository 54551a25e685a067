package org.berth.squashfs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.berth.error.ImageException;
import org.berth.libc.LinuxFiles;
import org.berth.libc.LinuxFiles.Status;

/** A file in another squashfs, which is not trusted: no directory is read twice, and no more bytes than it says it has. */
record SquashfsSource(Tree tree, byte[] name, String path, Inode inode) implements Source {
    /** No file system of this machine has this number. */
    private static final long DEVICE = -1;

    /** One image while it is read. */
    static final class Tree {
        private final SquashfsReader image;
        private final SquashfsReader.Extent extent;
        private final Set<Long> directories = new HashSet<>();
        private long bytes;

        Tree(SquashfsReader image) {
            this.image = image;
            this.extent = image.unpackedExtent();
        }

        private ImageException damaged(String what) {
            return new ImageException("%s is damaged: %s".formatted(image.name(), what));
        }
    }

    static SquashfsSource top(SquashfsReader image) {
        return new SquashfsSource(new Tree(image), new byte[0], image.name(), image.root());
    }

    @Override
    public Status status() {
        return switch (inode) {
            case Inode.Directory directory -> status(LinuxFiles.S_IFDIR, 0, 0, 0);
            case Inode.RegularFile file -> status(LinuxFiles.S_IFREG, file.size(), 0, 0);
            case Inode.SymbolicLink link -> status(LinuxFiles.S_IFLNK, link.rawTarget().length, 0, 0);
            case Inode.BlockDevice device -> status(LinuxFiles.S_IFBLK, 0, device.major(), device.minor());
            case Inode.CharacterDevice device -> status(LinuxFiles.S_IFCHR, 0, device.major(), device.minor());
            case Inode.Pipe pipe -> status(LinuxFiles.S_IFIFO, 0, 0, 0);
            case Inode.Socket socket -> status(LinuxFiles.S_IFSOCK, 0, 0, 0);
        };
    }

    private Status status(int type, long size, int major, int minor) {
        Inode.Attributes attributes = inode.attributes();
        return new Status(
                type | attributes.mode(),
                attributes.uid(),
                attributes.gid(),
                size,
                attributes.modifiedAt(),
                attributes.links(),
                DEVICE,
                attributes.reference(),
                major,
                minor);
    }

    @Override
    public boolean inLayer() {
        return false;
    }

    @Override
    public byte[] target() {
        return ((Inode.SymbolicLink) inode).rawTarget();
    }

    @Override
    public SortedMap<String, byte[]> leafXattrs() {
        SortedMap<String, byte[]> xattrs = new TreeMap<>();
        // XattrSets takes names byte for byte.
        tree.image
                .xattrs(inode)
                .forEach((key, value) -> xattrs.put(
                        new String(key.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1), value));
        return xattrs;
    }

    @Override
    public Open open() {
        return new OpenFile(this);
    }

    private record OpenFile(SquashfsSource source) implements Open {
        @Override
        public SortedMap<String, byte[]> xattrs() {
            return source.leafXattrs();
        }

        @Override
        public List<Source> list() {
            Tree tree = source.tree;
            Inode.Directory directory = (Inode.Directory) source.inode;
            if (!tree.directories.add(directory.attributes().reference())) {
                throw tree.damaged("a directory is in two places");
            }
            return tree.image.list(directory).stream().map(this::entry).toList();
        }

        private Source entry(DirectoryEntry entry) {
            String path = source.path + "/" + entry.name();
            return new SquashfsSource(
                    source.tree, entry.rawName(), path, source.tree.image.inode(entry.inodeReference()));
        }

        @Override
        public FileData copy(SquashfsWriter image) throws IOException {
            Tree tree = source.tree;
            Inode.RegularFile file = (Inode.RegularFile) source.inode;
            tree.bytes += Math.max(0, file.size() - Math.max(0, file.sparse()));
            if (tree.bytes > tree.extent.bytes()) {
                throw tree.damaged("a file is in several places and says that it is in one");
            }
            if (file.size() == 0) {
                return FileData.EMPTY;
            }
            byte[] block = new byte[tree.image.superblock().blockSize()];
            SquashfsReader.Pieces pieces = tree.image.pieces(file);
            image.beginFile(file.size());
            while (pieces.hasNext()) {
                SquashfsReader.Piece piece = pieces.next();
                if (piece.isHole()) {
                    image.writeHole(piece.length());
                } else {
                    tree.image.read(file, piece, block);
                    image.write(block, 0, piece.length());
                }
            }
            return image.endFile();
        }

        @Override
        public void close() {}
    }
}
