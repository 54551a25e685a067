package org.berth.fuzz;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.berth.error.BerthException;

/**
 * Runs a reader on random cases: each ends in a result or in a {@link BerthException}, soon and within an amount of memory.
 *
 * <p>A case is made of nothing but the generator that it is handed, so seed and number repeat it. The ordinary run has a fixed
 * seed and a fixed number of cases. System properties: {@code berth.fuzz} is the number of seconds that each target runs
 * instead, with a seed of its own; {@code berth.fuzz.case=SEED:NUMBER} repeats one case.
 */
public final class Fuzz {
    private static final long SEED = 1;
    private static final int CASES = 300;
    private static final long ALLOCATED = 64L << 20;

    /** Among so many cases some must be good ones. */
    private static final int ENOUGH = 100;

    /** A case hangs after so much processor time of its own thread, or after so much time on the clock. */
    private static final long HANG_PROCESSOR_NANOS = TimeUnit.SECONDS.toNanos(20);

    private static final long HANG_NANOS = TimeUnit.MINUTES.toNanos(5);
    private static final long LOOK_MILLIS = 50;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final String name;
    private final int cases;
    private final long allocated;
    private final AtomicLong taken = new AtomicLong();

    private Fuzz(String name, int cases, long allocated) {
        this.name = name;
        this.cases = cases;
        this.allocated = allocated;
    }

    /** Makes an input of what the generator gives, and reads it. */
    public interface Case {
        void run(RandomGenerator random) throws Exception;
    }

    public static Fuzz of(String name) {
        return new Fuzz(name, CASES, ALLOCATED);
    }

    /** The number of cases of the ordinary run. */
    public Fuzz cases(int number) {
        return new Fuzz(name, number, allocated);
    }

    /** Bytes that the thread of a case may allocate, garbage included. */
    public Fuzz allocating(long bytes) {
        return new Fuzz(name, cases, bytes);
    }

    /** One case that was found, watched as all are. */
    public void once(Case target) {
        run(target, SEED, 0, 1, Long.MAX_VALUE);
    }

    public void run(Case target) {
        Optional<String[]> repeated = Optional.ofNullable(System.getProperty("berth.fuzz.case"))
                .filter(text -> !text.isEmpty())
                .map(text -> text.split(":"));
        if (repeated.isPresent()) {
            long number = Long.parseLong(repeated.get()[1]);
            run(target, Long.parseLong(repeated.get()[0]), number, number + 1, Long.MAX_VALUE);
            return;
        }
        long seconds = Long.getLong("berth.fuzz", 0);
        if (seconds == 0) {
            run(target, SEED, 0, cases, Long.MAX_VALUE);
        } else {
            long seed = System.nanoTime() & 0xffffffffL;
            long done = run(target, seed, 0, Long.MAX_VALUE, TimeUnit.SECONDS.toNanos(seconds));
            System.out.printf(
                    "fuzz %s: %d cases, %d of them taken, in %d s, seed %d%n", name, done, taken.get(), seconds, seed);
        }
    }

    private long run(Case target, long seed, long from, long to, long nanos) {
        var current = new AtomicLong(from);
        var failure = new AtomicReference<Throwable>();
        Thread worker = Thread.ofPlatform().daemon().name("fuzz-" + name).unstarted(() -> {
            long start = System.nanoTime();
            try {
                while (current.get() < to && System.nanoTime() - start < nanos) {
                    perform(target, seed, current.get());
                    current.incrementAndGet();
                }
            } catch (Throwable e) {
                failure.set(e);
            }
        });
        worker.start();
        watch(worker, current, seed);
        if (failure.get() != null) {
            throw new AssertionError(told(seed, current.get()) + failure.get(), failure.get());
        }
        long done = current.get() - from;
        if (done >= ENOUGH && taken.get() == 0) {
            throw new AssertionError("fuzz %s: all of %d cases were refused".formatted(name, done));
        }
        return done;
    }

    private void perform(Case target, long seed, long number) throws Exception {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try {
            target.run(new SplittableRandom(seed * 0x9e3779b97f4a7c15L ^ number * 0xd1342543de82ef95L));
            taken.incrementAndGet();
        } catch (BerthException e) {
            if (e.getMessage() == null || e.getMessage().isBlank()) {
                throw new AssertionError("a failure without a message", e);
            }
        }
        long bytes = THREADS.getCurrentThreadAllocatedBytes() - before;
        if (bytes > allocated) {
            throw new AssertionError("%d bytes allocated, at most %d are allowed".formatted(bytes, allocated));
        }
    }

    /** Waits for the worker's end; a case that does not end leaves its thread behind. */
    private void watch(Thread worker, AtomicLong current, long seed) {
        long seen = -1;
        long start = 0;
        long processor = 0;
        try {
            while (!worker.join(java.time.Duration.ofMillis(LOOK_MILLIS))) {
                long number = current.get();
                long now = System.nanoTime();
                long used = THREADS.getThreadCpuTime(worker.threadId());
                if (number != seen) {
                    seen = number;
                    start = now;
                    processor = used;
                } else if (used - processor > HANG_PROCESSOR_NANOS || now - start > HANG_NANOS) {
                    throw new AssertionError(told(seed, number) + "it does not end:\n"
                            + Arrays.stream(worker.getStackTrace())
                                    .map(frame -> "    at " + frame)
                                    .collect(Collectors.joining("\n")));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    private String told(long seed, long number) {
        return "fuzz %s, case %d:%d (repeat it with --fuzz-case=%2$d:%3$d): ".formatted(name, seed, number);
    }
}
