package org.berth.squashfs;

/**
 * How many threads work on an image, and how many data blocks they may have under way.
 *
 * <p>The processors are those that a control group leaves (the JVM counts {@code cpu.max}, {@code cpuset} and the
 * affinity); the heap is what the launcher gave. On a large node it is the heap that bounds.
 *
 * @param compressors threads, at least 1
 * @param blocks buffers of a whole block before and after compression
 */
record Workers(int compressors, int blocks) {
    /** What one reading thread feeds even where compressing is slowest; each more would only hold memory. */
    private static final int MOST = 16;

    private static final int BLOCKS_BASE = 64;
    private static final int BLOCKS_PER_THREAD = 16;

    /** The caller holds two blocks, a thread needs one to work on and one to go on with. */
    private static final int BLOCKS_LEAST = 8;

    /** The part of the heap that blocks may fill: the tree of an image with a million paths fills half of it. */
    private static final int SHARE = 4;

    /** @param heap bytes that the JVM may use at most */
    static Workers of(int processors, long heap) {
        int wanted = Math.clamp(processors, 1, MOST);
        long fitting = heap / SHARE / (2 * SquashfsFormat.BLOCK);
        int blocks = (int) Math.clamp(fitting, BLOCKS_LEAST, BLOCKS_BASE + BLOCKS_PER_THREAD * wanted);
        return new Workers(Math.min(wanted, blocks / 4), blocks);
    }

    /** Threads that unpack; each holds a block of the image on the heap and another beside it. */
    static int unpackers(int processors, long heap, int blockSize) {
        long fitting = heap / SHARE / blockSize;
        return (int) Math.clamp(fitting, 1, Math.clamp(processors, 1, MOST));
    }
}
