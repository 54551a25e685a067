package org.berth.cache;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import org.berth.files.Unfinished;
import org.berth.host.ByteSize;

/**
 * What is in the cache.
 *
 * @param types those that were asked for
 */
public record CacheReport(List<CacheType> types, List<Entry> entries) {
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);
    private static final int SHOWN_NAME = 22;

    /**
     * @param name of the file
     * @param created when it was written
     * @param size in bytes
     */
    public record Entry(CacheType type, String name, Instant created, long size) {}

    public CacheReport {
        types = List.copyOf(types);
        entries = List.copyOf(entries);
    }

    static CacheReport of(Cache cache, List<CacheType> types) throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (CacheType type : CacheType.values()) {
            if (!types.contains(type)) {
                continue;
            }
            for (Path file : files(cache, type)) {
                try {
                    BasicFileAttributes attributes =
                            Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
                    entries.add(new Entry(
                            type,
                            file.getFileName().toString(),
                            attributes.lastModifiedTime().toInstant(),
                            attributes.size()));
                } catch (NoSuchFileException e) {
                    // Removed since the directory was read.
                }
            }
        }
        return new CacheReport(types, entries);
    }

    /** The finished files of a type. */
    static List<Path> files(Cache cache, CacheType type) throws IOException {
        Path directory = cache.directory(type);
        List<Path> files = new ArrayList<>();
        if (type == CacheType.BLOB) {
            for (Path algorithm : Folder.list(directory.resolve("blobs"), "*")) {
                files.addAll(Folder.list(algorithm, "*"));
            }
        } else {
            files.addAll(Folder.list(directory, "*"));
        }
        return files.stream().filter(CacheReport::isEntry).toList();
    }

    private static boolean isEntry(Path file) {
        String name = file.getFileName().toString();
        return !name.endsWith(Unfinished.SUFFIX) && !name.endsWith(LeaseFile.SUFFIX);
    }

    /** The lines of {@code cache list -v}, ahead of the summary. */
    public List<String> table(ZoneId zone) {
        List<String> lines = new ArrayList<>();
        lines.add(line("NAME", "DATE CREATED", "SIZE", "TYPE"));
        for (Entry entry : entries) {
            String name = entry.name();
            lines.add(line(
                    name.length() <= SHOWN_NAME ? name : name.substring(0, SHOWN_NAME),
                    DATE.format(entry.created().atZone(zone)),
                    size(entry.size()),
                    entry.type().word()));
        }
        return lines;
    }

    private static String line(String name, String date, String size, String type) {
        return String.format(Locale.ROOT, "%-24s %-22s %-16s %s", name, date, size, type);
    }

    /** The two lines of {@code cache list}. */
    public List<String> summary() {
        List<String> parts = new ArrayList<>();
        Predicate<Entry> isBlob = entry -> entry.type() == CacheType.BLOB;
        if (types.stream().anyMatch(type -> type != CacheType.BLOB)) {
            parts.add(count(isBlob.negate(), "container"));
        }
        if (types.contains(CacheType.BLOB)) {
            parts.add(count(isBlob, "oci blob"));
        }
        String counts = parts.isEmpty() ? "" : " " + String.join(" and ", parts);
        return List.of("There are%s of space".formatted(counts), "Total space used: " + size(total(entry -> true)));
    }

    private String count(Predicate<Entry> which, String kind) {
        return "%d %s file(s) using %s".formatted(entries.stream().filter(which).count(), kind, size(total(which)));
    }

    private long total(Predicate<Entry> which) {
        return entries.stream().filter(which).mapToLong(Entry::size).sum();
    }

    /** A size as Apptainer shows it: {@code 0.47 KiB}, {@code 112.78 MiB}. */
    static String size(long bytes) {
        return ByteSize.text(bytes);
    }
}
