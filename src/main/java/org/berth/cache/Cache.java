package org.berth.cache;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.files.OutputFiles;
import org.berth.files.Reason;
import org.berth.host.OwnDirectory;
import org.berth.host.Owners;
import org.berth.oci.Digest;
import org.berth.oci.Platform;

/**
 * A user's cache: {@code cache/blob} (an OCI layout), {@code cache/oci-tmp/KEY} (finished images), and the directories
 * of other sources, all of mode 0700.
 *
 * <p>Every file appears under its name by rename, after it was verified and synchronised; so a name never stands for a
 * part, whenever a process is killed, and readers need no lock. What an image's own format tells about its length is
 * checked when it is used, against files that were cut later; a digest over gigabytes at every start would cost
 * seconds.
 */
public final class Cache {
    /** All that are made in a cache, the first one first. */
    private static final List<String> DIRECTORIES = Stream.of(
                    Stream.of(""),
                    Stream.of(CacheType.values()).map(CacheType::word),
                    Stream.of("blob/blobs", "blob/blobs/sha256", "blob/blobs/sha512", "blob/names", "used", "pins"))
            .flatMap(names -> names)
            .toList();

    private final Path base;
    private final Owners owners;
    private final BlobStore blobs;
    private final BlobStore artifacts;
    private final BlobStore library;
    private final LeaseFile.Silent silent;
    private final Map<CacheType, Leases> images = new ConcurrentHashMap<>();

    private Cache(Path base, Owners owners, Jobs jobs) {
        this.base = base;
        this.owners = owners;
        this.silent = new LeaseFile.Silent(Leases.RENEWAL, jobs);
        this.blobs = store(CacheType.BLOB, BlobStore.Layout.OCI);
        this.artifacts = store(CacheType.ORAS, BlobStore.Layout.FLAT);
        this.library = store(CacheType.LIBRARY, BlobStore.Layout.FLAT);
    }

    private BlobStore store(CacheType type, BlobStore.Layout layout) {
        return new BlobStore(base.resolve(type.word()), layout, owners, silent);
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
    public static Opened open(Path root, Owners owners) {
        return open(root, owners, Jobs.NONE);
    }

    /**
     * Opens a cache in which files are made.
     *
     * @param jobs who waits for a job that has ended goes on sooner
     */
    public static Opened open(Path root, Owners owners, Jobs jobs) {
        Path base = base(root);
        Path existing = existing(base);
        try {
            Optional<String> objection = objection(root, owners);
            if (objection.isPresent()) {
                return new Opened.Unusable("Cache disabled - " + objection.orElseThrow());
            }
            makeDirectories(base, owners);
            if (Files.isWritable(base) && Files.isWritable(base.resolve(CacheType.OCI_TMP.word()))) {
                return new Opened.Usable(new Cache(base, owners, jobs));
            }
        } catch (IOException e) {
            // Not to be made: the user is told where, and the work goes on without a cache.
        }
        return new Opened.Unusable(
                root.toAbsolutePath().startsWith(existing)
                                && !root.toAbsolutePath().equals(existing)
                        ? "Cache disabled - cache location %s cannot be made: %s is not writable"
                                .formatted(root, existing)
                        : "Cache disabled - cache location %s is not writable".formatted(existing));
    }

    private static Path base(Path root) {
        return root.toAbsolutePath().resolve("cache");
    }

    /**
     * Why the cache in a directory is not to be used: somebody else could have filled it. What has been made of it so far is looked
     * at, from the first directory that is Berth's on.
     *
     * @return a sentence without a full stop, with the directory and its owner; empty if there is nothing to object to
     */
    public static Optional<String> objection(Path root, Owners owners) {
        Path base = base(root);
        for (String name : DIRECTORIES) {
            Path directory = name.isEmpty() ? base : base.resolve(name);
            try {
                Optional<String> objection = owners.objection(directory, Owners.Kind.DIRECTORY);
                if (objection.isPresent()) {
                    return Optional.of("%s %s".formatted(directory, objection.orElseThrow()));
                }
            } catch (NoSuchFileException e) {
                if (name.isEmpty()) {
                    return Optional.empty();
                }
            } catch (IOException e) {
                // Out of reach: whoever wants to write there is told so.
                return Optional.empty();
            }
        }
        return Optional.empty();
    }

    /** The path itself or its nearest ancestor that exists. */
    private static Path existing(Path path) {
        Path here = path;
        while (!Files.exists(here) && here.getParent() != null) {
            here = here.getParent();
        }
        return here;
    }

    private static void makeDirectories(Path base, Owners owners) throws IOException {
        OwnDirectory.make(base, owners);
        for (CacheType type : CacheType.values()) {
            if (type != CacheType.BLOB) {
                OwnDirectory.make(base.resolve(type.word()), owners);
            }
        }
    }

    public BlobStore blobs() {
        return blobs;
    }

    /** SIFs that registries keep as they are, in {@code cache/oras}, by the digits of their digests. */
    public BlobStore artifacts() {
        return artifacts;
    }

    /** SIFs of libraries, in {@code cache/library}, in the same way. */
    public BlobStore library() {
        return library;
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

    /** The finished image of a cache that is only looked at: nothing is made where there is none. */
    static Optional<Path> find(Path root, Owners owners, String key, Predicate<Path> intact) {
        if (objection(root, owners).isPresent()) {
            return Optional.empty();
        }
        return new Cache(base(root), owners, Jobs.NONE).finished(key, intact);
    }

    /** The same in another part of the cache. */
    public Optional<Path> finished(CacheType type, String key, Predicate<Path> intact) {
        Path file = directory(type).resolve(key);
        return Folder.isTrusted(file, owners) && intact.test(file) ? Optional.of(file) : Optional.empty();
    }

    /**
     * The finished image of that key, or the duty to make it; waits while another thread or process makes it.
     *
     * @param told whom it waits for, and from whom it takes over
     * @throws HostException if the cache's file system fails
     */
    public ImageLease lease(String key, Predicate<Path> intact, Consumer<String> told) throws InterruptedIOException {
        return lease(CacheType.OCI_TMP, key, intact, told);
    }

    /** The same in another part of the cache. */
    public ImageLease lease(CacheType type, String key, Predicate<Path> intact, Consumer<String> told)
            throws InterruptedIOException {
        Optional<Path> there = finished(type, key, intact);
        while (there.isEmpty()) {
            Optional<Leases.Lease> lease = acquire(type, key, intact, told);
            there = finished(type, key, intact);
            if (lease.isPresent()) {
                if (there.isEmpty()) {
                    return writer(type, key, lease.orElseThrow());
                }
                lease.orElseThrow().close();
            }
        }
        images(type).tidy(key);
        return new ImageLease.Finished(there.orElseThrow());
    }

    private ImageLease.Writer writer(CacheType type, String key, Leases.Lease lease) {
        boolean kept = false;
        try {
            images(type).sweep(Leases.Abandoned.REMOVED);
            kept = true;
            return new ImageLease.Writer(directory(type).resolve(key), lease);
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(directory(type), Reason.of(e)), e);
        } finally {
            if (!kept) {
                lease.close();
            }
        }
    }

    private Leases images(CacheType type) {
        return images.computeIfAbsent(type, t -> new Leases(directory(t), "makes this image", silent));
    }

    private Optional<Leases.Lease> acquire(CacheType type, String key, Predicate<Path> intact, Consumer<String> told)
            throws InterruptedIOException {
        try {
            return images(type).acquire(key, () -> finished(type, key, intact).isPresent(), told);
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

    /** When its files were used last, and which are pinned. */
    public Uses uses() {
        return new Uses(OutputFiles.folder(base), owners);
    }

    /** What {@code cache gc} removes. */
    public CacheCollection collection(CacheLimits limits) throws IOException {
        return CacheCollection.of(CacheCollection.items(this, uses()), limits);
    }

    /** Removes what killed processes left unfinished, and the pins of jobs whose time is over. */
    public void sweep() throws IOException {
        for (CacheType type : CacheType.values()) {
            for (Path directory : directories(type)) {
                new Leases(directory, "cleans up", silent).sweep(Leases.Abandoned.REMOVED);
            }
        }
        uses().sweep(Instant.now());
    }

    private List<Path> directories(CacheType type) throws IOException {
        return type == CacheType.BLOB ? Folder.list(directory(type).resolve("blobs"), "*") : List.of(directory(type));
    }

    /** The finished files of a type. */
    public List<Path> files(CacheType type) throws IOException {
        return CacheReport.files(this, type);
    }
}
