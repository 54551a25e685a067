package org.berth.squashfs;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.time.Instant;
import java.util.List;
import org.berth.error.ImageException;
import org.berth.squashfs.XattrSets.Set;

/**
 * Writes one squashfs 4.0 image: first the content of the files, one after the other, then the tree.
 *
 * <p>The bytes follow from the calls alone, whatever the number of threads. One thread calls; {@link #close} ends the
 * helpers in any case. A file that fails half way is the caller's to delete.
 */
public final class SquashfsWriter implements AutoCloseable {
    private final BlockCodec codec;
    private final ImageOutput output;
    private final DataWriter data;
    private final XattrSets xattrs = new XattrSets();

    /**
     * @param channel open for reading (content is compared with what is written already) and writing
     * @param offset where the image starts, a multiple of 4096
     * @param processors that may compress; fewer threads do where the heap is small
     */
    public SquashfsWriter(FileChannel channel, long offset, BlockCodec codec, int processors) {
        if (offset % SquashfsFormat.PADDING != 0) {
            throw new IllegalArgumentException("offset %d is not a multiple of 4096".formatted(offset));
        }
        this.codec = codec;
        output = new ImageOutput(channel, offset);
        data = new DataWriter(
                output, codec, Workers.of(processors, Runtime.getRuntime().maxMemory()));
    }

    /**
     * What was written.
     *
     * @param bytes length of the image with its padding
     * @param duplicates files whose content was there already
     */
    public record Summary(long bytes, int inodes, long duplicates) {}

    /** The extended attributes that nodes of this image refer to. */
    public XattrSets xattrs() {
        return xattrs;
    }

    /** Starts a file; exactly {@code size} bytes must follow. */
    public void beginFile(long size) throws IOException {
        data.begin(size);
    }

    public void write(byte[] bytes, int from, int length) throws IOException {
        data.write(bytes, from, length);
    }

    /** Appends that many zeros. */
    public void writeHole(long length) throws IOException {
        data.hole(length);
    }

    /** Ends the file that was begun. */
    public FileData endFile() throws IOException {
        return data.end();
    }

    /** Throws what has gone wrong in a helper thread, if anything has. */
    public void check() throws IOException {
        data.check();
    }

    /**
     * Writes the tree and the superblock, the last so that an unfinished image is none.
     *
     * @param root all of its files filled
     * @param time the superblock's time
     * @throws ImageException if the tree has more owners and groups than the format can hold
     */
    public Summary finish(Node.Directory root, Instant time) throws IOException {
        data.finish();
        try (BlockCodec.Compressor compressor = codec.compressors().get()) {
            long inodeTable = output.position();
            var inodes = new MetadataWriter(codec, compressor, (bytes, length) -> output.append(bytes, 0, length));
            var listings = new ByteArrayOutputStream();
            var directories =
                    new MetadataWriter(codec, compressor, (bytes, length) -> listings.write(bytes, 0, length));
            var tree = new TreeWriter(inodes, directories);
            long rootReference = tree.write(root);
            inodes.finish();
            if (tree.ids().size() > SquashfsFormat.IDS_MAX) {
                throw new ImageException("the image has %d different owners and groups, squashfs holds %d"
                        .formatted(tree.ids().size(), SquashfsFormat.IDS_MAX));
            }
            directories.finish();
            long directoryTable = output.position();
            output.append(listings.toByteArray(), 0, listings.size());
            long fragmentTable = data.fragments() == 0 ? -1 : table(compressor, fragments());
            long idTable = table(compressor, ids(tree.ids()));
            long xattrTable = tree.xattrSets().isEmpty() ? -1 : xattrTable(compressor, tree.xattrSets());
            long used = output.position();
            long bytes = output.pad();
            ByteBuffer superblock = little(SquashfsFormat.SUPERBLOCK_BYTES)
                    .putInt(SquashfsFormat.MAGIC)
                    .putInt(tree.inodeCount())
                    .putInt((int) Math.clamp(time.getEpochSecond(), 0, 0xffffffffL))
                    .putInt(SquashfsFormat.BLOCK)
                    .putInt(data.fragments())
                    .putShort((short) codec.id())
                    .putShort((short) SquashfsFormat.BLOCK_LOG)
                    .putShort((short)
                            (SquashfsFormat.FLAG_DUPLICATES | (xattrTable < 0 ? SquashfsFormat.FLAG_NO_XATTRS : 0)))
                    .putShort((short) tree.ids().size())
                    .putShort((short) 4)
                    .putShort((short) 0)
                    .putLong(rootReference)
                    .putLong(used)
                    .putLong(idTable)
                    .putLong(xattrTable)
                    .putLong(inodeTable)
                    .putLong(directoryTable)
                    .putLong(fragmentTable)
                    .putLong(-1);
            output.superblock(superblock.flip());
            return new Summary(bytes, tree.inodeCount(), data.duplicates());
        }
    }

    @Override
    public void close() {
        data.cancel();
    }

    private byte[] fragments() {
        ByteBuffer entries = little(data.fragments() * 16);
        for (int i = 0; i < data.fragments(); i++) {
            entries.putLong(data.fragmentStart(i)).putInt(data.fragmentWord(i)).putInt(0);
        }
        return entries.array();
    }

    private static byte[] ids(List<Integer> ids) {
        ByteBuffer entries = little(ids.size() * 4);
        ids.forEach(entries::putInt);
        return entries.array();
    }

    /** Names and values, then an entry for each set, then the index; the position of the index. */
    private long xattrTable(BlockCodec.Compressor compressor, List<Integer> sets) throws IOException {
        long start = output.position();
        var pairs = new MetadataWriter(codec, compressor, (bytes, length) -> output.append(bytes, 0, length));
        ByteBuffer entries = little(sets.size() * 16);
        for (int number : sets) {
            Set set = xattrs.set(number);
            entries.putLong(pairs.reference()).putInt(set.count()).putInt(set.pairs().length);
            pairs.write(set.pairs(), 0, set.pairs().length);
        }
        pairs.finish();
        ByteBuffer header = little(16).putLong(start).putInt(sets.size()).putInt(0);
        return table(compressor, entries.array(), header.array());
    }

    /** Writes a table in metadata blocks, then its index after {@code header}; the position of that. */
    private long table(BlockCodec.Compressor compressor, byte[] content, byte... header) throws IOException {
        int count = (content.length + SquashfsFormat.METADATA - 1) / SquashfsFormat.METADATA;
        ByteBuffer index = little(header.length + count * 8).put(header);
        var blocks = new MetadataWriter(codec, compressor, (bytes, length) -> {
            index.putLong(output.position());
            output.append(bytes, 0, length);
        });
        blocks.write(content, 0, content.length);
        blocks.finish();
        long position = output.position();
        output.append(index.array(), 0, index.capacity());
        return position;
    }

    private static ByteBuffer little(int capacity) {
        return ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN);
    }
}
