package org.berth.squashfs;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.libc.LinuxFiles;
import org.berth.libc.LinuxFiles.Status;
import org.berth.libc.SystemCallException;
import org.jspecify.annotations.Nullable;

/**
 * Makes a squashfs of a directory tree, or of a tree and the upper directory of an overlay on it, names as bytes and in their
 * order, so that the same trees give the same image.
 *
 * <p>Both are read where they lie, not through the overlay's mount, in which a user cannot read what other users of an
 * image own. Hard links stay what they are, sparse blocks become holes, mount points below a directory are walked like all
 * else.
 */
public final class Packer implements AutoCloseable {
    private static final int MAX_DEPTH = 1000;
    private static final int BUFFER = 1 << 17;

    /** Whom the files of the image belong to that lie on this machine's disk. */
    public enum Owners {
        /** To those they belong to on the disk. */
        KEPT,
        /** To root, all of them: where the caller was root in a user namespace, or nobody but him means anything elsewhere. */
        ROOT
    }

    /** A root file system. */
    public sealed interface Base {
        record Directory(Path path) implements Base {}

        /** Closed by the caller. */
        record Squashfs(SquashfsReader image) implements Base {}
    }

    /** The same file wherever it is named. */
    private record Identity(long device, long inode) {}

    /** What two trees have under one name. */
    private record Layers(Source top, Optional<Source> below) {}

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
        return pack(new Base.Directory(directory), Optional.empty(), image, owners, time);
    }

    /**
     * Packs what an overlay of an upper directory over a root file system shows.
     *
     * @param upper written by an overlay; its marks (whiteouts, opaque directories) are obeyed and left out
     * @param image new and empty; finished when this returns
     * @param time the image's own
     * @throws HostException if a file cannot be read, the upper directory does not hold all of its files, or the image cannot be written
     * @throws ImageException if a squashfs that is read is damaged
     */
    public static SquashfsWriter.Summary packOverlay(
            Base base, Path upper, SquashfsWriter image, Owners owners, Instant time) {
        return pack(base, Optional.of(upper), image, owners, time);
    }

    private static SquashfsWriter.Summary pack(
            Base base, Optional<Path> upper, SquashfsWriter image, Owners owners, Instant time) {
        try (Packer packer = new Packer(image, owners)) {
            Source below = switch (base) {
                case Base.Directory(Path path) -> packer.top(path, false);
                case Base.Squashfs(SquashfsReader reader) -> SquashfsSource.top(reader);
            };
            Node.Directory top = new Node.Directory();
            if (upper.isPresent()) {
                packer.fill(top, packer.top(upper.get(), true), Optional.of(below));
                // The upper directory itself was made by whoever made the overlay.
                packer.attributes(top, below);
            } else {
                packer.fill(top, below, Optional.empty());
            }
            return image.finish(top, time);
        } catch (IOException e) {
            throw new HostException("the image cannot be written: " + e.getMessage(), e);
        } catch (OutOfMemoryError e) {
            throw new HostException("not enough memory for the names of the image", e);
        }
    }

    private Source top(Path path, boolean layer) {
        try {
            return DiskSource.top(new DiskSource.Tree(owners, layer, root, buffer, bytes), path);
        } catch (SystemCallException e) {
            throw unreadable(path.toString(), e);
        }
    }

    static HostException unreadable(String path, SystemCallException e) {
        return new HostException("could not read %s: %s".formatted(path, e.getMessage()), e);
    }

    /** Reads a directory, and the one that it lies on. */
    private void fill(Node.Directory into, Source top, Optional<Source> below) throws IOException {
        if (into.depth() > MAX_DEPTH) {
            throw new HostException("%s: directories nested deeper than %d".formatted(top.path(), MAX_DEPTH));
        }
        try (Source.Open open = top.open()) {
            SortedMap<String, byte[]> xattrs = open.xattrs();
            attributes(into, top, xattrs);
            SortedMap<byte[], Layers> entries = new TreeMap<>(Arrays::compareUnsigned);
            if (below.isPresent() && !OverlayMarks.isOpaque(xattrs)) {
                try (Source.Open lower = below.get().open()) {
                    lower.list().forEach(entry -> entries.put(entry.name(), new Layers(entry, Optional.empty())));
                    add(open, entries);
                    put(into, entries);
                }
            } else {
                add(open, entries);
                put(into, entries);
            }
        } catch (SystemCallException e) {
            throw unreadable(top.path(), e);
        }
    }

    private static void add(Source.Open directory, SortedMap<byte[], Layers> entries) throws SystemCallException {
        for (Source entry : directory.list()) {
            entries.merge(
                    entry.name(),
                    new Layers(entry, Optional.empty()),
                    (lower, higher) -> new Layers(entry, Optional.of(lower.top())));
        }
    }

    private void put(Node.Directory into, SortedMap<byte[], Layers> entries) throws IOException {
        for (Layers entry : entries.values()) {
            Source top = entry.top();
            try {
                Node node = node(into, top, entry.below().filter(Source::isDirectory));
                if (node != null) {
                    into.put(top.name(), node, 0);
                }
            } catch (SystemCallException e) {
                throw unreadable(top.path(), e);
            }
        }
    }

    /** Null for a whiteout. */
    private @Nullable Node node(Node.Directory parent, Source top, Optional<Source> below) throws IOException {
        if (top.isDirectory()) {
            Node.Directory child = new Node.Directory(parent);
            fill(child, top, below);
            return child;
        }
        Status status = top.status();
        if (top.inLayer() && OverlayMarks.isWhiteoutDevice(status)) {
            return null;
        }
        Identity identity = new Identity(status.device(), status.inode());
        Node known = linked.get(identity);
        if (known != null) {
            return known;
        }
        Node node = status.type() == LinuxFiles.S_IFREG ? file(top) : leaf(top, status);
        if (node != null && status.links() > 1) {
            linked.put(identity, node);
        }
        return node;
    }

    private @Nullable Node file(Source source) throws IOException {
        try (Source.Open open = source.open()) {
            SortedMap<String, byte[]> xattrs = open.xattrs();
            if (source.inLayer() && OverlayMarks.isWhiteoutFile(source.status(), xattrs)) {
                return null;
            }
            Node.File file = new Node.File(null);
            attributes(file, source, xattrs);
            file.fill(open.copy(image));
            return file;
        }
    }

    private Node leaf(Source source, Status status) throws SystemCallException {
        Node node = switch (status.type()) {
            case LinuxFiles.S_IFLNK -> new Node.Symlink(source.target());
            case LinuxFiles.S_IFCHR -> device(SquashfsFormat.TYPE_CHAR_DEVICE, status);
            case LinuxFiles.S_IFBLK -> device(SquashfsFormat.TYPE_BLOCK_DEVICE, status);
            case LinuxFiles.S_IFIFO -> new Node.Special(SquashfsFormat.TYPE_FIFO, 0);
            default -> new Node.Special(SquashfsFormat.TYPE_SOCKET, 0);
        };
        attributes(node, source, source.leafXattrs());
        return node;
    }

    private static Node device(int type, Status status) {
        return new Node.Special(type, Node.Special.device(status.major(), status.minor()));
    }

    private void attributes(Node.Directory node, Source source) throws SystemCallException {
        try (Source.Open open = source.open()) {
            attributes(node, source, open.xattrs());
        }
    }

    private void attributes(Node node, Source source, SortedMap<String, byte[]> xattrs) {
        SortedMap<String, byte[]> kept = xattrs;
        if (source.inLayer()) {
            OverlayMarks.requireComplete(xattrs, source.path());
            kept = OverlayMarks.visible(xattrs);
        }
        Status status = source.status();
        node.attributes(
                status.mode() & 07777,
                (int) status.uid(),
                (int) status.gid(),
                (int) Math.clamp(status.modifiedAt(), 0, 0xffffffffL),
                image.xattrs().add(kept));
    }

    @Override
    public void close() {
        arena.close();
    }
}
