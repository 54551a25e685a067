package org.berth.cache;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.berth.error.HostException;
import org.berth.files.OutputFiles;
import org.berth.files.Reason;

/**
 * What is to be removed so that a cache keeps to its limits: the least recently used files first, and none that is in use.
 *
 * @param removed in the order in which they go
 * @param kept files that would have to go, and stay for a reason
 * @param bytes that are left
 * @param files that are left
 */
public record CacheCollection(List<Item> removed, List<Item> kept, long bytes, long files) {
    /**
     * Between a use and the moment when its image is open a file looks unused: so long it stays. More than the time after which
     * a use is marked again.
     */
    static final Duration GRACE = Duration.ofMinutes(5);

    /**
     * A file of the cache.
     *
     * @param lastUse the last mark, or when it was written
     * @param reason why it has to stay, in words; empty if it may go
     */
    public record Item(CacheType type, Path file, long bytes, Instant lastUse, Optional<String> reason) {
        public Uses.Entry entry() {
            return new Uses.Entry(type, file.getFileName().toString());
        }

        /** The text after {@code INFO:}. */
        public String message() {
            return "Removing %s cache entry: %s".formatted(type.word(), file.getFileName());
        }
    }

    public CacheCollection {
        removed = List.copyOf(removed);
        kept = List.copyOf(kept);
    }

    /** Decides what goes. */
    static CacheCollection of(List<Item> items, CacheLimits limits) {
        long bytes = items.stream().mapToLong(Item::bytes).sum();
        long files = items.size();
        List<Item> removed = new ArrayList<>();
        List<Item> kept = new ArrayList<>();
        for (Item item : items.stream()
                .sorted(Comparator.comparing(Item::lastUse).thenComparing(Item::file))
                .toList()) {
            if (limits.allow(bytes, files)) {
                break;
            }
            if (item.reason().isPresent()) {
                kept.add(item);
                continue;
            }
            removed.add(item);
            bytes -= item.bytes();
            files--;
        }
        return new CacheCollection(removed, kept, bytes, files);
    }

    /** The files of a cache as they are now. */
    static List<Item> items(Cache cache, Uses uses) throws IOException {
        Instant now = Instant.now();
        List<Item> found = new ArrayList<>();
        for (CacheType type : CacheType.values()) {
            for (Path file : CacheReport.files(cache, type)) {
                item(type, file, uses).ifPresent(found::add);
            }
        }
        OpenFiles open = OpenFiles.now(names(found));
        boolean making = leases(cache.directory(CacheType.OCI_TMP)).isAnyHeld();
        List<Item> items = new ArrayList<>();
        for (Item item : found) {
            Optional<String> reason = making && item.type() == CacheType.BLOB
                    ? Optional.of("an image is being made")
                    : reason(item, uses, open, now);
            items.add(new Item(item.type(), item.file(), item.bytes(), item.lastUse(), reason));
        }
        return items;
    }

    private static Set<String> names(List<Item> items) {
        return items.stream().map(item -> item.entry().name()).collect(Collectors.toSet());
    }

    private static Optional<Item> item(CacheType type, Path file, Uses uses) throws IOException {
        try {
            BasicFileAttributes attributes =
                    Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            Instant written = attributes.lastModifiedTime().toInstant();
            Instant used = uses.marked(new Uses.Entry(type, file.getFileName().toString()))
                    .filter(written::isBefore)
                    .orElse(written);
            return Optional.of(new Item(type, file, attributes.size(), used, Optional.empty()));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> reason(Item item, Uses uses, OpenFiles open, Instant now) throws IOException {
        Optional<String> pin = uses.pin(item.entry(), now);
        if (pin.isPresent()) {
            return pin;
        }
        try {
            if (open.contains(item.file())) {
                return Optional.of("open in a process of this machine");
            }
        } catch (NoSuchFileException e) {
            return Optional.of("removed meanwhile");
        }
        return item.lastUse().isAfter(now.minus(GRACE)) ? Optional.of("used a moment ago") : Optional.empty();
    }

    /**
     * Removes a file, unless somebody has begun to use it or is making it anew.
     *
     * @return why it stays; empty if it is gone
     */
    public static Optional<String> remove(Item item, Uses uses) {
        try {
            Optional<Leases.Lease> lease = leases(OutputFiles.folder(item.file()))
                    .tryAcquire(item.entry().name());
            if (lease.isEmpty()) {
                return Optional.of("being made by another process");
            }
            try (Leases.Lease _ = lease.get()) {
                return removeLeased(item, uses);
            }
        } catch (IOException e) {
            throw new HostException("unable to remove %s: %s".formatted(item.file(), Reason.of(e)), e);
        }
    }

    private static Optional<String> removeLeased(Item item, Uses uses) throws IOException {
        Optional<Item> now = item(item.type(), item.file(), uses);
        if (now.isEmpty()) {
            return Optional.empty();
        }
        OpenFiles open = OpenFiles.now(Set.of(item.entry().name()));
        Optional<String> reason = reason(now.get(), uses, open, Instant.now());
        if (reason.isEmpty()) {
            Files.deleteIfExists(item.file());
            uses.forget(item.entry());
        }
        return reason;
    }

    private static Leases leases(Path directory) {
        return new Leases(directory, "removes what is not used", new LeaseFile.Silent(Leases.RENEWAL, Jobs.NONE));
    }
}
