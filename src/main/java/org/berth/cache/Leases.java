package org.berth.cache;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.berth.error.HostException;
import org.berth.files.Unfinished;
import org.berth.process.ProcessIdentity;

/**
 * Who may make a file of a directory: one thread of one process per name, the others wait.
 *
 * <p>A lease only saves work. What is right never depends on it, because unfinished files have names of their own and
 * finished ones appear by rename. Nobody waits for ever: an owner that gives no sign for {@link #PATIENCE} loses it.
 */
final class Leases {
    private static final long FIRST_PAUSE_MILLIS = 10;
    private static final long LONGEST_PAUSE_MILLIS = 200;
    static final Duration RENEWAL = Duration.ofSeconds(10);
    static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Path directory;
    private final String work;
    private final Duration renewal;
    private final Duration patience;
    private final LeaseFile.Silent silent;
    private final Map<String, Semaphore> ours = new ConcurrentHashMap<>();

    /**
     * @param work what a holder does, in the words of a message: {@code makes this image}
     * @param silent shared by all leases of a cache
     */
    Leases(Path directory, String work, LeaseFile.Silent silent) {
        this(directory, work, silent, RENEWAL, PATIENCE);
    }

    Leases(Path directory, String work, LeaseFile.Silent silent, Duration renewal, Duration patience) {
        this.directory = directory;
        this.work = work;
        this.silent = silent;
        this.renewal = renewal;
        this.patience = patience;
    }

    /** The right to make the file of that name. */
    static final class Lease implements AutoCloseable {
        private final LeaseFile.Held held;
        private final Semaphore permit;
        private final List<Path> ofPredecessors;
        private boolean closed;

        private Lease(LeaseFile.Held held, Semaphore permit, List<Path> ofPredecessors) {
            this.held = held;
            this.permit = permit;
            this.ofPredecessors = ofPredecessors;
        }

        /** The file is made: what those were writing from whom the lease was taken is of no use any more. */
        void finished() throws IOException {
            removeAll(ofPredecessors);
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                held.close();
                permit.release();
            }
        }
    }

    /**
     * Waits for the lease, or until the work is done.
     *
     * @param done whether there is nothing to do any more
     * @param told whom it waits for, and when it takes over from somebody who does not go on; whole sentences
     * @return empty if the work is done
     * @throws HostException if the directory cannot be written
     */
    Optional<Lease> acquire(String name, BooleanSupplier done, Consumer<String> told) throws InterruptedException {
        Semaphore permit = ours.computeIfAbsent(name, unused -> new Semaphore(1));
        boolean waits = !permit.tryAcquire();
        if (waits) {
            told.accept("Waiting for another thread, which %s".formatted(work));
            permit.acquire();
        }
        Optional<Lease> lease = Optional.empty();
        try {
            lease = take(name, permit, done, told);
            return lease;
        } catch (ClosedByInterruptException e) {
            throw new InterruptedException("interrupted while taking a lease");
        } catch (IOException e) {
            throw Space.writeFailure(directory.resolve(name + LeaseFile.SUFFIX), 0, e);
        } finally {
            if (lease.isEmpty()) {
                permit.release();
            }
        }
    }

    private Optional<Lease> take(String name, Semaphore permit, BooleanSupplier done, Consumer<String> told)
            throws IOException, InterruptedException {
        LeaseFile file = file(name);
        Optional<ProcessIdentity> shown = Optional.empty();
        List<Path> ofPredecessors = new ArrayList<>();
        long pause = FIRST_PAUSE_MILLIS;
        while (!done.getAsBoolean()) {
            switch (file.attempt()) {
                case LeaseFile.Attempt.Taken(LeaseFile.Held held) -> {
                    return Optional.of(new Lease(held, permit, ofPredecessors));
                }
                case LeaseFile.Attempt.Freed(Optional<ProcessIdentity> owner, boolean gone, Instant sign) -> {
                    if (!gone) {
                        told.accept("No sign of %s, which %s: taking over".formatted(name(owner), work));
                        owner.ifPresent(process -> silent.add(process, sign));
                        ofPredecessors.addAll(unfinished(name, owner));
                    }
                    continue;
                }
                case LeaseFile.Attempt.Busy(Optional<ProcessIdentity> owner) -> {
                    if (shown.isEmpty() && owner.isPresent()) {
                        shown = owner;
                        told.accept("Waiting for %s, which %s".formatted(name(owner), work));
                    }
                }
            }
            Thread.sleep(pause + ThreadLocalRandom.current().nextLong(pause));
            pause = Math.min(pause * 2, LONGEST_PAUSE_MILLIS);
        }
        // Who freed the lease is not always who got it then.
        removeAll(ofPredecessors);
        return Optional.empty();
    }

    private static void removeAll(List<Path> parts) throws IOException {
        for (Path part : parts) {
            Files.deleteIfExists(part);
        }
    }

    /** The lease, unless somebody has it. */
    Optional<Lease> tryAcquire(String name) throws IOException {
        Semaphore permit = ours.computeIfAbsent(name, unused -> new Semaphore(1));
        if (!permit.tryAcquire()) {
            return Optional.empty();
        }
        Optional<Lease> lease = Optional.empty();
        try {
            LeaseFile file = file(name);
            LeaseFile.Attempt attempt = file.attempt();
            if (attempt instanceof LeaseFile.Attempt.Freed) {
                attempt = file.attempt();
            }
            if (attempt instanceof LeaseFile.Attempt.Taken(LeaseFile.Held held)) {
                lease = Optional.of(new Lease(held, permit, List.of()));
            }
            return lease;
        } finally {
            if (lease.isEmpty()) {
                permit.release();
            }
        }
    }

    /** Whether somebody makes something here. */
    boolean isAnyHeld() throws IOException {
        lookAtLeases();
        return !Folder.list(directory, "*" + LeaseFile.SUFFIX).isEmpty();
    }

    private LeaseFile file(String name) {
        return new LeaseFile(directory.resolve(name), renewal, patience, silent);
    }

    private static String name(Optional<ProcessIdentity> owner) {
        return owner.map(ProcessIdentity::toString).orElse("another process");
    }

    /**
     * What an owner was writing who gives no sign. One of this machine may have been stopped, and tidies up when he goes
     * on, or is seen to be gone; of others nobody will know.
     */
    private List<Path> unfinished(String name, Optional<ProcessIdentity> owner) throws IOException {
        if (owner.isEmpty() || owner.orElseThrow().isNeighbour()) {
            return List.of();
        }
        return Folder.list(directory, name + ".*" + Unfinished.SUFFIX).stream()
                .filter(part -> Unfinished.owner(part).equals(owner))
                .toList();
    }

    /** What becomes of the unfinished file of a process that is gone. */
    enum Abandoned {
        REMOVED,
        /** It can be taken up again. */
        KEPT
    }

    /** Removes what processes left that are gone: leases, and the files that they were writing, old ones in any case. */
    void sweep(Abandoned recent) throws IOException {
        lookAtLeases();
        for (Path part : Unfinished.abandoned(directory)) {
            if (recent == Abandoned.REMOVED || Unfinished.isOld(part)) {
                Files.deleteIfExists(part);
            }
        }
    }

    /** Removes the lease of somebody who was killed after his work was done: nobody will ask for it again. */
    void tidy(String name) {
        if (Files.exists(directory.resolve(name + LeaseFile.SUFFIX))) {
            try {
                lookAt(name);
            } catch (IOException e) {
                // A cache that can only be read serves all the same.
            }
        }
    }

    /** Removes those of processes that are gone, or were forgotten long ago with what they were writing. */
    private void lookAtLeases() throws IOException {
        for (Path lease : Folder.list(directory, "*" + LeaseFile.SUFFIX)) {
            String text = lease.getFileName().toString();
            lookAt(text.substring(0, text.length() - LeaseFile.SUFFIX.length()));
        }
    }

    private void lookAt(String name) throws IOException {
        // Who is only silent keeps it until somebody wants it, who then sees to his unfinished files.
        LeaseFile file =
                new LeaseFile(directory.resolve(name), renewal, patience, new LeaseFile.Silent(renewal, Jobs.NONE));
        if (file.look() instanceof LeaseFile.Attempt.Freed(var owner, var _, var _)) {
            for (Path part : unfinished(name, owner)) {
                Files.deleteIfExists(part);
            }
        }
    }
}
