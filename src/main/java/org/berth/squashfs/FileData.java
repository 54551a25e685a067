package org.berth.squashfs;

/**
 * Where the content of a file lies in the image; files of equal content share one.
 *
 * <p>A file below one block lies in a fragment, a larger one in blocks of its own. Bare on purpose: an image has up to
 * millions of small ones.
 */
public abstract sealed class FileData {
    private static final int[] NO_BLOCKS = {};

    /** The content of every empty file. */
    public static final FileData EMPTY = new Small(0, SquashfsFormat.NONE, 0);

    private FileData() {}

    /** Bytes of the file. */
    public abstract long size();

    int fragment() {
        return SquashfsFormat.NONE;
    }

    int fragmentOffset() {
        return 0;
    }

    /** Where the first block lies, from the start of the image. */
    long start() {
        return 0;
    }

    /** A size word for each block; 0 is a hole. */
    int[] blocks() {
        return NO_BLOCKS;
    }

    /** Bytes of the file that lie in holes. */
    long holeBytes() {
        return 0;
    }

    /** In a fragment. */
    static final class Small extends FileData {
        private final int size;
        private final int fragment;
        private final int fragmentOffset;

        Small(int size, int fragment, int fragmentOffset) {
            this.size = size;
            this.fragment = fragment;
            this.fragmentOffset = fragmentOffset;
        }

        @Override
        public long size() {
            return size;
        }

        @Override
        int fragment() {
            return fragment;
        }

        @Override
        int fragmentOffset() {
            return fragmentOffset;
        }
    }

    /** In blocks: their place is set by the writing thread and may be read once {@link DataWriter#finish} has returned. */
    static final class Large extends FileData {
        private final long size;
        private long start;
        private int[] blocks = NO_BLOCKS;
        private long holeBytes;

        Large(long size) {
            this.size = size;
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

        @Override
        public long size() {
            return size;
        }

        @Override
        long start() {
            return start;
        }

        @Override
        int[] blocks() {
            return blocks;
        }

        @Override
        long holeBytes() {
            return holeBytes;
        }
    }
}
