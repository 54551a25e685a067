package org.berth.host;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import org.berth.host.Owners.Kind;

/**
 * Directories of the caller's alone, mode 0700: from the first one that Berth makes on, nobody else can put anything there, read it,
 * or exchange it. What lies above may be anything, such as a directory where every user may write.
 */
public final class OwnDirectory {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
            PosixFilePermissions.asFileAttribute(OWNER_ONLY);
    private static final int PERMISSIONS = 0777;
    private static final int PRIVATE_MODE = 0700;
    private static final int GROUP_WRITES = 0020;
    private static final int DIRECTORY = 0040000;
    private static final int TYPE = 0170000;

    /** Who fills a directory with more than that only keeps himself from working there. */
    private static final int MAX_LISTED = 65536;

    private static final int ATTEMPTS = 20;
    private static final Pattern DIGITS = Pattern.compile("[0-9a-f]{16}");

    private OwnDirectory() {}

    /**
     * Makes a directory and what is missing above it, unless it is there.
     *
     * @throws Owners.NotTrusted if it is there and another's
     */
    public static Path make(Path directory, Owners owners) throws IOException {
        if (!isThere(directory, owners)) {
            Deque<Path> missing = new ArrayDeque<>();
            for (Path here = directory.toAbsolutePath(); here != null && !Files.exists(here); here = here.getParent()) {
                missing.push(here);
            }
            for (Path here : missing) {
                makeOne(here, owners);
            }
            owners.require(directory, Kind.DIRECTORY);
        }
        return directory;
    }

    /**
     * Whether it is there and trusted. One of the caller's that others can only read is closed to them: it comes from another
     * program, or from a hand.
     *
     * @throws Owners.NotTrusted if it is another's
     */
    public static boolean isThere(Path directory, Owners owners) throws IOException {
        try {
            owners.require(directory, Kind.DIRECTORY);
        } catch (NoSuchFileException e) {
            return false;
        }
        close(directory, owners);
        return true;
    }

    private static void makeOne(Path directory, Owners owners) throws IOException {
        try {
            Files.createDirectory(directory, PRIVATE);
        } catch (FileAlreadyExistsException e) {
            // Another process made it meanwhile; whose it is is looked at by the caller.
            return;
        }
        close(directory, owners);
    }

    /**
     * A umask can have taken bits away. The setgid bit that comes from a project's directory stays: it says only which group new
     * files count for. An inherited access list grants nothing, as mkdir with this mode leaves its mask empty.
     */
    private static void close(Path directory, Owners owners) throws IOException {
        var status = Owners.status(directory);
        int mode = Owners.number(status, "mode");
        // One that a group may write to was found fit: the site trusts that group.
        if ((mode & TYPE) == DIRECTORY
                && Owners.number(status, "uid") == owners.uid()
                && (mode & GROUP_WRITES) == 0
                && (mode & PERMISSIONS) != PRIVATE_MODE) {
            Files.setPosixFilePermissions(directory, OWNER_ONLY);
        }
    }

    /**
     * The caller's directory of a name where everybody may write, without making it. Where the name is taken by somebody else it
     * is {@code NAME.RANDOM}, found by its owner: such a name cannot be taken beforehand. The Slurm plugin's epilog goes by the
     * same rule (slurm-plugin/child.c).
     *
     * @throws Owners.NotTrusted if it is the caller's, but others may write to it
     */
    public static Optional<Path> find(Path parent, String name, Owners owners) throws IOException {
        Path plain = parent.resolve(name);
        return isOwn(plain, owners) && isThere(plain, owners)
                ? Optional.of(plain)
                : others(parent, name, owners).stream().findFirst();
    }

    /** The same; makes it if there is none. */
    public static Path of(Path parent, String name, Owners owners) throws IOException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Optional<Path> there = find(parent, name, owners);
            if (there.isPresent()) {
                return there.orElseThrow();
            }
            Path plain = parent.resolve(name);
            if (!Files.exists(plain, LinkOption.NOFOLLOW_LINKS)) {
                if (Files.isDirectory(parent)) {
                    makeOne(plain, owners);
                } else {
                    make(plain, owners);
                }
            } else if (isAlone(made(parent, name, owners), parent, name, owners)) {
                return others(parent, name, owners).getFirst();
            }
        }
        throw new Owners.NotTrusted(parent.resolve(name), "is another's, and no other name could be had beside it");
    }

    private static Path made(Path parent, String name, Owners owners) throws IOException {
        String random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        Path made = parent.resolve(name + "." + random);
        Files.createDirectory(made, PRIVATE);
        close(made, owners);
        return made;
    }

    /** Of two processes that make one at the same time at least one sees both names, and withdraws its own. */
    private static boolean isAlone(Path made, Path parent, String name, Owners owners) throws IOException {
        if (others(parent, name, owners).size() == 1) {
            return true;
        }
        try {
            Files.delete(made);
            Thread.sleep(ThreadLocalRandom.current().nextLong(1, 50));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            // Somebody uses it already.
        }
        return false;
    }

    /** The caller's own directories of such a name, in the order of their names. */
    private static List<Path> others(Path parent, String name, Owners owners) throws IOException {
        if (!Files.exists(parent.resolve(name), LinkOption.NOFOLLOW_LINKS)) {
            return List.of();
        }
        List<Path> found = new ArrayList<>();
        int listed = 0;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(parent)) {
            for (Path entry : entries) {
                String text = String.valueOf(entry.getFileName());
                if (text.length() == name.length() + 17
                        && text.startsWith(name + ".")
                        && DIGITS.matcher(text.substring(name.length() + 1)).matches()
                        && isOwn(entry, owners)
                        && owners.objection(entry, Kind.DIRECTORY).isEmpty()) {
                    found.add(entry);
                }
                if (++listed == MAX_LISTED) {
                    break;
                }
            }
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        found.sort(null);
        return found;
    }

    /** By its type and number alone: what others may do with it is another question. */
    private static boolean isOwn(Path path, Owners owners) throws IOException {
        try {
            var status = Owners.status(path);
            return (Owners.number(status, "mode") & TYPE) == DIRECTORY
                    && owners.anothers(path).isEmpty();
        } catch (NoSuchFileException e) {
            return false;
        }
    }
}
