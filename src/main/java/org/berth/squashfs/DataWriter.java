package org.berth.squashfs;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The content of the files: cut into blocks by the caller's thread, compressed by several, written in order by one.
 *
 * <pre>
 * caller ── block ──► work ──► compressors
 *    └───── block ──► order ─────────────► writer ──► file
 * </pre>
 *
 * <p>What lands where depends on the order of the calls only, never on the threads. Blocks in flight are bounded, so
 * the caller waits when the compressors are behind.
 */
final class DataWriter {
    private static final long POLL_MILLIS = 50;
    private static final byte[] ZEROS = new byte[SquashfsFormat.BLOCK];

    /** What the writer does next; the order of these makes the bytes of the image. */
    private sealed interface Step {
        /** Appends a block of the current file. */
        record Data(Block block) implements Step {}

        /** Appends that many blocks of zeros to the current file. */
        record Holes(long count) implements Step {}

        /** The current file is complete. */
        record End(FileData.Large file) implements Step {}

        /** Appends a fragment block. */
        record Fragment(Block block) implements Step {}

        /** Nothing follows. */
        record Stop() implements Step {}
    }

    /** A data block on its way, with buffers that are used again. */
    private static final class Block {
        final byte[] in = new byte[SquashfsFormat.BLOCK];
        final byte[] out;
        final Semaphore compressed = new Semaphore(0);
        int length;
        int outLength;
        boolean raw;
        int checksum;

        Block(int bound) {
            out = new byte[bound];
        }

        byte[] bytes() {
            return raw ? in : out;
        }

        int sizeWord() {
            return outLength | (raw ? SquashfsFormat.DATA_RAW : 0);
        }
    }

    private final BlockCodec codec;
    private final ImageOutput output;
    private final int maxBlocks;
    private final BlockingQueue<Block> free;
    private final BlockingQueue<Block> work;
    private final BlockingQueue<Step> order = new ArrayBlockingQueue<>(4096);
    private final List<Thread> threads = new ArrayList<>();
    private final Thread writer;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    // The caller's thread.
    private int blocks;
    private @Nullable Block fragment;
    private int fragmentFilled;
    private int fragments;
    private @Nullable Block current;
    private int currentFilled;
    private long holes;
    private long fileSize;
    private long fileDone;
    private final ContentIndex small = new ContentIndex();
    private long duplicates;

    // The writer's thread, until finish() has joined it.
    private final IntList fileWords = new IntList();
    private final CRC32 fileChecksum = new CRC32();
    private long fileStart = -1;
    private final Map<Long, FileData> large = new HashMap<>();
    private final IntList fragmentWords = new IntList();
    private long[] fragmentStarts = new long[16];
    private long largeDuplicates;

    DataWriter(ImageOutput output, BlockCodec codec, Workers workers) {
        this.output = output;
        this.codec = codec;
        maxBlocks = workers.blocks();
        free = new ArrayBlockingQueue<>(maxBlocks);
        work = new ArrayBlockingQueue<>(maxBlocks);
        for (int i = 0; i < workers.compressors(); i++) {
            threads.add(start("compress-" + i, this::compressBlocks));
        }
        writer = start("write", this::writeSteps);
        threads.add(writer);
    }

    /** Starts a file of that many bytes. */
    void begin(long size) throws IOException {
        fileSize = size;
        fileDone = 0;
        if (size > 0 && size < SquashfsFormat.BLOCK) {
            if (fragment != null && fragmentFilled + size > SquashfsFormat.BLOCK) {
                emitFragment();
            }
            if (fragment == null) {
                fragment = takeBlock();
            }
        }
    }

    /** Appends to the file. */
    void write(byte[] bytes, int from, int length) throws IOException {
        if (fileSize < SquashfsFormat.BLOCK) {
            if (fragment != null) {
                System.arraycopy(bytes, from, fragment.in, fragmentFilled + (int) fileDone, length);
            }
            fileDone += length;
            return;
        }
        int done = 0;
        while (done < length) {
            Block block = currentBlock();
            int step = Math.min(length - done, SquashfsFormat.BLOCK - currentFilled);
            System.arraycopy(bytes, from + done, block.in, currentFilled, step);
            done += step;
            advance(block, step);
        }
    }

    /** Appends zeros that the archive does not hold. */
    void hole(long length) throws IOException {
        long left = length;
        while (left > 0) {
            boolean wholeBlocks = fileSize >= SquashfsFormat.BLOCK && current == null && left >= SquashfsFormat.BLOCK;
            if (wholeBlocks) {
                long count = left >>> SquashfsFormat.BLOCK_LOG;
                holes += count;
                fileDone += count << SquashfsFormat.BLOCK_LOG;
                left -= count << SquashfsFormat.BLOCK_LOG;
            } else {
                int step = (int) Math.min(left, SquashfsFormat.BLOCK - currentFilled);
                write(ZEROS, 0, step);
                left -= step;
            }
        }
    }

    /** Ends the file, all of whose bytes must have come. */
    FileData end() throws IOException {
        if (fileDone != fileSize) {
            throw new IllegalStateException("a file of %d bytes got %d".formatted(fileSize, fileDone));
        }
        if (fileSize == 0) {
            return FileData.EMPTY;
        }
        if (fileSize < SquashfsFormat.BLOCK && fragment != null) {
            FileData known = small.find(fragment.in, fragmentFilled, (int) fileSize);
            if (known != null) {
                duplicates++;
                return known;
            }
            var file = new FileData.Small((int) fileSize, fragments, fragmentFilled);
            small.add(file);
            fragmentFilled += (int) fileSize;
            return file;
        }
        if (current != null) {
            emitCurrent(current);
        }
        flushHoles();
        var file = new FileData.Large(fileSize);
        push(new Step.End(file));
        return file;
    }

    /** Writes what is left and ends the threads; afterwards the places of all files and fragments are known. */
    void finish() throws IOException {
        if (fragment != null && fragmentFilled > 0) {
            emitFragment();
        }
        push(new Step.Stop());
        boolean done = false;
        while (!done) {
            check();
            try {
                done = writer.join(Duration.ofMillis(POLL_MILLIS));
            } catch (InterruptedException e) {
                throw interrupted(e);
            }
        }
        check();
        cancel();
    }

    /** Ends the threads whatever they are doing. */
    void cancel() {
        for (Thread thread : threads) {
            thread.interrupt();
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Throws what ended one of the threads, if anything did. */
    void check() throws IOException {
        switch (failure.get()) {
            case null -> {}
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    int fragments() {
        return fragments;
    }

    long fragmentStart(int index) {
        return fragmentStarts[index];
    }

    int fragmentWord(int index) {
        return fragmentWords.get(index);
    }

    /** Files whose content was there already. */
    long duplicates() {
        return duplicates + largeDuplicates;
    }

    private Block currentBlock() throws IOException {
        Block block = current;
        if (block == null) {
            block = takeBlock();
            current = block;
            currentFilled = 0;
        }
        return block;
    }

    private void advance(Block block, int step) throws IOException {
        currentFilled += step;
        fileDone += step;
        if (currentFilled == SquashfsFormat.BLOCK) {
            emitCurrent(block);
        }
    }

    private void emitCurrent(Block block) throws IOException {
        if (Arrays.mismatch(block.in, 0, currentFilled, ZEROS, 0, currentFilled) < 0) {
            holes++;
            free.add(block);
        } else {
            flushHoles();
            emit(block, currentFilled, new Step.Data(block));
        }
        current = null;
        currentFilled = 0;
    }

    private void flushHoles() throws IOException {
        if (holes > 0) {
            push(new Step.Holes(holes));
            holes = 0;
        }
    }

    private void emitFragment() throws IOException {
        Block block = fragment;
        if (block != null) {
            emit(block, fragmentFilled, new Step.Fragment(block));
            fragments++;
            fragment = null;
            fragmentFilled = 0;
        }
    }

    private void emit(Block block, int length, Step step) throws IOException {
        block.length = length;
        work.add(block);
        push(step);
    }

    private Block takeBlock() throws IOException {
        try {
            Block block = free.poll();
            if (block == null && blocks < maxBlocks) {
                blocks++;
                return new Block(codec.bound());
            }
            while (block == null) {
                check();
                block = free.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
            }
            return block;
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private void push(Step step) throws IOException {
        try {
            while (!order.offer(step, POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                check();
            }
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private static IOException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new IOException("interrupted", e);
    }

    private void compressBlocks() throws InterruptedException {
        var crc = new CRC32();
        try (BlockCodec.Compressor compressor = codec.compressors().get()) {
            while (true) {
                Block block = work.take();
                int size = compressor.compress(block.in, block.length, block.out);
                block.raw = size >= block.length;
                block.outLength = block.raw ? block.length : size;
                crc.reset();
                crc.update(block.bytes(), 0, block.outLength);
                block.checksum = (int) crc.getValue();
                block.compressed.release();
            }
        }
    }

    private void writeSteps() throws InterruptedException, IOException {
        while (true) {
            switch (order.take()) {
                case Step.Data(Block block) -> {
                    block.compressed.acquire();
                    if (fileStart < 0) {
                        fileStart = output.position();
                    }
                    fileWords.add(block.sizeWord());
                    addToChecksum(block.checksum);
                    append(block);
                }
                case Step.Holes(long count) -> {
                    for (long i = 0; i < count; i++) {
                        fileWords.add(0);
                    }
                }
                case Step.End(FileData.Large file) -> endFile(file);
                case Step.Fragment(Block block) -> {
                    block.compressed.acquire();
                    if (fragmentWords.size() == fragmentStarts.length) {
                        fragmentStarts = Arrays.copyOf(fragmentStarts, fragmentStarts.length * 2);
                    }
                    fragmentStarts[fragmentWords.size()] = output.position();
                    fragmentWords.add(block.sizeWord());
                    append(block);
                }
                case Step.Stop() -> {
                    return;
                }
            }
        }
    }

    private void append(Block block) throws IOException {
        output.append(block.bytes(), 0, block.outLength);
        free.add(block);
    }

    /** Places a file of whole blocks; one that is there already is given up again, after comparing the bytes. */
    private void endFile(FileData.Large file) throws IOException {
        int[] words = fileWords.take();
        long start = Math.max(fileStart, 0);
        if (fileStart >= 0) {
            for (int word : words) {
                addToChecksum(word);
            }
            long key = file.size() * 0x9E3779B97F4A7C15L ^ fileChecksum.getValue();
            FileData known = large.putIfAbsent(key, file);
            long length = output.position() - start;
            if (known != null && Arrays.equals(known.blocks(), words) && output.same(known.start(), start, length)) {
                output.rewind(start);
                start = known.start();
                largeDuplicates++;
            }
        }
        file.place(start, words);
        fileStart = -1;
        fileChecksum.reset();
    }

    private void addToChecksum(int value) {
        for (int shift = 0; shift < Integer.SIZE; shift += 8) {
            fileChecksum.update(value >>> shift);
        }
    }

    private interface Job {
        void run() throws IOException, InterruptedException;
    }

    private Thread start(String name, Job job) {
        return Thread.ofPlatform().daemon().name("squashfs-" + name).start(() -> {
            try {
                job.run();
            } catch (InterruptedException e) {
                // The end that cancel() asked for.
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            }
        });
    }
}
