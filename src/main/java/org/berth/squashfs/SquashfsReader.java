package org.berth.squashfs;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.berth.error.ImageException;

/**
 * A squashfs 4.0 in a file, in a SIF's partition or alone. Images are not trusted: whatever is wrong with one becomes an
 * {@link ImageException} that names the file, memory stays bounded, and no operation takes longer than a walk through the
 * bytes that are there. For any number of threads.
 */
public final class SquashfsReader implements Closeable {
    /** A listing longer than this is refused: it would take hundreds of megabytes. */
    static final int MAX_ENTRIES = 1 << 20;

    /* As the kernel's limits: XATTR_SIZE_MAX, a name of 255 bytes, PATH_MAX, 40 links on a path. */
    private static final int MAX_XATTR_VALUE = 65536;
    private static final int MAX_XATTRS_SIZE = 1 << 20;
    private static final int MAX_TARGET = 4096;
    private static final int MAX_LINKS = 40;
    private static final int MAX_NAME = 256;

    private static final int ENTRIES_PER_FRAGMENT_BLOCK = BlockReader.METADATA_SIZE / 16;
    private static final int IDS_PER_BLOCK = BlockReader.METADATA_SIZE / 4;
    private static final int SETS_PER_XATTR_BLOCK = BlockReader.METADATA_SIZE / 16;
    private static final int CACHED_FRAGMENT_BYTES = 8 << 20;
    private static final List<String> XATTR_PREFIXES = List.of("user.", "trusted.", "security.");
    private static final int XATTR_ELSEWHERE = 0x100;

    private final String name;
    private final Superblock superblock;
    private final BlockReader blocks;
    private final long[] owners;
    private final Map<Long, byte[]> fragments;

    private SquashfsReader(String name, Superblock superblock, BlockReader blocks) {
        this.name = name;
        this.superblock = superblock;
        this.blocks = blocks;
        this.owners = readOwners();
        int cached = CACHED_FRAGMENT_BYTES / superblock.blockSize();
        this.fragments = new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
                return size() > cached;
            }
        };
    }

    /**
     * Opens the squashfs at {@code offset}, which has {@code size} bytes with its padding.
     *
     * @throws ImageException if there is none, it is damaged, or its compressor is not supported
     */
    public static SquashfsReader open(Path file, long offset, long size) {
        FileChannel channel;
        try {
            channel = FileChannel.open(file, StandardOpenOption.READ);
        } catch (NoSuchFileException e) {
            throw new ImageException("%s: no such file".formatted(file), e);
        } catch (IOException e) {
            throw new ImageException("%s: cannot be read: %s".formatted(file, e.getMessage()), e);
        }
        try {
            return open(file.toString(), channel, offset, size);
        } catch (IOException e) {
            closeQuietly(channel);
            throw new ImageException("%s: cannot be read: %s".formatted(file, e.getMessage()), e);
        } catch (RuntimeException e) {
            closeQuietly(channel);
            throw e;
        }
    }

    private static SquashfsReader open(String name, FileChannel channel, long offset, long size) throws IOException {
        long available = Math.min(size, channel.size() - offset);
        ByteBuffer bytes = ByteBuffer.allocate(Superblock.SIZE).order(ByteOrder.LITTLE_ENDIAN);
        while (available >= Superblock.SIZE && bytes.hasRemaining()) {
            if (channel.read(bytes, offset + bytes.position()) < 0) {
                break;
            }
        }
        if (bytes.hasRemaining()) {
            throw new ImageException(
                    "%s: not a squashfs (it has only %d bytes)".formatted(name, Math.max(0, available)));
        }
        Superblock superblock = Superblock.read(bytes.flip(), name, available);
        BlockReader blocks = new BlockReader(name, channel, offset, superblock.bytesUsed(), superblock.compression());
        return new SquashfsReader(name, superblock, blocks);
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // The failure that led here is the one to be told.
        }
    }

    public Superblock superblock() {
        return superblock;
    }

    /** The file it is in, for messages. */
    public String name() {
        return name;
    }

    public Inode.Directory root() {
        if (inode(superblock.rootInode()) instanceof Inode.Directory root) {
            return root;
        }
        throw blocks.damaged("its root is not a directory");
    }

    /** The file that a directory entry names. */
    public Inode inode(long reference) {
        long block = reference >>> 16;
        if (block >= superblock.directoryTable() - superblock.inodeTable()) {
            throw blocks.damaged("an inode lies outside the inode table");
        }
        return readInode(new MetadataCursor(
                blocks, superblock.inodeTable() + block, (int) (reference & 0xffff), superblock.directoryTable()));
    }

    private Inode readInode(MetadataCursor in) {
        long reference = in.position() - superblock.inodeTable() << 16 | in.offset();
        int type = in.u16();
        int mode = in.u16() & 07777;
        long uid = owner(in.u16());
        long gid = owner(in.u16());
        long modifiedAt = in.u32();
        long number = in.u32();
        Head head = new Head(mode, uid, gid, modifiedAt, number, reference);
        return switch (type) {
            case 1 -> basicDirectory(in, head);
            case 2 -> basicFile(in, head);
            case 3, 10 -> symbolicLink(in, head, type == 10);
            case 4, 5, 11, 12 -> device(in, head, type);
            case 6, 7, 13, 14 -> endpoint(in, head, type);
            case 8 -> extendedDirectory(in, head);
            case 9 -> extendedFile(in, head);
            default -> throw blocks.damaged("inode type %d is not known".formatted(type));
        };
    }

    /** What all inodes begin with. */
    private record Head(int mode, long uid, long gid, long modifiedAt, long number, long reference) {
        Inode.Attributes with(long links, long xattrIndex) {
            return new Inode.Attributes(mode, uid, gid, modifiedAt, number, links, xattrIndex, reference);
        }
    }

    private static Inode basicDirectory(MetadataCursor in, Head head) {
        long block = in.u32();
        long links = in.u32();
        int size = in.u16();
        int offset = in.u16();
        in.u32();
        return new Inode.Directory(head.with(links, Inode.Attributes.NO_XATTRS), block, offset, Math.max(0, size - 3));
    }

    private static Inode extendedDirectory(MetadataCursor in, Head head) {
        long links = in.u32();
        long size = in.u32();
        long block = in.u32();
        in.u32();
        int indexes = in.u16();
        int offset = in.u16();
        long xattrs = in.u32();
        for (int i = 0; i < indexes; i++) {
            in.skip(8);
            in.skip(in.u32() + 1);
        }
        return new Inode.Directory(head.with(links, xattrs), block, offset, Math.max(0, size - 3));
    }

    private Inode basicFile(MetadataCursor in, Head head) {
        long start = in.u32();
        long fragment = in.u32();
        long fragmentOffset = in.u32();
        long size = in.u32();
        return file(in, head.with(1, Inode.Attributes.NO_XATTRS), size, 0, start, fragment, fragmentOffset);
    }

    private Inode extendedFile(MetadataCursor in, Head head) {
        long start = in.i64();
        long size = in.i64();
        long sparse = in.i64();
        long links = in.u32();
        long fragment = in.u32();
        long fragmentOffset = in.u32();
        long xattrs = in.u32();
        return file(in, head.with(links, xattrs), size, sparse, start, fragment, fragmentOffset);
    }

    private Inode file(
            MetadataCursor in,
            Inode.Attributes attributes,
            long size,
            long sparse,
            long start,
            long fragment,
            long fragmentOffset) {
        Inode.RegularFile file = new Inode.RegularFile(
                attributes, size, sparse, start, fragment, fragmentOffset, in.position(), in.offset());
        // Each block has a size word in the inode table: a size for which there is no room there is a lie.
        long tableRoom = (superblock.directoryTable() - superblock.inodeTable()) * BlockReader.METADATA_SIZE / 4;
        if (size < 0 || blockCount(file) > tableRoom) {
            throw blocks.damaged("a file claims %s bytes".formatted(Long.toUnsignedString(size)));
        }
        if (fragment != Inode.RegularFile.NO_FRAGMENT && fragment >= superblock.fragments()) {
            throw blocks.damaged("fragment %d does not exist".formatted(fragment));
        }
        return file;
    }

    /** How many size words a file has. */
    private long blockCount(Inode.RegularFile file) {
        return file.fragment() == Inode.RegularFile.NO_FRAGMENT
                ? Math.ceilDiv(file.size(), (long) superblock.blockSize())
                : file.size() / superblock.blockSize();
    }

    private Inode symbolicLink(MetadataCursor in, Head head, boolean extended) {
        long links = in.u32();
        long length = in.u32();
        if (length == 0 || length > MAX_TARGET) {
            throw blocks.damaged("a symbolic link has %d bytes".formatted(length));
        }
        byte[] target = in.bytes((int) length);
        return new Inode.SymbolicLink(head.with(links, extended ? in.u32() : Inode.Attributes.NO_XATTRS), target);
    }

    private static Inode device(MetadataCursor in, Head head, int type) {
        long links = in.u32();
        int device = in.i32();
        int major = device >>> 8 & 0xfff;
        int minor = device & 0xff | device >>> 12 & 0xfff00;
        Inode.Attributes attributes = head.with(links, type > 7 ? in.u32() : Inode.Attributes.NO_XATTRS);
        return type == 4 || type == 11
                ? new Inode.BlockDevice(attributes, major, minor)
                : new Inode.CharacterDevice(attributes, major, minor);
    }

    private static Inode endpoint(MetadataCursor in, Head head, int type) {
        long links = in.u32();
        Inode.Attributes attributes = head.with(links, type > 7 ? in.u32() : Inode.Attributes.NO_XATTRS);
        return type == 6 || type == 13 ? new Inode.Pipe(attributes) : new Inode.Socket(attributes);
    }

    private long[] readOwners() {
        long[] all = new long[superblock.ids()];
        MetadataCursor in = null;
        for (int i = 0; i < all.length; i++) {
            if (in == null || i % IDS_PER_BLOCK == 0) {
                in = indexed(superblock.idTable(), i / IDS_PER_BLOCK, 0);
            }
            all[i] = in.u32();
        }
        return all;
    }

    private long owner(int index) {
        if (index >= owners.length) {
            throw blocks.damaged("owner number %d does not exist".formatted(index));
        }
        return owners[index];
    }

    /** A place in a table that has an index of the positions of its metadata blocks. */
    private MetadataCursor indexed(long index, long block, int offset) {
        long position = blocks.raw(index + block * Long.BYTES, Long.BYTES).getLong();
        return new MetadataCursor(blocks, position, offset, blocks.size());
    }

    /**
     * The entries of a directory, in the order of the image (byte order of the names).
     *
     * @throws ImageException if there are more than a million
     */
    public List<DirectoryEntry> list(Inode.Directory directory) {
        List<DirectoryEntry> entries = new ArrayList<>();
        search(directory, entry -> {
            entries.add(entry);
            return false;
        });
        return entries;
    }

    private Optional<DirectoryEntry> search(Inode.Directory directory, Predicate<DirectoryEntry> wanted) {
        long left = directory.listingSize();
        if (left == 0) {
            return Optional.empty();
        }
        MetadataCursor in = new MetadataCursor(
                blocks,
                superblock.directoryTable() + directory.listingBlock(),
                directory.listingOffset(),
                blocks.size());
        long seen = 0;
        while (left > 0) {
            long count = in.u32() + 1;
            long inodeBlock = in.u32();
            in.u32();
            left -= 12;
            if (count > 256) {
                throw blocks.damaged("a directory header counts %d entries".formatted(count));
            }
            seen += count;
            if (seen > MAX_ENTRIES) {
                throw new ImageException(
                        "%s: a directory has more than %d entries, they are not read".formatted(name, MAX_ENTRIES));
            }
            for (; count > 0; count--) {
                int offset = in.u16();
                in.u16();
                in.u16();
                int length = in.u16() + 1;
                if (length > MAX_NAME) {
                    throw blocks.damaged("a name has %d bytes".formatted(length));
                }
                byte[] entryName = checkedName(in.bytes(length));
                left -= 8 + length;
                if (left < 0) {
                    throw blocks.damaged("a directory is longer than its inode says");
                }
                DirectoryEntry entry = new DirectoryEntry(entryName, inodeBlock << 16 | offset);
                if (wanted.test(entry)) {
                    return Optional.of(entry);
                }
            }
        }
        return Optional.empty();
    }

    private byte[] checkedName(byte[] entryName) {
        for (byte b : entryName) {
            if (b == '/' || b == 0) {
                throw blocks.damaged("a name holds a slash or a NUL");
            }
        }
        if (entryName[0] == '.' && (entryName.length == 1 || entryName.length == 2 && entryName[1] == '.')) {
            throw blocks.damaged("a directory has an entry . or ..");
        }
        return entryName;
    }

    /**
     * The file at a path; symbolic links are resolved inside the image, {@code ..} of the root is the root.
     *
     * @return empty if there is none, a parent is no directory, or links lead round in a circle
     */
    public Optional<Inode> find(String path, Links links) {
        Deque<String> todo = new ArrayDeque<>(components(path));
        Deque<Inode.Directory> parents = new ArrayDeque<>();
        Inode current = root();
        int followed = 0;
        while (!todo.isEmpty()) {
            String component = todo.removeFirst();
            if (!(current instanceof Inode.Directory directory)) {
                return Optional.empty();
            }
            if (component.equals("..")) {
                current = parents.isEmpty() ? directory : parents.removeLast();
                continue;
            }
            Optional<Inode> child = child(directory, component);
            if (child.isEmpty()) {
                return Optional.empty();
            }
            if (child.get() instanceof Inode.SymbolicLink link && (!todo.isEmpty() || links == Links.FOLLOW)) {
                if (++followed > MAX_LINKS) {
                    return Optional.empty();
                }
                List<String> target = components(link.target());
                target.reversed().forEach(todo::addFirst);
                if (link.target().startsWith("/")) {
                    parents.clear();
                    current = root();
                }
            } else {
                parents.addLast(directory);
                current = child.get();
            }
        }
        return Optional.of(current);
    }

    private static List<String> components(String path) {
        return Arrays.stream(path.split("/"))
                .filter(part -> !part.isEmpty() && !part.equals("."))
                .toList();
    }

    private Optional<Inode> child(Inode.Directory directory, String childName) {
        byte[] wanted = childName.getBytes(StandardCharsets.UTF_8);
        return search(directory, entry -> Arrays.equals(entry.rawName(), wanted))
                .map(entry -> inode(entry.inodeReference()));
    }

    /** The bytes of a file, decompressed as they are read; {@link IOException} never, {@link ImageException} for damage. */
    public InputStream open(Inode.RegularFile file) {
        return new FileStream(this, file);
    }

    /**
     * All bytes of a file.
     *
     * @throws ImageException if it has more than {@code limit} bytes
     */
    public byte[] read(Inode.RegularFile file, long limit) {
        if (file.size() > Math.min(limit, Integer.MAX_VALUE - 8)) {
            throw new ImageException(
                    "%s: a file in it has %d bytes, at most %d are read".formatted(name, file.size(), limit));
        }
        byte[] bytes = new byte[(int) file.size()];
        Pieces pieces = pieces(file);
        byte[] block = new byte[superblock.blockSize()];
        while (pieces.hasNext()) {
            Piece piece = pieces.next();
            if (!piece.isHole()) {
                read(file, piece, block);
                System.arraycopy(block, 0, bytes, (int) piece.fileOffset(), piece.length());
            }
        }
        return bytes;
    }

    /**
     * A stretch of a file: a data block, a hole, or the part of a fragment at its end.
     *
     * @param length bytes, at most a block
     * @param position of the data block
     * @param sizeWord of the data block, 0 for a hole, −1 for a fragment
     */
    record Piece(long fileOffset, int length, long position, int sizeWord) {
        boolean isHole() {
            return sizeWord == 0;
        }

        boolean isFragment() {
            return sizeWord == -1;
        }
    }

    /** The stretches of a file in order. */
    final class Pieces {
        private final Inode.RegularFile file;
        private final MetadataCursor sizes;
        private long left;
        private long done;
        private long position;

        private Pieces(Inode.RegularFile file) {
            this.file = file;
            this.left = blockCount(file);
            this.position = file.start();
            this.sizes = new MetadataCursor(blocks, file.sizesBlock(), file.sizesOffset(), superblock.directoryTable());
        }

        boolean hasNext() {
            return done < file.size();
        }

        Piece next() {
            int length = (int) Math.min(superblock.blockSize(), file.size() - done);
            Piece piece;
            if (left > 0) {
                left--;
                int word = sizes.i32();
                if (word < 0) {
                    throw blocks.damaged("a data block has the size word %#x".formatted(word));
                }
                piece = new Piece(done, length, position, word);
                position += BlockReader.storedSize(word);
            } else {
                piece = new Piece(done, length, 0, -1);
            }
            done += length;
            return piece;
        }
    }

    Pieces pieces(Inode.RegularFile file) {
        return new Pieces(file);
    }

    /** Reads a stretch that is no hole into the start of {@code block}, which has room for a whole block. */
    void read(Inode.RegularFile file, Piece piece, byte[] block) {
        if (piece.isFragment()) {
            byte[] fragment = fragment(file.fragment());
            if (file.fragmentOffset() > fragment.length - piece.length()) {
                throw blocks.damaged("a file's end lies outside fragment %d".formatted(file.fragment()));
            }
            System.arraycopy(fragment, (int) file.fragmentOffset(), block, 0, piece.length());
        } else if (blocks.data(piece.position(), piece.sizeWord(), block, superblock.blockSize()) != piece.length()) {
            throw blocks.damaged("the data block at %d has a wrong length".formatted(piece.position()));
        }
    }

    private byte[] fragment(long number) {
        synchronized (fragments) {
            byte[] cached = fragments.get(number);
            if (cached != null) {
                return cached;
            }
        }
        MetadataCursor entry = indexed(
                superblock.fragmentTable(),
                number / ENTRIES_PER_FRAGMENT_BLOCK,
                (int) (number % ENTRIES_PER_FRAGMENT_BLOCK) * 16);
        long position = entry.i64();
        int sizeWord = entry.i32();
        byte[] block = new byte[superblock.blockSize()];
        int length = blocks.data(position, sizeWord, block, block.length);
        byte[] bytes = length == block.length ? block : Arrays.copyOf(block, length);
        synchronized (fragments) {
            fragments.put(number, bytes);
        }
        return bytes;
    }

    /**
     * The extended attributes of a file by their full names, in the image's order.
     *
     * @throws ImageException also if they exceed the kernel's limits
     */
    public Map<String, byte[]> xattrs(Inode inode) {
        long index = inode.attributes().xattrIndex();
        if (index == Inode.Attributes.NO_XATTRS || superblock.xattrTable() == Superblock.NO_TABLE) {
            return Map.of();
        }
        ByteBuffer header = blocks.raw(superblock.xattrTable(), 16);
        long start = header.getLong();
        if (start < 0 || start > blocks.size() || index >= Integer.toUnsignedLong(header.getInt())) {
            throw blocks.damaged("the extended attributes number %d do not exist".formatted(index));
        }
        MetadataCursor set = indexed(
                superblock.xattrTable() + 16, index / SETS_PER_XATTR_BLOCK, (int) (index % SETS_PER_XATTR_BLOCK) * 16);
        long reference = set.i64();
        long count = set.u32();
        MetadataCursor in = xattrCursor(start, reference);
        Map<String, byte[]> xattrs = new LinkedHashMap<>();
        long total = 0;
        for (long i = 0; i < count; i++) {
            int type = in.u16();
            int prefix = type & 0xff;
            if (prefix >= XATTR_PREFIXES.size()) {
                throw blocks.damaged("the extended attribute type %d is not known".formatted(type));
            }
            String key = XATTR_PREFIXES.get(prefix) + new String(in.bytes(in.u16()), StandardCharsets.UTF_8);
            byte[] value = value(in, (type & XATTR_ELSEWHERE) != 0, start);
            total += key.length() + value.length;
            if (total > MAX_XATTRS_SIZE) {
                throw blocks.damaged("a file has more than %d bytes of extended attributes".formatted(MAX_XATTRS_SIZE));
            }
            xattrs.put(key, value);
        }
        return xattrs;
    }

    /** A value, or one that another file has too and that is kept where that one is. */
    private byte[] value(MetadataCursor in, boolean elsewhere, long start) {
        long size = in.u32();
        if (elsewhere) {
            if (size != Long.BYTES) {
                throw blocks.damaged("a reference to an extended attribute has %d bytes".formatted(size));
            }
            return value(xattrCursor(start, in.i64()), false, start);
        }
        if (size > MAX_XATTR_VALUE) {
            throw blocks.damaged("an extended attribute has %d bytes".formatted(size));
        }
        return in.bytes((int) size);
    }

    private MetadataCursor xattrCursor(long start, long reference) {
        return new MetadataCursor(blocks, start + (reference >>> 16), (int) (reference & 0xffff), blocks.size());
    }

    /** What an image takes when it is unpacked. */
    public record Extent(long bytes, long files) {}

    /** Adds up all files, in blocks of 4 KiB and without their holes, from the inode table alone. */
    public Extent unpackedExtent() {
        long bytes = 0;
        long files = 0;
        MetadataCursor in = new MetadataCursor(blocks, superblock.inodeTable(), 0, superblock.directoryTable());
        for (; files < superblock.inodes() && !in.atEnd(); files++) {
            switch (readInode(in)) {
                case Inode.RegularFile file -> {
                    in.skip(blockCount(file) * Integer.BYTES);
                    bytes += Math.ceilDiv(Math.max(0, file.size() - Math.max(0, file.sparse())), 4096L) * 4096;
                }
                case Inode.Directory directory -> bytes += 4096;
                case Inode.SymbolicLink link -> {}
                case Inode.BlockDevice device -> {}
                case Inode.CharacterDevice device -> {}
                case Inode.Pipe pipe -> {}
                case Inode.Socket socket -> {}
            }
        }
        return new Extent(bytes, files);
    }

    @Override
    public void close() {
        try {
            blocks.close();
        } catch (IOException e) {
            throw new ImageException("%s: cannot be closed: %s".formatted(name, e.getMessage()), e);
        }
    }
}
