package org.berth.cache;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.files.Trees;

/** What a cleaning of the cache is going to do, in order; {@link Step#message} is what the user is told of each. */
public record CacheCleaning(List<Step> steps) {
    public sealed interface Step {
        /** The text after {@code INFO:}. */
        String message();

        /** Does it. */
        void perform();
    }

    /** Removes one file, or a part of the blobs' layout. */
    record Remove(CacheType type, Path path) implements Step {
        @Override
        public String message() {
            return "Removing %s cache entry: %s".formatted(type.word(), path.getFileName());
        }

        @Override
        public void perform() {
            try {
                Trees.delete(path);
            } catch (IOException e) {
                throw new HostException("unable to remove %s: %s".formatted(path, e.getMessage()), e);
            }
        }
    }

    /** Says that there is nothing. */
    record Nothing(Path directory) implements Step {
        @Override
        public String message() {
            return "No cached files to remove at " + directory;
        }

        @Override
        public void perform() {}
    }

    public CacheCleaning {
        steps = List.copyOf(steps);
    }

    static CacheCleaning of(Cache cache, List<CacheType> types, Optional<Integer> olderThanDays) throws IOException {
        Instant now = Instant.now();
        List<Step> steps = new ArrayList<>();
        for (CacheType type : CacheType.values()) {
            if (!types.contains(type)) {
                continue;
            }
            List<Path> entries = entries(cache, type, olderThanDays.isEmpty());
            if (entries.isEmpty()) {
                steps.add(new Nothing(cache.directory(type)));
            }
            for (Path path : entries) {
                if (olderThanDays.isEmpty() || isOlder(path, now, Duration.ofDays(olderThanDays.get()))) {
                    steps.add(new Remove(type, path));
                }
            }
        }
        return new CacheCleaning(steps);
    }

    /**
     * What there is to remove. The blobs' layout goes as a whole; by age it goes blob by blob, since the directory is
     * as old as the first of them.
     */
    private static List<Path> entries(Cache cache, CacheType type, boolean whole) throws IOException {
        return type == CacheType.BLOB && whole
                ? Folder.list(cache.directory(type), "*")
                : CacheReport.files(cache, type);
    }

    private static boolean isOlder(Path path, Instant now, Duration age) throws IOException {
        try {
            Instant written =
                    Files.getLastModifiedTime(path, LinkOption.NOFOLLOW_LINKS).toInstant();
            return written.isBefore(now.minus(age));
        } catch (NoSuchFileException e) {
            return false;
        }
    }
}
