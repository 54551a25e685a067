package org.berth.cache;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.berth.files.AtEnd;
import org.berth.files.SmallFile;
import org.berth.files.Unfinished;
import org.berth.process.ProcessIdentity;

/**
 * A lease as a file made with O_EXCL, the one exclusion that every shared file system carries between machines: locks are
 * refused by some, kept to one machine by others, and stay with a process that was stopped.
 *
 * <p>The file says {@code OWNER RANDOM [JOB] COUNT}. While the owner works it counts; a lease that does not go on for a while,
 * or whose owner is known to be gone, alone or with his job, is taken away by a rename. Two processes may both think that they have it in rare
 * cases: then a work is done twice, which the cache allows, as it publishes by rename.
 */
final class LeaseFile {
    static final String SUFFIX = ".lease";

    private static final int MAX_BYTES = 4096;
    private static final int WORDS_WITH_JOB = 4;
    /** How much of the time between two looks counts: a watcher that was stopped itself has seen nothing. */
    private static final Duration LONGEST_LOOK = Duration.ofSeconds(5);

    private static final Duration FIRST_INQUIRY = Duration.ofSeconds(2);
    private static final Duration LAST_INQUIRY = Duration.ofSeconds(30);
    /** So old by the file system's clock, a lease needs no watching: clocks of machines do not differ by so much. */
    private static final Duration FORGOTTEN = Duration.ofMinutes(10);

    private final Path file;
    private final Duration renewal;
    private final Duration patience;
    private final Silent silent;
    private String seen = "";
    private long seenAt = System.nanoTime();
    private long unchangedNanos;

    /**
     * @param base the lease's path without its suffix
     * @param renewal how often an owner counts
     * @param patience after so long without a sign the owner is taken for stopped or dead
     * @param silent those of whom that is known from other leases
     */
    LeaseFile(Path base, Duration renewal, Duration patience, Silent silent) {
        this.file = Path.of(base + SUFFIX);
        this.renewal = renewal;
        this.patience = patience;
        this.silent = silent;
    }

    /**
     * Owners who gave no sign for as long as one waits, and jobs that have ended: their other leases need no second wait.
     *
     * <p>The batch system is asked by one thread at a time, at growing intervals: many nodes may wait for one.
     */
    static final class Silent {
        private final Duration renewal;
        private final Jobs jobs;
        private final Map<ProcessIdentity, Instant> signs = new ConcurrentHashMap<>();
        private final Map<String, Inquiry> inquiries = new ConcurrentHashMap<>();

        Silent(Duration renewal, Jobs jobs) {
            this.renewal = renewal;
            this.jobs = jobs;
        }

        private static final class Inquiry {
            private boolean ended;
            private Duration pause = FIRST_INQUIRY;
            private long next = System.nanoTime();
        }

        /** Whether the job has ended, as far as it is known by now. */
        private boolean hasEnded(String job) {
            Inquiry inquiry = inquiries.computeIfAbsent(job, _ -> new Inquiry());
            synchronized (inquiry) {
                if (!inquiry.ended && System.nanoTime() >= inquiry.next) {
                    inquiry.ended = jobs.hasEnded(job);
                    inquiry.next = System.nanoTime() + inquiry.pause.toNanos();
                    Duration twice = inquiry.pause.multipliedBy(2);
                    inquiry.pause = twice.compareTo(LAST_INQUIRY) > 0 ? LAST_INQUIRY : twice;
                }
                return inquiry.ended;
            }
        }

        void add(ProcessIdentity owner, Instant sign) {
            signs.put(owner, sign);
        }

        /** Whether that sign is no later than the last one that was seen; a process renews its leases each by itself. */
        boolean isSince(ProcessIdentity owner, Instant sign) {
            Instant last = signs.get(owner);
            return last != null && !sign.isAfter(last.plus(renewal.multipliedBy(2)));
        }
    }

    /** What came of a try to take the lease. */
    sealed interface Attempt {
        record Taken(Held lease) implements Attempt {}

        /** @param owner empty while it is not known */
        record Busy(Optional<ProcessIdentity> owner) implements Attempt {}

        /**
         * It was taken away from an owner who is gone or does not go on; the next try may get it.
         *
         * @param sign the owner's last one, by the file system's clock
         */
        record Freed(Optional<ProcessIdentity> owner, boolean gone, Instant sign) implements Attempt {}
    }

    /** A lease that is held, and renewed by a thread of its own until it is closed. */
    final class Held implements AutoCloseable {
        private final String claim;
        private final FileChannel channel;
        private final AtEnd atEnd;
        private final Thread renewer;

        private Held(String claim, FileChannel channel, AtEnd atEnd) {
            this.claim = claim;
            this.channel = channel;
            this.atEnd = atEnd;
            this.renewer = Thread.ofPlatform().daemon().name("lease").start(this::renew);
        }

        private void renew() {
            for (long count = 1; true; count++) {
                try {
                    Thread.sleep(renewal);
                    // Into the file that we made, whatever has its name now.
                    write(channel, claim, count);
                } catch (InterruptedException e) {
                    return;
                } catch (IOException e) {
                    if (!channel.isOpen()) {
                        return;
                    }
                    // Taken away, or a file system with a hiccup: whoever has it now does the same work.
                }
            }
        }

        @Override
        public void close() {
            renewer.interrupt();
            atEnd.close();
            try (channel) {
                removeIf(claim);
            } catch (IOException e) {
                // Not ours any more; if it is, it grows stale.
            }
        }
    }

    private void removeIf(String claim) throws IOException {
        if (text(file).startsWith(claim)) {
            Files.deleteIfExists(file);
        }
    }

    /** The making of a file, which the end of the process does not cut in two: it waits, or nothing is made any more. */
    private final class Making {
        private final String claim;
        private boolean ended;

        Making(String claim) {
            this.claim = claim;
        }

        synchronized FileChannel make() throws IOException {
            while (ended) {
                LockSupport.park();
            }
            FileChannel channel = Folder.createFile(file);
            boolean written = false;
            try {
                write(channel, claim, 0);
                written = true;
                return channel;
            } finally {
                if (!written) {
                    channel.close();
                    Files.deleteIfExists(file);
                }
            }
        }

        synchronized void end() throws IOException {
            ended = true;
            removeIf(claim);
        }
    }

    Attempt attempt() throws IOException {
        String claim = "%s %s %s"
                .formatted(
                        ProcessIdentity.current().word(),
                        random(),
                        silent.jobs.own().map(job -> job + " ").orElse(""));
        Making making = new Making(claim);
        AtEnd atEnd = new AtEnd(making::end);
        boolean taken = false;
        try {
            FileChannel channel = making.make();
            taken = true;
            return new Attempt.Taken(new Held(claim, channel, atEnd));
        } catch (FileAlreadyExistsException e) {
            return look();
        } finally {
            if (!taken) {
                atEnd.close();
            }
        }
    }

    private static void write(FileChannel channel, String claim, long count) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap("%s%08d\n".formatted(claim, count).getBytes(StandardCharsets.US_ASCII));
        for (long at = 0; bytes.hasRemaining(); ) {
            at += channel.write(bytes, at);
        }
        // Now, and not when the kernel likes, on a file system of several machines.
        channel.force(false);
    }

    private static String random() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }

    /** Looks at somebody else's lease, and takes it away if he is gone or does not go on. */
    Attempt look() throws IOException {
        String text;
        Instant sign;
        try {
            text = text(file);
            sign = Files.getLastModifiedTime(file).toInstant();
        } catch (NoSuchFileException e) {
            return new Attempt.Busy(Optional.empty());
        }
        String[] words = text.strip().split(" ");
        Optional<ProcessIdentity> owner = ProcessIdentity.parse(words[0]);
        watch(text);
        boolean missedABeat =
                unchangedNanos > renewal.plus(renewal.dividedBy(2)).toNanos();
        boolean gone = owner.map(ProcessIdentity::isGone).orElse(false);
        boolean still = unchangedNanos >= patience.toNanos()
                || sign.isBefore(Instant.now().minus(FORGOTTEN))
                || owner.isPresent() && silent.isSince(owner.orElseThrow(), sign)
                || missedABeat && words.length == WORDS_WITH_JOB && silent.hasEnded(words[2]);
        if (!gone && !still) {
            return new Attempt.Busy(owner);
        }
        return takeAway(text) ? new Attempt.Freed(owner, gone, sign) : new Attempt.Busy(Optional.empty());
    }

    private static String text(Path file) throws IOException {
        return SmallFile.text(file, MAX_BYTES, StandardCharsets.ISO_8859_1);
    }

    private void watch(String text) {
        long now = System.nanoTime();
        if (text.equals(seen)) {
            unchangedNanos += Math.min(now - seenAt, LONGEST_LOOK.toNanos());
        } else {
            seen = text;
            unchangedNanos = 0;
        }
        seenAt = now;
    }

    private boolean takeAway(String expected) throws IOException {
        Path away = file.resolveSibling("%s.%s%s".formatted(file.getFileName(), random(), Unfinished.SUFFIX));
        try {
            Files.move(file, away, StandardCopyOption.ATOMIC_MOVE);
        } catch (NoSuchFileException e) {
            return false;
        }
        boolean right = text(away).equals(expected);
        if (!right) {
            giveBack(away);
        }
        Files.deleteIfExists(away);
        return right;
    }

    /** Another was quicker, and what we took is the lease of whoever came after him. */
    private void giveBack(Path away) {
        try {
            Files.createLink(file, away);
        } catch (IOException | UnsupportedOperationException e) {
            // There is a third one by now, or there are no hard links: a work is done twice.
        }
    }
}
