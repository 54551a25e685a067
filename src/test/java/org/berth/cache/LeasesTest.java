package org.berth.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.process.ProcessIdentity;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class LeasesTest {
    private static final ProcessIdentity US = ProcessIdentity.current();
    /** No process has such a number. */
    private static final ProcessIdentity GONE = new ProcessIdentity("here", US.place(), 999_999_999, 1);

    private static final ProcessIdentity ELSEWHERE = new ProcessIdentity("far", "00000000", 999_999_999, 1);
    private static final Duration RENEWAL = Duration.ofMillis(20);
    private static final Duration SHORT = Duration.ofMillis(300);

    @TempDir
    Path root;

    private final List<String> told = new ArrayList<>();
    private final LeaseFile.Silent silent = new LeaseFile.Silent(RENEWAL, Jobs.NONE);

    private Leases leases(Duration patience) {
        return new Leases(root, "makes it", silent, RENEWAL, patience);
    }

    private Leases.Lease acquire(Leases leases, Consumer<String> told) throws InterruptedException {
        return leases.acquire("x", () -> false, told).orElseThrow();
    }

    private void leaseOf(ProcessIdentity owner) throws IOException {
        Files.writeString(root.resolve("x.lease"), owner.word() + " 0123456789abcdef 00000001\n");
    }

    private Path partOf(ProcessIdentity owner, String name) throws IOException {
        return Files.writeString(root.resolve("%s.%s.0123456789abcdef.part".formatted(name, owner.word())), "half");
    }

    private List<String> files() throws IOException {
        try (Stream<Path> paths = Files.list(root)) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aLeaseNamesItsOwnerAndVanishes() throws Exception {
        try (Leases.Lease _ = acquire(leases(SHORT), told::add)) {
            assertTrue(Files.readString(root.resolve("x.lease")).startsWith(US.word() + " "));
        }
        assertEquals(List.of(), files());
        assertEquals(List.of(), told);
    }

    @Test
    void aLeaseThatGoesOnIsNotTakenAway() throws Exception {
        Leases.Lease held = acquire(leases(SHORT), told::add);
        AtomicInteger order = new AtomicInteger();
        Thread waiter = Thread.ofPlatform().start(() -> {
            try (Leases.Lease _ = acquire(leases(Duration.ofSeconds(30)), _ -> order.compareAndSet(0, 1))) {
                order.compareAndSet(2, 3);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        String before = Files.readString(root.resolve("x.lease"));
        while (order.get() == 0 || Files.readString(root.resolve("x.lease")).equals(before)) {
            Thread.sleep(10);
        }
        assertTrue(order.compareAndSet(1, 2));
        held.close();
        waiter.join();
        assertEquals(3, order.get());
        assertEquals(List.of(), files());
    }

    @Test
    void onlyALeaseThatStandsStillIsTakenAway() throws Exception {
        LeaseFile watched = new LeaseFile(root.resolve("x"), RENEWAL, Duration.ofNanos(1), silent);
        for (int count = 0; count < 5; count++) {
            Files.writeString(root.resolve("x.lease"), "%s 0123456789abcdef %08d%n".formatted(ELSEWHERE.word(), count));
            assertEquals(new LeaseFile.Attempt.Busy(Optional.of(ELSEWHERE)), watched.look());
        }
        assertInstanceOf(LeaseFile.Attempt.Freed.class, watched.look());
        assertEquals(List.of(), files());
    }

    @Test
    void theLeaseOfAProcessThatIsGoneIsTakenAtOnce() throws Exception {
        leaseOf(GONE);
        acquire(leases(Duration.ofDays(1)), told::add).close();
        assertEquals(List.of(), files());
        assertEquals(List.of(), told);
    }

    @Test
    void aMachineThatGivesNoSignLosesItsLeaseAndThenWhatItWasWriting() throws Exception {
        leaseOf(ELSEWHERE);
        Path part = partOf(ELSEWHERE, "x");
        Path other = partOf(ELSEWHERE, "y");
        try (Leases.Lease lease = acquire(leases(SHORT), told::add)) {
            assertTrue(Files.exists(part), "it may be alive, and no worse than we");
            lease.finished();
            assertFalse(Files.exists(part));
            assertTrue(Files.exists(other));
        }
        assertEquals(
                List.of(
                        "Waiting for process 999999999 on far, which makes it",
                        "No sign of process 999999999 on far, which makes it: taking over"),
                told);
    }

    @Test
    void whoIsKnownToBeSilentIsNotWaitedForAgain() throws Exception {
        leaseOf(ELSEWHERE);
        Instant sign = Files.getLastModifiedTime(root.resolve("x.lease")).toInstant();
        LeaseFile patient = new LeaseFile(root.resolve("x"), RENEWAL, Duration.ofDays(1), silent);
        silent.add(ELSEWHERE, sign.minusSeconds(1));
        assertInstanceOf(LeaseFile.Attempt.Busy.class, patient.look(), "he has woken up");
        silent.add(ELSEWHERE, sign);
        assertEquals(new LeaseFile.Attempt.Freed(Optional.of(ELSEWHERE), false, sign), patient.look());
    }

    @Test
    void aLeaseThatIsLongForgottenIsSwept() throws Exception {
        leaseOf(ELSEWHERE);
        Files.setLastModifiedTime(
                root.resolve("x.lease"), FileTime.from(Instant.now().minus(Duration.ofMinutes(11))));
        partOf(ELSEWHERE, "x");
        leases(Duration.ofDays(1)).sweep(Leases.Abandoned.KEPT);
        assertEquals(List.of(), files());
    }

    @Test
    void aSweepLeavesWhoIsOnlySilent() throws Exception {
        leaseOf(ELSEWHERE);
        silent.add(ELSEWHERE, Files.getLastModifiedTime(root.resolve("x.lease")).toInstant());
        Path part = partOf(ELSEWHERE, "x");
        leases(Duration.ofDays(1)).sweep(Leases.Abandoned.REMOVED);
        assertEquals(2, files().size());
        try (Leases.Lease lease = acquire(leases(Duration.ofDays(1)), told::add)) {
            lease.finished();
        }
        assertFalse(Files.exists(part));
    }

    @Test
    void aLeaseWithoutWordsHoldsUpNobodyForEver() throws Exception {
        Files.createFile(root.resolve("x.lease"));
        acquire(leases(SHORT), told::add).close();
        assertEquals(List.of(), files());
    }

    @Test
    void whoWaitsForWhatIsDoneIsLetGo() throws Exception {
        leaseOf(ELSEWHERE);
        AtomicInteger looks = new AtomicInteger();
        assertTrue(leases(Duration.ofDays(1))
                .acquire("x", () -> looks.incrementAndGet() == 3, told::add)
                .isEmpty());
        assertEquals(List.of("x.lease"), files());
    }

    @Test
    void aLeaseThatWasTakenAwayIsNotRemovedByItsFirstOwner() throws Exception {
        Leases.Lease first = acquire(leases(SHORT), told::add);
        Files.delete(root.resolve("x.lease"));
        leaseOf(ELSEWHERE);
        first.close();
        assertEquals(List.of("x.lease"), files());
    }

    @Test
    void manyThatFindAGoneOwnerAllGetTheirTurn() throws Exception {
        for (int round = 0; round < 20; round++) {
            leaseOf(GONE);
            AtomicInteger turns = new AtomicInteger();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                // Each with leases of its own, as another process has.
                threads.add(Thread.ofPlatform().start(() -> {
                    try (Leases.Lease _ = acquire(leases(Duration.ofDays(1)), _ -> {})) {
                        turns.incrementAndGet();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(8, turns.get());
            assertEquals(List.of(), files());
        }
    }

    @Test
    void whatGoneProcessesLeftIsSweptAndNothingElse() throws IOException {
        leaseOf(GONE);
        Path gone = partOf(GONE, "x");
        Path ours = partOf(US, "x");
        Path elsewhere = partOf(ELSEWHERE, "y");
        Path old = partOf(ELSEWHERE, "z");
        Path ourOld = partOf(US, "z");
        FileTime yesterday = FileTime.from(Instant.now().minus(Duration.ofHours(25)));
        Files.setLastModifiedTime(old, yesterday);
        Files.setLastModifiedTime(ourOld, yesterday);
        Path nobodys = Files.writeString(root.resolve("x.0123456789abcdef.part"), "");
        leases(SHORT).sweep(Leases.Abandoned.KEPT);
        assertFalse(Files.exists(old));
        assertTrue(Files.exists(gone) && Files.exists(nobodys), "they can be taken up");
        leases(SHORT).sweep(Leases.Abandoned.REMOVED);
        assertEquals(
                Stream.of(ours, elsewhere, ourOld)
                        .map(path -> path.getFileName().toString())
                        .sorted()
                        .toList(),
                files());
    }

    @Test
    void aDirectoryThatCannotBeWrittenIsAnErrorAndNoWait() {
        Leases leases = new Leases(Path.of("/proc/self"), "makes it", silent);
        assertThrows(HostException.class, () -> leases.acquire("x", () -> false, told::add));
        assertEquals(Optional.empty(), told.stream().findFirst());
    }

    @Test
    void whoseJobHasEndedIsNotWaitedFor() throws Exception {
        Files.writeString(root.resolve("x.lease"), ELSEWHERE.word() + " 0123456789abcdef 7@here 00000001\n");
        AtomicInteger asked = new AtomicInteger();
        LeaseFile.Silent ofJobs = new LeaseFile.Silent(RENEWAL, jobs(job -> {
            assertEquals("7@here", job);
            return asked.incrementAndGet() == 2;
        }));
        Leases leases = new Leases(root, "makes it", ofJobs, RENEWAL, Duration.ofSeconds(100));
        try (Leases.Lease _ = acquire(leases, told::add)) {
            assertEquals(2, asked.get());
            assertTrue(Files.readString(root.resolve("x.lease")).matches("\\S+ [0-9a-f]{16} 8@here [0-9]{8}\n"));
        }
    }

    @Test
    void whoFreesALeaseAndDoesNotGetItTidiesUpTheSame() throws Exception {
        Files.writeString(root.resolve("x.lease"), ELSEWHERE.word() + " 0123456789abcdef 7@here 00000001\n");
        Path part = partOf(ELSEWHERE, "x");
        LeaseFile.Silent ofJobs = new LeaseFile.Silent(RENEWAL, jobs(_ -> true));
        Leases leases = new Leases(root, "makes it", ofJobs, RENEWAL, Duration.ofSeconds(100));
        // Between the two another one takes it and makes the file.
        assertEquals(Optional.empty(), leases.acquire("x", () -> !Files.exists(root.resolve("x.lease")), told::add));
        assertFalse(Files.exists(part));
    }

    @Test
    void slurmIsNotAskedWhileTheOwnerCounts() throws Exception {
        Leases.Lease held = acquire(
                new Leases(root, "makes it", new LeaseFile.Silent(RENEWAL, jobs(_ -> true)), RENEWAL, SHORT),
                told::add);
        LeaseFile.Silent ofJobs = new LeaseFile.Silent(Duration.ofMillis(400), jobs(_ -> true));
        Leases waiting = new Leases(root, "makes it", ofJobs, Duration.ofMillis(400), Duration.ofSeconds(100));
        long until = System.nanoTime() + Duration.ofMillis(1500).toNanos();
        assertEquals(Optional.empty(), waiting.acquire("x", () -> System.nanoTime() > until, told::add));
        held.close();
    }

    private static Jobs jobs(Predicate<String> ended) {
        return new Jobs() {
            @Override
            public Optional<String> own() {
                return Optional.of("8@here");
            }

            @Override
            public boolean hasEnded(String job) {
                return ended.test(job);
            }
        };
    }
}
