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
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Leases for file systems that refuse locks: a file made with O_EXCL that names its owner and is touched while he
 * lives.
 *
 * <p>A lease that nobody touched for a while, or whose owner on this machine is dead, is stolen by a rename. Two
 * thieves may both succeed in rare cases: then a work is done twice, which the cache allows, as it publishes by rename.
 */
final class LeaseFileLocking implements Locking {
    static final String SUFFIX = ".lease";

    private final Duration renewal;
    private final Duration staleAfter;
    private final Map<Path, Observation> observations = new ConcurrentHashMap<>();

    /** What a lease looked like, and since when by our own clock: clocks of machines differ. */
    private record Observation(String owner, FileTime touched, long since) {}

    LeaseFileLocking(Duration renewal, Duration staleAfter) {
        this.renewal = renewal;
        this.staleAfter = staleAfter;
    }

    @Override
    public Optional<Lock> tryLock(Path base) throws IOException {
        Path file = Path.of(base + SUFFIX);
        String owner = "%s %d %s\n".formatted(place(), ProcessHandle.current().pid(), UUID.randomUUID());
        try (FileChannel channel = Folder.createFile(file)) {
            channel.write(ByteBuffer.wrap(owner.getBytes(StandardCharsets.UTF_8)));
        } catch (FileAlreadyExistsException e) {
            stealIfStale(file);
            return Optional.empty();
        }
        observations.remove(file);
        Thread keeper = Thread.ofVirtual().start(() -> keep(file));
        return Optional.of(() -> release(file, owner, keeper));
    }

    private void keep(Path file) {
        try {
            while (true) {
                Thread.sleep(renewal);
                Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
            }
        } catch (InterruptedException e) {
            // The lease was given back.
        } catch (IOException e) {
            // Stolen or swept away: whoever has it now does the same work, and both publish whole files.
        }
    }

    private static void release(Path file, String owner, Thread keeper) {
        keeper.interrupt();
        try {
            keeper.join();
            if (Files.readString(file).equals(owner)) {
                Files.deleteIfExists(file);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            // Not ours any more; if it is, it grows stale.
        }
    }

    private void stealIfStale(Path file) throws IOException {
        try {
            String owner = Files.readString(file);
            FileTime touched = Files.getLastModifiedTime(file);
            Observation seen = observations.merge(
                    file, new Observation(owner, touched, System.nanoTime()), LeaseFileLocking::older);
            boolean untouched = System.nanoTime() - seen.since() > staleAfter.toNanos();
            if (untouched || isDeadHere(owner)) {
                Path stolen =
                        Folder.part(Folder.parent(file), file.getFileName().toString());
                Files.move(file, stolen, StandardCopyOption.ATOMIC_MOVE);
                Files.deleteIfExists(stolen);
                observations.remove(file);
            }
        } catch (NoSuchFileException e) {
            // Given back, or stolen by another: the next try will tell.
            observations.remove(file);
        }
    }

    private static Observation older(Observation before, Observation now) {
        return before.owner().equals(now.owner()) && before.touched().equals(now.touched()) ? before : now;
    }

    private static boolean isDeadHere(String owner) throws IOException {
        String[] words = owner.split(" ");
        return words.length == 3
                && words[0].equals(place())
                && words[1].matches("\\d{1,10}")
                && ProcessHandle.of(Long.parseLong(words[1])).isEmpty();
    }

    /** The set of processes that our process numbers belong to: this boot of this machine, this PID namespace. */
    private static String place() throws IOException {
        String boot =
                Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
        return boot + "/" + Files.readSymbolicLink(Path.of("/proc/self/ns/pid"));
    }
}
