package org.berth.squashfs;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.zip.DataFormatException;
import org.berth.error.ImageException;

/**
 * Reads blocks of the squashfs that begins at {@code offset} of a file, plain and bounds-checked, and keeps the metadata
 * blocks that were used last. For any number of threads.
 */
final class BlockReader implements Closeable {
    /** At most this many bytes come out of a metadata block. */
    static final int METADATA_SIZE = 8192;

    /* 4 MiB: the inodes and directories of some 20 000 files. */
    private static final int CACHED_BLOCKS = 512;
    private static final int STORED_METADATA = 0x8000;
    private static final int STORED_DATA = 1 << 24;

    /** A metadata block, plain, and the position of the one after it. */
    record Metadata(byte[] bytes, long next) {}

    private final String name;
    private final FileChannel channel;
    private final long offset;
    private final long size;
    private final CompressionType compression;
    private final ConcurrentLinkedQueue<Decompressor> idle = new ConcurrentLinkedQueue<>();
    private final Map<Long, Metadata> cache = new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Metadata> eldest) {
            return size() > CACHED_BLOCKS;
        }
    };

    /**
     * A reader of a channel, which it closes.
     *
     * @param size positions from here on are refused
     */
    BlockReader(String name, FileChannel channel, long offset, long size, CompressionType compression) {
        this.name = name;
        this.channel = channel;
        this.offset = offset;
        this.size = size;
        this.compression = compression;
        idle.add(Decompressor.of(compression, name));
    }

    ImageException damaged(String what) {
        return new ImageException("%s: damaged squashfs: %s".formatted(name, what));
    }

    long size() {
        return size;
    }

    /** Little-endian bytes as they are in the file. */
    ByteBuffer raw(long position, int length) {
        byte[] bytes = new byte[length];
        raw(position, bytes, length);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void raw(long position, byte[] out, int length) {
        if (position < Superblock.SIZE || position > size - length) {
            throw damaged("%d bytes at position %d lie outside of it".formatted(length, position));
        }
        ByteBuffer buffer = ByteBuffer.wrap(out, 0, length);
        try {
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, offset + position + buffer.position()) < 0) {
                    throw new ImageException("%s: became shorter while it was read".formatted(name));
                }
            }
        } catch (IOException e) {
            throw new ImageException("%s: cannot be read: %s".formatted(name, e.getMessage()), e);
        }
    }

    /** The metadata block at a position. */
    Metadata metadata(long position) {
        synchronized (cache) {
            Metadata cached = cache.get(position);
            if (cached != null) {
                return cached;
            }
        }
        int header = Short.toUnsignedInt(raw(position, 2).getShort());
        int stored = header & ~STORED_METADATA;
        if (stored == 0 || stored > METADATA_SIZE) {
            throw damaged("the metadata block at %d has %d bytes".formatted(position, stored));
        }
        byte[] bytes = new byte[stored];
        raw(position + 2, bytes, stored);
        if ((header & STORED_METADATA) == 0) {
            byte[] plain = new byte[METADATA_SIZE];
            int length = decompress(bytes, stored, plain, METADATA_SIZE, position);
            bytes = length == METADATA_SIZE ? plain : Arrays.copyOf(plain, length);
        }
        Metadata block = new Metadata(bytes, position + 2 + stored);
        synchronized (cache) {
            cache.put(position, block);
        }
        return block;
    }

    /** How many bytes a data block takes in the file. */
    static int storedSize(int sizeWord) {
        return sizeWord & (STORED_DATA - 1);
    }

    /**
     * Reads a data or fragment block.
     *
     * @param sizeWord as in the file: stored length, and a bit that says "not compressed"
     * @param out at least {@code limit} bytes
     * @return how many bytes the block has
     */
    int data(long position, int sizeWord, byte[] out, int limit) {
        int stored = storedSize(sizeWord);
        if (sizeWord >>> 25 != 0 || stored == 0 || stored > limit) {
            throw damaged("the data block at %d has the size word %#x".formatted(position, sizeWord));
        }
        if ((sizeWord & STORED_DATA) != 0) {
            raw(position, out, stored);
            return stored;
        }
        byte[] compressed = new byte[stored];
        raw(position, compressed, stored);
        return decompress(compressed, stored, out, limit, position);
    }

    private int decompress(byte[] in, int inLength, byte[] out, int outLimit, long position) {
        Decompressor decompressor = idle.poll();
        if (decompressor == null) {
            decompressor = Decompressor.of(compression, name);
        }
        try {
            int length = decompressor.decompress(in, inLength, out, outLimit);
            if (length == 0) {
                throw damaged("the block at %d is empty".formatted(position));
            }
            return length;
        } catch (DataFormatException e) {
            throw damaged("the block at %d cannot be decompressed: %s".formatted(position, e.getMessage()));
        } finally {
            idle.add(decompressor);
        }
    }

    @Override
    public void close() throws IOException {
        for (Decompressor decompressor = idle.poll(); decompressor != null; decompressor = idle.poll()) {
            decompressor.close();
        }
        channel.close();
    }
}
