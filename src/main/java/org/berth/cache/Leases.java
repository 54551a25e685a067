package org.berth.cache;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.berth.error.HostException;

/**
 * Who may make a file of a directory: one thread of one process per name, the others wait.
 *
 * <p>A lease only saves work. What is right never depends on it, because unfinished files have names of their own and
 * finished ones appear by rename; so a file system whose locks lie costs a second download, and nothing else.
 *
 * <p>Waiting is polling: with blocking locks the kernel sees deadlocks (EDEADLK) where two processes wait for each
 * other's blobs in different threads.
 */
final class Leases {
    private static final long FIRST_PAUSE_MILLIS = 10;
    private static final long LONGEST_PAUSE_MILLIS = 200;
    private static final Duration ABANDONED = Duration.ofDays(1);

    private final Path directory;
    private final List<Locking> kinds;
    private final Map<String, Semaphore> ours = new ConcurrentHashMap<>();

    Leases(Path directory) {
        this(directory, List.of(new OsLocking(), new LeaseFileLocking(Duration.ofSeconds(10), Duration.ofSeconds(60))));
    }

    /** @param kinds the first one that the file system does not refuse is used */
    Leases(Path directory, List<Locking> kinds) {
        this.directory = directory;
        this.kinds = List.copyOf(kinds);
    }

    /** The right to make the file of that name. */
    final class Lease implements AutoCloseable {
        private final Locking.Lock lock;
        private final Semaphore permit;
        private boolean closed;

        private Lease(Locking.Lock lock, Semaphore permit) {
            this.lock = lock;
            this.permit = permit;
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                lock.close();
                permit.release();
            }
        }
    }

    /**
     * Waits for the lease.
     *
     * @param onWait told once if somebody else has it
     */
    Lease acquire(String name, Runnable onWait) throws InterruptedException {
        Semaphore permit = permit(name);
        boolean waits = !permit.tryAcquire();
        if (waits) {
            onWait.run();
            permit.acquire();
        }
        boolean leased = false;
        try {
            long pause = FIRST_PAUSE_MILLIS;
            while (true) {
                Optional<Locking.Lock> lock = tryLock(name);
                if (lock.isPresent()) {
                    leased = true;
                    return new Lease(lock.get(), permit);
                }
                if (!waits) {
                    waits = true;
                    onWait.run();
                }
                Thread.sleep(pause);
                pause = Math.min(pause * 2, LONGEST_PAUSE_MILLIS);
            }
        } finally {
            if (!leased) {
                permit.release();
            }
        }
    }

    private Semaphore permit(String name) {
        return ours.computeIfAbsent(name, unused -> new Semaphore(1));
    }

    private Optional<Locking.Lock> tryLock(String name) {
        Path base = directory.resolve(name);
        IOException refusal = new IOException("no way to lock");
        for (Locking kind : kinds) {
            try {
                return kind.tryLock(base);
            } catch (IOException e) {
                refusal = e;
            }
        }
        throw new HostException("%s: %s".formatted(base, refusal.getMessage()), refusal);
    }

    /** What becomes of the unfinished file of a process that is gone. */
    enum Unfinished {
        REMOVED,
        /** It can be taken up again. */
        KEPT
    }

    /** Removes what dead processes left: files whose lease is free, and old ones in any case. */
    void sweep(Unfinished recent) throws IOException {
        for (String suffix : List.of(OsLocking.SUFFIX, LeaseFileLocking.SUFFIX)) {
            for (Path file : Folder.list(directory, "*" + suffix)) {
                String text = file.getFileName().toString();
                sweep(text.substring(0, text.length() - suffix.length()), recent);
            }
        }
        Instant limit = Instant.now().minus(ABANDONED);
        for (Path part : Folder.list(directory, "*.part")) {
            try {
                if (Files.getLastModifiedTime(part).toInstant().isBefore(limit)) {
                    Files.deleteIfExists(part);
                }
            } catch (NoSuchFileException e) {
                // Finished or swept by another meanwhile.
            }
        }
    }

    private void sweep(String name, Unfinished recent) throws IOException {
        Semaphore permit = permit(name);
        if (!permit.tryAcquire()) {
            return;
        }
        try {
            Optional<Locking.Lock> lock = tryLock(name);
            if (lock.isPresent()) {
                try (Locking.Lock _ = lock.get()) {
                    if (recent == Unfinished.REMOVED) {
                        Folder.deleteParts(directory, name);
                    }
                }
            }
        } finally {
            permit.release();
        }
    }
}
