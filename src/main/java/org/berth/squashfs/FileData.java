package org.berth.squashfs;

/**
 * Where the content of a file lies in the image; files of equal content share one.
 *
 * <p>A file below one block lies in a fragment, a larger one in blocks of its own. The place of the blocks is set by the
 * writing thread and may be read once {@link DataWriter#finish} has returned.
 */
public final class FileData {
    private static final int[] NO_BLOCKS = {};

    /** The content of every empty file. */
    public static final FileData EMPTY = new FileData(0);

    private final long size;
    private int fragment = SquashfsFormat.NONE;
    private int fragmentOffset;
    private long start;
    private int[] blocks = NO_BLOCKS;
    private long holeBytes;

    FileData(long size) {
        this.size = size;
    }

    FileData(int size, int fragment, int fragmentOffset) {
        this.size = size;
        this.fragment = fragment;
        this.fragmentOffset = fragmentOffset;
    }

    void place(long newStart, int[] sizeWords) {
        start = newStart;
        blocks = sizeWords;
        for (int i = 0; i < sizeWords.length; i++) {
            if (sizeWords[i] == 0) {
                holeBytes += Math.min(SquashfsFormat.BLOCK, size - ((long) i << SquashfsFormat.BLOCK_LOG));
            }
        }
    }

    /** Bytes of the file. */
    public long size() {
        return size;
    }

    int fragment() {
        return fragment;
    }

    int fragmentOffset() {
        return fragmentOffset;
    }

    /** Where the first block lies, from the start of the image. */
    long start() {
        return start;
    }

    /** A size word for each block; 0 is a hole. */
    int[] blocks() {
        return blocks;
    }

    /** Bytes of the file that lie in holes. */
    long holeBytes() {
        return holeBytes;
    }
}
