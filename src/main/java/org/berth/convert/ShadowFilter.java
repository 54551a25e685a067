package org.berth.convert;

import java.security.SecureRandom;
import java.util.Arrays;

/**
 * Guesses, while layers are read from the top, whether a higher layer hides the file that comes next.
 *
 * <p>Only a guess: symbolic links on the way are not followed, and paths are known by a 64-bit hash. A file that is taken
 * for visible costs some bytes of the image, one that is taken for hidden but is not is fetched in a second pass.
 */
final class ShadowFilter {
    /** Something other than a directory: hides the path and all below it. */
    private static final byte LEAF = 1;

    private static final byte DIRECTORY = 2;

    /** Hides the path and all below it. */
    private static final byte WHITEOUT = 4;

    /** Hides all below the path. */
    private static final byte OPAQUE = 8;

    private final long seed = new SecureRandom().nextLong();

    private long[] keys = new long[1024];
    private byte[] marks = new byte[1024];
    private int size;

    /** The marks of the layer that is being read; they hide lower layers only. */
    private long[] pendingKeys = new long[256];

    private byte[] pendingMarks = new byte[256];
    private int pending;
    private boolean lowest;

    /** The directory part of the last question and its answer. */
    private byte[] directory = {};

    private long directoryHash = start();
    private boolean directoryHidden;

    /** Whether something at this path would be hidden if it is no directory. */
    boolean hides(byte[] path) {
        int base = EntryPath.baseStart(path);
        if (base != directory.length || Arrays.mismatch(directory, 0, base, path, 0, base) >= 0) {
            enter(path, base);
        }
        return directoryHidden || mark(finish(hash(directoryHash, path, base, path.length))) != 0;
    }

    void addLeaf(byte[] path) {
        add(path, LEAF);
    }

    void addDirectory(byte[] path) {
        add(path, DIRECTORY);
    }

    void addWhiteout(byte[] path) {
        add(path, WHITEOUT);
    }

    void addOpaque(byte[] path) {
        add(path, OPAQUE);
    }

    /** Nothing lies below the layer that comes now: what it would hide need not be kept. */
    void lowestLayer() {
        lowest = true;
    }

    /** The next layer is a lower one. */
    void endLayer() {
        for (int i = 0; i < pending; i++) {
            merge(pendingKeys[i], pendingMarks[i]);
        }
        pending = 0;
        directory = new byte[0];
        directoryHash = start();
        directoryHidden = (mark(finish(directoryHash)) & OPAQUE) != 0;
    }

    /** Answers for all directories above, the path's own with its slash included. */
    private void enter(byte[] path, int base) {
        directory = Arrays.copyOf(path, base);
        long hash = start();
        boolean hidden = (mark(finish(hash)) & OPAQUE) != 0;
        int from = 0;
        for (int i = 0; i < base && !hidden; i++) {
            if (path[i] == '/') {
                long here = hash(hash, path, from, i);
                hidden = (mark(finish(here)) & (LEAF | WHITEOUT | OPAQUE)) != 0;
                hash = hash(hash, path, from, i + 1);
                from = i + 1;
            }
        }
        directoryHidden = hidden;
        directoryHash = hash;
    }

    private void add(byte[] path, byte mark) {
        if (lowest) {
            return;
        }
        if (pending == pendingKeys.length) {
            pendingKeys = Arrays.copyOf(pendingKeys, pending * 2);
            pendingMarks = Arrays.copyOf(pendingMarks, pending * 2);
        }
        pendingKeys[pending] = finish(hash(start(), path, 0, path.length));
        pendingMarks[pending++] = mark;
    }

    private int mark(long key) {
        int mask = keys.length - 1;
        for (int i = (int) key & mask; marks[i] != 0; i = (i + 1) & mask) {
            if (keys[i] == key) {
                return marks[i];
            }
        }
        return 0;
    }

    private void merge(long key, byte mark) {
        if (size * 2 >= keys.length) {
            grow();
        }
        int mask = keys.length - 1;
        int i = (int) key & mask;
        while (marks[i] != 0 && keys[i] != key) {
            i = (i + 1) & mask;
        }
        if (marks[i] == 0) {
            size++;
        }
        keys[i] = key;
        marks[i] |= mark;
    }

    private void grow() {
        long[] oldKeys = keys;
        byte[] oldMarks = marks;
        keys = new long[oldKeys.length * 2];
        marks = new byte[keys.length];
        size = 0;
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldMarks[i] != 0) {
                merge(oldKeys[i], oldMarks[i]);
            }
        }
    }

    private long start() {
        return seed;
    }

    private static long hash(long start, byte[] bytes, int from, int to) {
        long hash = start;
        for (int i = from; i < to; i++) {
            hash = (hash ^ bytes[i]) * 0x9E3779B97F4A7C15L;
            hash ^= hash >>> 32;
        }
        return hash;
    }

    private static long finish(long hash) {
        long mixed = (hash ^ hash >>> 29) * 0xBF58476D1CE4E5B9L;
        return mixed ^ mixed >>> 32;
    }
}
