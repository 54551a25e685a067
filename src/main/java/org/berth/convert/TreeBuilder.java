package org.berth.convert;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.berth.convert.EntryLog.Logged;
import org.berth.error.ImageException;
import org.berth.oci.ImageLimits;
import org.berth.squashfs.FileData;
import org.berth.squashfs.Node;
import org.berth.squashfs.Node.Directory;
import org.berth.squashfs.Node.Entry;
import org.berth.squashfs.Node.File;
import org.berth.squashfs.Node.Special;
import org.berth.squashfs.Node.Symlink;
import org.berth.squashfs.SquashfsFormat;
import org.jspecify.annotations.Nullable;

/**
 * Puts logged layers on top of each other, lowest first, as umoci and Docker unpack them into one directory.
 *
 * <p>Links on the way to an entry are followed inside the root; missing directories are made; a whiteout hits what lower
 * layers brought, wherever it stands in its own; a hard link shares its target's inode, attributes included.
 */
final class TreeBuilder {
    private static final int LINKS_MAX = 40;
    private static final int IMPLIED_MODE = 0755;

    private final ImageLimits limits;
    private final int imageTime;
    private final Directory root = new Directory();

    /** The stamp of entries of the layer at work; entries of lower layers have smaller ones. */
    private int layer;

    private final List<Missing> missing = new ArrayList<>();

    /** The last path that was followed and where it led; entries of one directory mostly come together. */
    private byte[] lastPath = {};

    private int lastEnd;
    private @Nullable Directory last;

    /** A file whose content was left out when its layer was read. */
    record Missing(File file, int layer, int entry) {}

    /** What becomes of something that is in the way of a directory. */
    private enum Obstacle {
        /** Lower layers' is replaced, this layer's own is an error. */
        REPLACE_LOWER,
        REPLACE,
        /** The path does not exist. */
        STOP
    }

    /** Whether directories that are missing on the way are made. */
    private enum Absent {
        MAKE,
        STOP
    }

    TreeBuilder(ImageLimits limits, int imageTime) {
        this.limits = limits;
        this.imageTime = imageTime;
        root.attributes(IMPLIED_MODE, 0, 0, imageTime, SquashfsFormat.NONE);
    }

    Directory root() {
        return root;
    }

    /** The files that were left out although they can be seen, in the order of their layers and entries. */
    List<Missing> missing() {
        if (missing.isEmpty()) {
            return List.of();
        }
        Set<File> visible = Collections.newSetFromMap(new IdentityHashMap<>());
        collectEmpty(root, visible);
        return missing.stream().filter(m -> visible.contains(m.file())).toList();
    }

    private static void collectEmpty(Directory directory, Set<File> into) {
        for (Entry entry : directory.sorted()) {
            if (entry.node() instanceof Directory child) {
                collectEmpty(child, into);
            } else if (entry.node() instanceof File file && !file.hasData()) {
                into.add(file);
            }
        }
    }

    /** Puts one layer, numbered from 0 at the bottom, on top of the tree. */
    void apply(int number, EntryLog.Reading entries, LayerScan scan) {
        layer = number;
        for (int i = 0; entries.hasNext(); i++) {
            Logged entry = entries.next();
            try {
                apply(entry, i, scan);
            } catch (ImageException e) {
                throw new ImageException("entry '%s': %s".formatted(EntryPath.show(entry.path()), e.getMessage()), e);
            }
        }
    }

    private void apply(Logged entry, int index, LayerScan scan) {
        switch (entry.action()) {
            case WHITEOUT -> whiteout(entry.path());
            case OPAQUE -> opaque(entry.path());
            case HARD_LINK -> {
                Node target = find(entry.link())
                        .orElseThrow(() -> new ImageException(
                                "hard link to '%s', which is not there".formatted(EntryPath.show(entry.link()))));
                if (target instanceof Directory) {
                    throw new ImageException("hard link to '%s', a directory".formatted(EntryPath.show(entry.link())));
                }
                put(entry.path(), target);
            }
            case DIRECTORY -> {
                Directory directory = directory(entry.path());
                attributes(directory, entry);
            }
            case FILE -> {
                File file = new File(entry.content() < 0 ? null : scan.content(entry.content()));
                if (entry.content() < 0) {
                    missing.add(new Missing(file, layer, index));
                }
                attributes(file, entry);
                put(entry.path(), file);
            }
            case SYMLINK -> leaf(entry, new Symlink(entry.link()));
            case CHAR_DEVICE -> leaf(entry, new Special(SquashfsFormat.TYPE_CHAR_DEVICE, entry.device()));
            case BLOCK_DEVICE -> leaf(entry, new Special(SquashfsFormat.TYPE_BLOCK_DEVICE, entry.device()));
            case FIFO -> leaf(entry, new Special(SquashfsFormat.TYPE_FIFO, 0));
        }
    }

    /**
     * Adds an extra above all layers.
     *
     * @param content of a file
     * @return false if something that may not be replaced is in the way
     */
    boolean add(Extra extra, FileData content, int stamp) {
        layer = stamp;
        boolean always = extra.rule() == Extra.Rule.ALWAYS;
        byte[] path = EntryPath.clean(extra.path().getBytes(StandardCharsets.UTF_8));
        int base = EntryPath.baseStart(path);
        Optional<Directory> found = walk(path, base, Absent.MAKE, always ? Obstacle.REPLACE : Obstacle.STOP);
        if (found.isEmpty()) {
            return false;
        }
        Directory parent = found.get();
        byte[] name = Arrays.copyOfRange(path, base, path.length);
        Entry old = parent.find(name);
        if (old != null && !always) {
            return true;
        }
        Node node = switch (extra.kind()) {
            case DIRECTORY -> old != null && old.node() instanceof Directory there ? there : child(parent);
            case SYMLINK -> new Symlink(extra.content());
            case FILE -> new File(content);
        };
        node.attributes(extra.mode(), 0, 0, imageTime, SquashfsFormat.NONE);
        replace(parent, name, node);
        return true;
    }

    private void leaf(Logged entry, Node node) {
        attributes(node, entry);
        put(entry.path(), node);
    }

    private static void attributes(Node node, Logged entry) {
        node.attributes(entry.mode(), entry.uid(), entry.gid(), entry.mtime(), entry.xattrs());
    }

    private void put(byte[] path, Node node) {
        int base = EntryPath.baseStart(path);
        if (path.length == 0) {
            throw new ImageException("the root can only be a directory");
        }
        replace(parent(path, base), Arrays.copyOfRange(path, base, path.length), node);
    }

    /** The directory at exactly this path: a link there is replaced, a directory keeps its content. */
    private Directory directory(byte[] path) {
        if (path.length == 0) {
            return root;
        }
        int base = EntryPath.baseStart(path);
        Directory parent = parent(path, base);
        byte[] name = Arrays.copyOfRange(path, base, path.length);
        Entry old = parent.find(name);
        Directory directory = old != null && old.node() instanceof Directory there ? there : child(parent);
        replace(parent, name, directory);
        return directory;
    }

    private void replace(Directory parent, byte[] name, Node node) {
        Node before = parent.put(name, node, layer);
        if (before != null && before != node) {
            last = null;
        }
    }

    private void whiteout(byte[] path) {
        int base = EntryPath.baseStart(path);
        walk(path, base, Absent.MAKE, Obstacle.STOP).ifPresent(parent -> {
            Entry entry = parent.find(Arrays.copyOfRange(path, base, path.length));
            if (entry != null) {
                drop(parent, entry);
            }
        });
    }

    private void opaque(byte[] path) {
        walk(path, path.length, Absent.MAKE, Obstacle.STOP).ifPresent(directory -> {
            for (Entry entry : directory.sorted()) {
                drop(directory, entry);
            }
        });
    }

    /** Takes away what lower layers brought and keeps what this one has put there. */
    private void drop(Directory parent, Entry entry) {
        boolean empty = true;
        if (entry.node() instanceof Directory directory) {
            for (Entry child : directory.sorted()) {
                drop(directory, child);
            }
            empty = directory.size() == 0;
        }
        if (entry.stamp() < layer && empty) {
            parent.remove(entry.name());
            last = null;
        }
    }

    private Directory parent(byte[] path, int base) {
        return walk(path, base, Absent.MAKE, Obstacle.REPLACE_LOWER)
                .orElseThrow(() -> new ImageException("its directory cannot be made"));
    }

    /** What is at the path, without following a link there. */
    private Optional<Node> find(byte[] path) {
        int base = EntryPath.baseStart(path);
        if (path.length == 0) {
            return Optional.of(root);
        }
        return walk(path, base, Absent.STOP, Obstacle.STOP)
                .map(parent -> parent.find(Arrays.copyOfRange(path, base, path.length)))
                .map(Entry::node);
    }

    /** Follows the first {@code end} bytes of a path, and all links on it, to a directory inside the root. */
    private Optional<Directory> walk(byte[] path, int end, Absent absent, Obstacle obstacle) {
        if (last != null && end == lastEnd && Arrays.mismatch(path, 0, end, lastPath, 0, end) < 0) {
            return Optional.of(last);
        }
        Directory here = root;
        Deque<byte[]> todo = new ArrayDeque<>(EntryPath.components(path, end));
        int links = 0;
        while (!todo.isEmpty()) {
            byte[] name = todo.pop();
            if (isDots(name, 1)) {
                continue;
            }
            if (isDots(name, 2)) {
                here = here.parent();
                continue;
            }
            Entry entry = here.find(name);
            Node node = entry == null ? null : entry.node();
            if (node instanceof Directory directory) {
                here = directory;
            } else if (node instanceof Symlink link) {
                if (++links > LINKS_MAX) {
                    throw new ImageException("more than %d symbolic links on the way".formatted(LINKS_MAX));
                }
                List<byte[]> target = EntryPath.components(link.target(), link.target().length);
                target.reversed().forEach(todo::push);
                if (link.target()[0] == '/') {
                    here = root;
                }
            } else {
                if (entry == null ? absent == Absent.STOP : !replaceable(entry, obstacle)) {
                    return Optional.empty();
                }
                here = implied(here, name);
            }
        }
        lastPath = path;
        lastEnd = end;
        last = here;
        return Optional.of(here);
    }

    private boolean replaceable(Entry entry, Obstacle obstacle) {
        return switch (obstacle) {
            case STOP -> false;
            case REPLACE -> true;
            case REPLACE_LOWER -> {
                if (entry.stamp() == layer) {
                    throw new ImageException("'%s' above it is no directory".formatted(EntryPath.show(entry.name())));
                }
                yield true;
            }
        };
    }

    /** A directory that no entry describes. */
    private Directory implied(Directory parent, byte[] name) {
        Directory directory = child(parent);
        directory.attributes(IMPLIED_MODE, 0, 0, imageTime, SquashfsFormat.NONE);
        replace(parent, name, directory);
        return directory;
    }

    private Directory child(Directory parent) {
        limits.checkDepth(parent.depth() + 1);
        return new Directory(parent);
    }

    private static boolean isDots(byte[] name, int count) {
        return name.length == count && name[0] == '.' && name[count - 1] == '.';
    }
}
