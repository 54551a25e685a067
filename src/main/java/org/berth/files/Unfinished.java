package org.berth.files;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.error.HostException;
import org.berth.process.ProcessIdentity;

/**
 * A file that is being written beside its destination, and appears there by rename: {@code NAME.OWNER.RANDOM.part}.
 *
 * <p>The name says which process writes it, so that whoever cleans up need not open it and asks no lock, which some file
 * systems refuse and others keep to one machine. It is abandoned when that process is known to be gone; one of another
 * machine, of which nobody here can tell, when nothing was written for a day. A name without an owner is nobody's. It may be a
 * directory as well, with what is in it.
 */
public final class Unfinished implements AutoCloseable {
    public static final String SUFFIX = ".part";
    static final Duration GIVEN_UP = Duration.ofDays(1);
    /** Stands for the destination's name in folders that are not the cache's: a hidden one. */
    private static final String HIDDEN = ".berth";

    private static final Pattern OWNED = Pattern.compile(".*\\.([A-Za-z0-9-]+)\\.[0-9a-f]{16}\\.part", Pattern.DOTALL);

    private final Path destination;
    private final Path path;
    private final long keptFrom;
    private final AtEnd atEnd;

    private Unfinished(Path destination, Path path, long keptFrom) {
        this.destination = destination;
        this.path = path;
        this.keptFrom = keptFrom;
        this.atEnd = new AtEnd(this::discard);
    }

    /** Chooses a name, and removes what killed writers left in the folder. */
    public static Unfinished beside(Path destination) {
        Path folder = OutputFiles.folder(destination);
        for (Path left : abandonedQuietly(folder)) {
            removeQuietly(left);
        }
        return new Unfinished(destination, folder.resolve(name(HIDDEN)), Long.MAX_VALUE);
    }

    /** Chooses a name for a file of the cache. */
    public static Unfinished of(Path file) {
        return resumable(file, Long.MAX_VALUE);
    }

    /**
     * Chooses a name for a file of the cache that somebody may take up when this process does not finish it.
     *
     * @param keptFrom bytes that are worth it; with fewer the file is removed
     */
    public static Unfinished resumable(Path file, long keptFrom) {
        String name = name(file.getFileName().toString());
        return new Unfinished(file, OutputFiles.folder(file).resolve(name), keptFrom);
    }

    private static String name(String destination) {
        return "%s.%s.%s%s".formatted(destination, ProcessIdentity.current().word(), random(), SUFFIX);
    }

    private static String random() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }

    /** Where to write; does not exist yet. */
    public Path path() {
        return path;
    }

    /** Gives the file, which is complete and on the disk, its name; what had it is replaced. */
    public void publish() {
        try {
            Files.move(path, destination, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new HostException("could not write %s: %s".formatted(destination, Reason.of(e)), e);
        }
    }

    /** Removes the file; also one that could be taken up. */
    public void remove() throws IOException {
        Files.deleteIfExists(path);
    }

    /** Removes the file unless it was published, or makes it nobody's so that it can be taken up at once. */
    @Override
    public void close() {
        try {
            discard();
        } catch (IOException e) {
            throw new HostException("could not remove %s: %s".formatted(path, Reason.of(e)), e);
        }
        atEnd.close();
    }

    private void discard() throws IOException {
        try {
            if (keptFrom < Long.MAX_VALUE && Files.size(path) >= keptFrom) {
                String name = destination.getFileName() + "." + random() + SUFFIX;
                Files.move(path, path.resolveSibling(name), StandardCopyOption.ATOMIC_MOVE);
            } else {
                Trees.delete(path);
            }
        } catch (NoSuchFileException e) {
            // Published, or never begun.
        }
    }

    private static List<Path> abandonedQuietly(Path folder) {
        try {
            return abandoned(folder, HIDDEN);
        } catch (IOException e) {
            // A folder that cannot be listed: the write itself will tell what matters.
            return List.of();
        }
    }

    private static void removeQuietly(Path left) {
        try {
            Trees.delete(left);
        } catch (IOException e) {
            // It costs space, until somebody can.
        }
    }

    /** The unfinished files of a name that nobody writes any more. */
    public static List<Path> abandoned(Path directory, String name) throws IOException {
        return abandoned(directory, file -> startsWith(file, name + "."));
    }

    /** The unfinished files of any name that nobody writes any more. */
    public static List<Path> abandoned(Path directory) throws IOException {
        return abandoned(directory, _ -> true);
    }

    private static List<Path> abandoned(Path directory, DirectoryStream.Filter<Path> which) throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> parts =
                Files.newDirectoryStream(directory, path -> path.toString().endsWith(SUFFIX) && which.accept(path))) {
            for (Path part : parts) {
                if (isAbandoned(part)) {
                    found.add(part);
                }
            }
        } catch (NoSuchFileException e) {
            return List.of();
        }
        found.sort(null);
        return found;
    }

    private static boolean startsWith(Path file, String prefix) {
        return Objects.requireNonNull(file.getFileName()).toString().startsWith(prefix);
    }

    private static boolean isAbandoned(Path part) throws IOException {
        try {
            PosixFileAttributes attributes =
                    Files.readAttributes(part, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            // Another user's processes may be hidden from us, and his files are his to remove.
            boolean ours = attributes.isRegularFile() || attributes.isDirectory();
            if (!ours || !attributes.owner().equals(user())) {
                return false;
            }
            Optional<ProcessIdentity> owner = owner(part);
            return owner.map(process -> process.isGone() || !process.isNeighbour() && isOld(attributes))
                    .orElse(attributes.isRegularFile());
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** Nothing was written to it for a day. */
    public static boolean isOld(Path part) throws IOException {
        try {
            return isOld(Files.readAttributes(part, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS));
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    private static boolean isOld(PosixFileAttributes attributes) {
        return attributes.lastModifiedTime().toInstant().isBefore(Instant.now().minus(GIVEN_UP));
    }

    private static UserPrincipal user() throws IOException {
        return Files.getOwner(Path.of("/proc/self"));
    }

    /** Who writes the unfinished file. */
    public static Optional<ProcessIdentity> owner(Path part) {
        Matcher matcher = OWNED.matcher(String.valueOf(part.getFileName()));
        return matcher.matches() ? ProcessIdentity.parse(matcher.group(1)) : Optional.empty();
    }
}
