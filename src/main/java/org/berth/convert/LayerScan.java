package org.berth.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.berth.convert.EntryLog.Action;
import org.berth.convert.EntryLog.Logged;
import org.berth.convert.TarEntry.Kind;
import org.berth.error.ImageException;
import org.berth.oci.ImageLimits;
import org.berth.squashfs.FileData;
import org.berth.squashfs.Node;
import org.berth.squashfs.SquashfsFormat;
import org.berth.squashfs.SquashfsWriter;
import org.berth.squashfs.XattrSets;

/**
 * Reads layers from the top: content that no higher layer hides goes into the image at once, everything else is logged.
 */
final class LayerScan {
    private static final byte[] WHITEOUT = ".wh.".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] AUFS = ".wh..wh.".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] OPAQUE = ".wh..wh..opq".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] NOTHING = {};

    /** Linux' own bound of a link's target, and of an attribute's name and value. */
    private static final int TARGET_MAX = 4095;

    private static final int XATTR_NAME_MAX = 255;
    private static final int XATTR_VALUE_MAX = 65536;

    private final SquashfsWriter image;
    private final ImageLimits limits;
    private final List<FileData> contents = new ArrayList<>();
    private final TarReader.Sink sink;
    private long entries;
    private long bytes;
    private long hiddenBytes;
    private long droppedXattrs;

    LayerScan(SquashfsWriter image, ImageLimits limits) {
        this.image = image;
        this.limits = limits;
        sink = new TarReader.Sink() {
            @Override
            public void write(byte[] from, int offset, int length) throws IOException {
                image.write(from, offset, length);
            }

            @Override
            public void writeHole(long length) throws IOException {
                image.writeHole(length);
            }
        };
    }

    /**
     * Reads the next lower layer to its end.
     *
     * @param filter the same for all layers
     */
    EntryLog scan(TarInput in, ShadowFilter filter) throws IOException {
        var log = new EntryLog();
        var tar = new TarReader(in, limits);
        Optional<TarEntry> next = tar.next();
        while (next.isPresent()) {
            TarEntry entry = next.get();
            limits.checkEntries(++entries);
            bytes = Math.addExact(bytes, Math.min(entry.size(), Long.MAX_VALUE - bytes));
            limits.checkBytes(bytes);
            try {
                log.add(logged(entry, tar, filter));
            } catch (ImageException e) {
                throw new ImageException("entry '%s': %s".formatted(EntryPath.show(entry.name()), e.getMessage()), e);
            }
            next = tar.next();
        }
        in.drain();
        filter.endLayer();
        return log;
    }

    /**
     * Reads a layer once more for the content of some files.
     *
     * @param fill the files by their number in the layer, in ascending order
     */
    void fetch(TarInput in, Map<Integer, Node.File> fill) throws IOException {
        var tar = new TarReader(in, limits);
        int number = 0;
        int left = fill.size();
        Optional<TarEntry> next = tar.next();
        while (left > 0 && next.isPresent()) {
            Node.File file = fill.get(number++);
            if (file != null) {
                file.fill(store(next.get(), tar));
                left--;
            }
            next = tar.next();
        }
        in.drain();
        if (left > 0) {
            throw new ImageException("it was another one when it was read again");
        }
    }

    FileData content(int number) {
        return contents.get(number);
    }

    /** Entries of all layers. */
    long entries() {
        return entries;
    }

    /** Bytes of files that higher layers hide. */
    long hiddenBytes() {
        return hiddenBytes;
    }

    /** Attributes that squashfs or Linux cannot hold, or that are marks of overlayfs. */
    long droppedXattrs() {
        return droppedXattrs;
    }

    private Logged logged(TarEntry entry, TarReader tar, ShadowFilter filter) throws IOException {
        limits.checkPath(entry.name());
        byte[] path = EntryPath.clean(entry.name());
        int base = EntryPath.baseStart(path);
        if (startsWith(path, base, WHITEOUT)) {
            return whiteout(path, base, filter);
        }
        if (path.length == 0 && entry.kind() != Kind.DIRECTORY) {
            throw new ImageException("the root can only be a directory");
        }
        byte[] link = entry.link();
        if (entry.kind() == Kind.HARD_LINK) {
            limits.checkPath(link);
            link = EntryPath.clean(link);
        } else if (entry.kind() == Kind.SYMLINK) {
            checkTarget(link);
        }
        int content = -1;
        if (entry.kind() == Kind.FILE) {
            if (filter.hides(path)) {
                hiddenBytes += entry.size();
            } else {
                content = contents.size();
                contents.add(store(entry, tar));
            }
        }
        if (entry.kind() == Kind.DIRECTORY) {
            filter.addDirectory(path);
        } else {
            filter.addLeaf(path);
        }
        return new Logged(
                Action.of(entry.kind()),
                path,
                entry.mode(),
                entry.uid(),
                entry.gid(),
                (int) Math.clamp(entry.mtime(), 0, 0xffffffffL),
                link,
                Node.Special.device(entry.major(), entry.minor()),
                xattrs(entry.xattrs()),
                content);
    }

    private FileData store(TarEntry entry, TarReader tar) throws IOException {
        image.beginFile(entry.size());
        tar.copy(entry, sink);
        return image.endFile();
    }

    /** {@code .wh.NAME} hides NAME of lower layers, {@code .wh..wh..opq} all of its directory; the rest was aufs' own. */
    private static Logged whiteout(byte[] path, int base, ShadowFilter filter) {
        byte[] directory = Arrays.copyOf(path, Math.max(base - 1, 0));
        if (Arrays.equals(path, base, path.length, OPAQUE, 0, OPAQUE.length)) {
            filter.addOpaque(directory);
            return mark(Action.OPAQUE, directory);
        }
        if (startsWith(path, base, AUFS)) {
            return mark(Action.WHITEOUT, path);
        }
        byte[] hidden = Arrays.copyOf(path, path.length - WHITEOUT.length);
        System.arraycopy(path, base + WHITEOUT.length, hidden, base, hidden.length - base);
        byte[] cleaned = EntryPath.clean(hidden);
        if (cleaned.length != hidden.length || hidden.length == base) {
            throw new ImageException("it is a whiteout of no file");
        }
        filter.addWhiteout(hidden);
        return mark(Action.WHITEOUT, hidden);
    }

    private static Logged mark(Action action, byte[] path) {
        return new Logged(action, path, 0, 0, 0, 0, NOTHING, 0, SquashfsFormat.NONE, -1);
    }

    private static void checkTarget(byte[] target) {
        if (target.length == 0 || target.length > TARGET_MAX) {
            throw new ImageException(
                    "a link target of %d bytes; it must have 1 to %d".formatted(target.length, TARGET_MAX));
        }
        for (byte b : target) {
            if (b == 0) {
                throw new ImageException("its link target holds a NUL byte");
            }
        }
    }

    private int xattrs(Map<String, byte[]> attributes) {
        if (attributes.isEmpty()) {
            return SquashfsFormat.NONE;
        }
        var kept = new TreeMap<String, byte[]>();
        attributes.forEach((name, value) -> {
            // overlayfs would take its own marks for its own when the image is a layer of a mount.
            boolean mark = name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.");
            if (XattrSets.storable(name)
                    && !mark
                    && name.length() <= XATTR_NAME_MAX
                    && name.indexOf('\0') < 0
                    && value.length <= XATTR_VALUE_MAX) {
                kept.put(name, value);
            } else {
                droppedXattrs++;
            }
        });
        int set = image.xattrs().add(kept);
        limits.checkXattrs(image.xattrs().bytes());
        return set;
    }

    private static boolean startsWith(byte[] path, int base, byte[] prefix) {
        return path.length - base >= prefix.length
                && Arrays.equals(path, base, base + prefix.length, prefix, 0, prefix.length);
    }
}
