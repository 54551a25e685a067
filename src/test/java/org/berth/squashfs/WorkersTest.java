package org.berth.squashfs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class WorkersTest {
    private static final long MB = 1 << 20;

    @Test
    void twoProcessorsUseTwoThreads() {
        assertEquals(new Workers(2, 96), Workers.of(2, 256 * MB));
        assertEquals(new Workers(1, 80), Workers.of(1, 256 * MB));
    }

    @Test
    void aLargeNodeIsBoundedByTheHeapAndASmallHeapByWhatAThreadNeeds() {
        assertEquals(new Workers(16, 256), Workers.of(128, 256 * MB));
        assertEquals(new Workers(16, 85), Workers.of(128, 85 * MB));
        assertEquals(new Workers(8, 32), Workers.of(128, 32 * MB));
        assertEquals(new Workers(2, 8), Workers.of(128, 1 * MB));
        assertEquals(new Workers(1, 8), Workers.of(1, 1 * MB));
    }

    @Test
    void blocksNeverFillMoreThanAQuarterOfAHeap() {
        for (int processors : List.of(1, 2, 4, 16, 64, 256)) {
            for (long heap : List.of(32 * MB, 64 * MB, 96 * MB, 256 * MB, 1024 * MB)) {
                Workers workers = Workers.of(processors, heap);
                assertTrue(workers.blocks() * 2L * SquashfsFormat.BLOCK <= heap / 4, workers.toString());
                assertTrue(workers.compressors() >= 1 && workers.compressors() <= processors, workers.toString());
                assertTrue(workers.blocks() >= 4 * workers.compressors(), workers.toString());
            }
        }
    }

    @Test
    void imagesOfLargeBlocksAreUnpackedByFewerThreads() {
        assertEquals(2, Workers.unpackers(2, 96 * MB, 128 << 10));
        assertEquals(16, Workers.unpackers(64, 96 * MB, 1 << 20));
        assertEquals(8, Workers.unpackers(64, 32 * MB, 1 << 20));
        assertEquals(1, Workers.unpackers(64, 2 * MB, 1 << 20));
    }
}
