package org.berth.cache;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.berth.files.OutputFiles;
import org.berth.files.SmallFile;
import org.berth.host.OwnDirectory;
import org.berth.host.Owners;

/**
 * When images were used last and which are to stay: {@code cache/used/TYPE.NAME}, whose time is that of the last use, and
 * {@code cache/pins/TYPE.NAME} or {@code …job-ID}.
 *
 * <p>The images themselves are never touched: where sites remove what was not used for long, they forbid to feign use, and to
 * set a file's time drops the locks that the process has on it.
 */
public final class Uses {
    /** A use within this time of the last mark is not marked again. */
    static final Duration MARK_INTERVAL = Duration.ofMinutes(1);

    private static final String JOB = ".job-";
    private static final String CLAIM = ".sbcast-";
    private static final Duration LONGEST_JOB = Duration.ofDays(7);
    private static final int MAX_PIN = 4096;

    private final Owners owners;
    private final Path used;
    private final Path pins;

    /** @param root what the user calls the cache directory */
    public Uses(Path root, Owners owners) {
        this.owners = owners;
        Path base = root.toAbsolutePath().resolve("cache");
        this.used = base.resolve("used");
        this.pins = base.resolve("pins");
    }

    /** A finished file of the cache. */
    public record Entry(CacheType type, String name) {
        private String file() {
            return type.word() + "." + name;
        }
    }

    /** An image that the user wants to keep, as he named it. */
    public record Pin(Entry entry, String image) {}

    /** Which file of a cache a path is; empty if it is no image in it. */
    public static Optional<Entry> entry(Path root, Path file) {
        Path base = root.toAbsolutePath().normalize().resolve("cache");
        Path path = file.toAbsolutePath().normalize();
        if (!path.startsWith(base) || path.getNameCount() != base.getNameCount() + 2) {
            return Optional.empty();
        }
        return CacheType.of(path.getName(base.getNameCount()).toString())
                .filter(type -> type != CacheType.BLOB)
                .map(type -> new Entry(type, path.getFileName().toString()));
    }

    /** Remembers that the file is used now. A cache that cannot be written serves all the same. */
    public void mark(Entry entry) {
        Path mark = used.resolve(entry.file());
        try {
            Instant now = Instant.now();
            if (Files.getLastModifiedTime(mark).toInstant().isBefore(now.minus(MARK_INTERVAL))) {
                Files.setLastModifiedTime(mark, FileTime.from(now));
            }
        } catch (NoSuchFileException e) {
            write(mark, "");
        } catch (IOException e) {
            // Another user's, or read-only.
        }
    }

    /** When it was marked last. */
    Optional<Instant> marked(Entry entry) {
        try {
            return Optional.of(
                    Files.getLastModifiedTime(used.resolve(entry.file())).toInstant());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    void forget(Entry entry) throws IOException {
        Files.deleteIfExists(used.resolve(entry.file()));
    }

    /** Keeps an image until it is unpinned. */
    public void pin(Entry entry, String image) throws IOException {
        OwnDirectory.make(pins, owners);
        Folder.write(pins.resolve(entry.file()), (image + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Keeps an image as long as a job, or a job array, may use it, on whatever machine. The first of its steps writes, the others
     * look; a later task of an array may end later.
     */
    public void pinForJob(Entry entry, String job, String cluster, Instant until) {
        Path pin = pins.resolve(entry.file() + JOB + job);
        if (!Files.exists(pin) || isOver(pin, until)) {
            write(pin, "%d %s\n".formatted(until.getEpochSecond(), cluster));
        }
    }

    /** Whether nobody has done a thing for this file in that job yet; from now on somebody has. */
    public boolean claim(Entry entry, String job) {
        try {
            OwnDirectory.make(used, owners);
            Folder.createFile(used.resolve(entry.file() + CLAIM + job)).close();
            return true;
        } catch (IOException e) {
            // Another was first, or nothing can be written here.
            return false;
        }
    }

    private void write(Path file, String text) {
        try {
            OwnDirectory.make(OutputFiles.folder(file), owners);
            Folder.write(file, text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // A cache that is full or read-only serves this use all the same.
        }
    }

    /**
     * Takes a pin away.
     *
     * @param image as it was named when it was pinned, or the beginning of the file's name
     * @return what is not pinned any more
     */
    public List<Pin> unpin(String image) throws IOException {
        List<Pin> gone = new ArrayList<>();
        for (Pin pin : pinned()) {
            boolean named = image.length() >= 6 && pin.entry().name().startsWith(image);
            if (named || pin.image().equals(image)) {
                Files.deleteIfExists(pins.resolve(pin.entry().file()));
                gone.add(pin);
            }
        }
        return gone;
    }

    /** What the user has pinned, by the files' names. */
    public List<Pin> pinned() throws IOException {
        List<Pin> found = new ArrayList<>();
        for (Path file : Folder.list(pins, "*")) {
            String name = file.getFileName().toString();
            if (!name.contains(JOB) && !name.endsWith(".part")) {
                entryOf(name).ifPresent(entry -> found.add(new Pin(entry, text(file))));
            }
        }
        return found;
    }

    private static Optional<Entry> entryOf(String file) {
        int dot = file.indexOf('.');
        return dot < 0
                ? Optional.empty()
                : CacheType.of(file.substring(0, dot)).map(type -> new Entry(type, file.substring(dot + 1)));
    }

    /** Why a file is to stay, in words; empty if nobody pins it. */
    Optional<String> pin(Entry entry, Instant now) throws IOException {
        if (Files.exists(pins.resolve(entry.file()))) {
            return Optional.of("pinned");
        }
        for (Path file : Folder.list(pins, entry.file() + JOB + "*")) {
            String name = file.getFileName().toString();
            if (!name.endsWith(".part") && !isOver(file, now)) {
                return Optional.of("used by job " + name.substring(name.lastIndexOf(JOB) + JOB.length()));
            }
        }
        return Optional.empty();
    }

    /** The jobs of this user that pin something, by their numbers; several clusters may share a cache. */
    public Set<String> jobs(String cluster) throws IOException {
        Set<String> jobs = new TreeSet<>();
        for (Path file : Folder.list(pins, "*" + JOB + "*")) {
            if (isOf(cluster, file)) {
                job(file).ifPresent(jobs::add);
            }
        }
        return jobs;
    }

    private boolean isOf(String cluster, Path file) throws IOException {
        return text(file).endsWith(" " + cluster)
                && Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS)
                        .equals(owners.uid());
    }

    private static Optional<String> job(Path pin) {
        String name = pin.getFileName().toString();
        String job = name.substring(name.lastIndexOf(JOB) + JOB.length());
        return job.matches("[0-9]{1,10}") ? Optional.of(job) : Optional.empty();
    }

    /** Takes the pins of these jobs of the user's away. */
    public void release(String cluster, Set<String> jobs) throws IOException {
        for (Path file : Folder.list(pins, "*" + JOB + "*")) {
            if (job(file).filter(jobs::contains).isPresent() && isOf(cluster, file)) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** Removes pins and claims of jobs that are over. */
    void sweep(Instant now) throws IOException {
        for (Path file : Folder.list(used, "*" + CLAIM + "*")) {
            if (Files.getLastModifiedTime(file).toInstant().isBefore(now.minus(LONGEST_JOB))) {
                Files.deleteIfExists(file);
            }
        }
        for (Path file : Folder.list(pins, "*" + JOB + "*")) {
            if (isOver(file, now)) {
                Files.deleteIfExists(file);
            }
        }
    }

    private static boolean isOver(Path file, Instant now) {
        String text = text(file).replaceFirst(" .*", "");
        return text.matches("[0-9]{1,18}")
                && Instant.ofEpochSecond(Long.parseLong(text)).isBefore(now);
    }

    private static String text(Path file) {
        try {
            return SmallFile.text(file, MAX_PIN, StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "";
        }
    }
}
