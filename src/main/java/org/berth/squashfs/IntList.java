package org.berth.squashfs;

import java.util.Arrays;

/** A growing array of ints. */
final class IntList {
    private int[] values = new int[16];
    private int size;

    void add(int value) {
        if (size == values.length) {
            values = Arrays.copyOf(values, size * 2);
        }
        values[size++] = value;
    }

    int get(int index) {
        return values[index];
    }

    int size() {
        return size;
    }

    /** The content; the list is empty afterwards. */
    int[] take() {
        int[] content = Arrays.copyOf(values, size);
        size = 0;
        return content;
    }
}
