package org.berth.squashfs;

import java.nio.ByteBuffer;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the small file that has the same content as another.
 *
 * <p>By 128 bits of SHA-256, since the earlier bytes may be compressed already; open addressing, because an image has
 * hundreds of thousands of small files.
 */
final class ContentIndex {
    private final MessageDigest sha256;
    private final byte[] hash = new byte[32];
    private final List<FileData> files = new ArrayList<>();

    /** Two words of hash for each file, in the order of {@code files}. */
    private long[] hashes = new long[256];

    /** Index + 1 into {@code files}; 0 is free. */
    private int[] table = new int[256];

    ContentIndex() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256 is part of every JDK", e);
        }
    }

    /** The file of this content if there is one already, else null, and {@link #add} may follow. */
    @Nullable
    FileData find(byte[] bytes, int from, int length) {
        try {
            sha256.update(bytes, from, length);
            sha256.digest(hash, 0, hash.length);
        } catch (DigestException e) {
            throw new IllegalStateException("the buffer takes a whole hash", e);
        }
        ByteBuffer words = ByteBuffer.wrap(hash);
        long one = words.getLong();
        long two = words.getLong();
        int slot = slot(one, two);
        return table[slot] == 0 ? null : files.get(table[slot] - 1);
    }

    /** Keeps the file that {@link #find} was just asked for in vain. */
    void add(FileData file) {
        if (files.size() * 2 >= table.length) {
            grow();
        }
        ByteBuffer words = ByteBuffer.wrap(hash);
        long one = words.getLong();
        long two = words.getLong();
        int slot = slot(one, two);
        hashes[files.size() * 2] = one;
        hashes[files.size() * 2 + 1] = two;
        files.add(file);
        table[slot] = files.size();
    }

    private int slot(long one, long two) {
        int mask = table.length - 1;
        int slot = (int) one & mask;
        while (table[slot] != 0) {
            int file = table[slot] - 1;
            if (hashes[file * 2] == one && hashes[file * 2 + 1] == two) {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    private void grow() {
        hashes = Arrays.copyOf(hashes, table.length * 2);
        table = new int[table.length * 2];
        for (int file = 0; file < files.size(); file++) {
            table[slot(hashes[file * 2], hashes[file * 2 + 1])] = file + 1;
        }
    }
}
