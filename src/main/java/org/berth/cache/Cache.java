package org.berth.cache;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.berth.error.HostException;
import org.berth.oci.Digest;
import org.berth.oci.Platform;

/**
 * A user's cache: {@code cache/blob} (an OCI layout), {@code cache/oci-tmp/KEY} (finished images), and the directories
 * of other sources, all of mode 0700.
 *
 * <p>Every file appears under its name by rename, after it was verified and synchronised; so a name never stands for a
 * part, whenever a process is killed, and readers need no lock. What an image's own format tells about its length is
 * checked when it is used, against files that were cut later; a digest over gigabytes at every start would cost
 * seconds. A process opens one cache per directory, see {@link OsLocking}.
 */
public final class Cache implements AutoCloseable {
    private static final String TEMPORARY = "berth-cache-";

    private final Path base;
    private final Optional<TemporaryHold> hold;
    private final BlobStore blobs;
    private final Map<CacheType, Leases> images = new ConcurrentHashMap<>();

    private Cache(Path base, Optional<TemporaryHold> hold) {
        this.base = base;
        this.hold = hold;
        this.blobs = new BlobStore(base.resolve(CacheType.BLOB.word()));
    }

    /** Whether there is a cache to use. */
    public sealed interface Opened {
        record Usable(Cache cache) implements Opened {}

        /** @param reason a sentence without a full stop, to warn with */
        record Unusable(String reason) implements Opened {}
    }

    /**
     * Opens a cache and makes what is missing of its directories.
     *
     * @param root what the user calls the cache directory; the cache is in {@code cache} inside it
     */
    public static Opened open(Path root) {
        Path base = root.toAbsolutePath().resolve("cache");
        Path existing = existing(base);
        try {
            makeDirectories(base);
            if (Files.isWritable(base) && Files.isWritable(base.resolve(CacheType.OCI_TMP.word()))) {
                return new Opened.Usable(new Cache(base, Optional.empty()));
            }
        } catch (IOException e) {
            // Not to be made: the user is told where, and the work goes on without a cache.
        }
        return new Opened.Unusable("Cache disabled - cache location %s is not writable".formatted(existing));
    }

    /** The path itself or its nearest ancestor that exists. */
    private static Path existing(Path path) {
        Path here = path;
        while (!Files.exists(here) && here.getParent() != null) {
            here = here.getParent();
        }
        return here;
    }

    private static void makeDirectories(Path base) throws IOException {
        for (CacheType type : CacheType.values()) {
            if (type != CacheType.BLOB) {
                Folder.create(base.resolve(type.word()));
            }
        }
    }

    /**
     * A private cache that is removed when it is closed, for {@code --disable-cache}. Removes those of dead processes.
     *
     * @param directory where it is made
     */
    public static Cache temporary(Path directory) {
        try {
            sweepTemporary(directory);
            String prefix = TEMPORARY + ProcessHandle.current().pid() + "-";
            Path base = Files.createTempDirectory(directory, prefix, Folder.PRIVATE_DIRECTORY);
            TemporaryHold hold = TemporaryHold.take(base).orElseThrow(() -> new IOException("it is locked by another"));
            makeDirectories(base);
            return new Cache(base, Optional.of(hold));
        } catch (IOException e) {
            throw new HostException("no temporary directory in %s: %s".formatted(directory, reason(e)), e)
                    .hint("choose another place with APPTAINER_TMPDIR");
        }
    }

    private static String reason(IOException failure) {
        return switch (failure) {
            case NoSuchFileException _ -> "no such directory";
            case AccessDeniedException _ -> "permission denied";
            default -> String.valueOf(failure.getMessage());
        };
    }

    /** The sign that the owner of a temporary cache lives: a lock that ends with its process. */
    private record TemporaryHold(FileChannel channel) {
        static Optional<TemporaryHold> take(Path base) throws IOException {
            FileChannel channel =
                    FileChannel.open(base.resolve("alive"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            boolean held = false;
            try {
                held = channel.tryLock() != null;
            } finally {
                if (!held) {
                    channel.close();
                }
            }
            return held ? Optional.of(new TemporaryHold(channel)) : Optional.empty();
        }
    }

    private static void sweepTemporary(Path directory) throws IOException {
        String ours = TEMPORARY + ProcessHandle.current().pid() + "-";
        for (Path left : Folder.list(directory, TEMPORARY + "*")) {
            // Ours are alive, and opening their lock files would release them.
            boolean candidate = !left.getFileName().toString().startsWith(ours)
                    && Files.isDirectory(left, LinkOption.NOFOLLOW_LINKS)
                    && Files.getOwner(left, LinkOption.NOFOLLOW_LINKS).equals(owner());
            if (candidate) {
                sweepTemporaryOne(left);
            }
        }
    }

    private static Object owner() throws IOException {
        return Files.getOwner(Path.of("/proc/self"));
    }

    private static void sweepTemporaryOne(Path left) {
        try {
            Optional<TemporaryHold> dead = TemporaryHold.take(left);
            if (dead.isPresent()) {
                try (FileChannel _ = dead.get().channel()) {
                    Folder.deleteTree(left);
                }
            }
        } catch (IOException e) {
            // Not lockable, or just removed by another: it costs space, not correctness.
        }
    }

    public BlobStore blobs() {
        return blobs;
    }

    /** The directory of a part of the cache. */
    Path directory(CacheType type) {
        return base.resolve(type.word());
    }

    /**
     * The name of a finished image: whatever changes its bytes goes in.
     *
     * @param format how it is written, such as {@code sif zstd}
     */
    public static String key(Digest manifest, Platform platform, String format) {
        String text = String.join("\n", manifest.toString(), platform.architecture(), platform.variant(), format);
        return Digest.sha256(text.getBytes(StandardCharsets.UTF_8)).hex();
    }

    /**
     * The finished image of that key.
     *
     * @param intact whether a file is whole by its own format (lengths, not digests)
     */
    public Optional<Path> finished(String key, Predicate<Path> intact) {
        return finished(CacheType.OCI_TMP, key, intact);
    }

    /** The same in another part of the cache. */
    public Optional<Path> finished(CacheType type, String key, Predicate<Path> intact) {
        Path file = directory(type).resolve(key);
        return Folder.isFile(file) && intact.test(file) ? Optional.of(file) : Optional.empty();
    }

    /**
     * The finished image of that key, or the duty to make it; waits while another thread or process makes it.
     *
     * @param onWait told once before a wait
     * @throws HostException if the cache's file system fails
     */
    public ImageLease lease(String key, Predicate<Path> intact, Runnable onWait) throws InterruptedIOException {
        return lease(CacheType.OCI_TMP, key, intact, onWait);
    }

    /** The same in another part of the cache. */
    public ImageLease lease(CacheType type, String key, Predicate<Path> intact, Runnable onWait)
            throws InterruptedIOException {
        Optional<Path> there = finished(type, key, intact);
        if (there.isPresent()) {
            return new ImageLease.Finished(there.get());
        }
        Path directory = directory(type);
        Leases images = images(type);
        Leases.Lease lease = acquire(images, key, onWait);
        boolean kept = false;
        try {
            there = finished(type, key, intact);
            if (there.isPresent()) {
                return new ImageLease.Finished(there.get());
            }
            Folder.deleteParts(directory, key);
            images.sweep();
            kept = true;
            return new ImageLease.Writer(directory.resolve(key), Folder.part(directory, key), lease);
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(directory, e.getMessage()), e);
        } finally {
            if (!kept) {
                lease.close();
            }
        }
    }

    private Leases images(CacheType type) {
        return images.computeIfAbsent(type, t -> new Leases(directory(t)));
    }

    private static Leases.Lease acquire(Leases images, String key, Runnable onWait) throws InterruptedIOException {
        try {
            return images.acquire(key, onWait);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for image " + key);
        }
    }

    /** What is in the cache, for {@code cache list}. */
    public CacheReport report(List<CacheType> types) throws IOException {
        return CacheReport.of(this, types);
    }

    /** What {@code cache clean} removes. */
    public CacheCleaning cleaning(List<CacheType> types, Optional<Integer> olderThanDays) throws IOException {
        return CacheCleaning.of(this, types, olderThanDays);
    }

    /** Removes a temporary cache; another one stays. */
    @Override
    public void close() {
        if (hold.isEmpty()) {
            return;
        }
        try (FileChannel _ = hold.get().channel()) {
            Folder.deleteTree(base);
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(base, e.getMessage()), e);
        }
    }
}
