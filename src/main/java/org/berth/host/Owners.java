package org.berth.host;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Whose files are believed: the one rule for all that Berth finds by itself (caches, kept containers, copies, records).
 *
 * <p>A directory or file is trusted that nobody else can have filled: it is no link, it is the caller's, and only the caller
 * writes to it. The site may trust other owners and groups ({@code trusted-owners}, {@code trusted-groups}). What is said inside a
 * file proves nothing, since whoever writes it writes its digest too. A file that the user names is never asked after.
 */
public final class Owners {
    /** What the kernel shows for an owner that this namespace or file server has no number for. */
    private static final int OVERFLOW = 65534;

    private static final int GROUP_WRITES = 020;
    private static final int OTHERS_WRITE = 002;
    private static final int TYPE = 0170000;
    private static final int DIRECTORY = 0040000;
    private static final int REGULAR = 0100000;
    private static final int LINK = 0120000;
    private static final int MAX_GROUPS_TEXT = 1 << 20;

    private final int uid;
    private final List<String> owners;
    private final List<String> groups;
    private final Map<String, Boolean> members = new ConcurrentHashMap<>();

    /**
     * @param owners names or numbers of users that are trusted besides the caller
     * @param groups of which the owner of a file has to be a member, and which may write to it
     */
    public Owners(int uid, List<String> owners, List<String> groups) {
        this.uid = uid;
        this.owners = List.copyOf(owners);
        this.groups = List.copyOf(groups);
    }

    /** The caller alone. */
    public static Owners only(int uid) {
        return new Owners(uid, List.of(), List.of());
    }

    public int uid() {
        return uid;
    }

    /** Something is there that is not trusted; its reason says whose it is. */
    public static final class NotTrusted extends FileSystemException {
        private static final long serialVersionUID = 1;

        NotTrusted(Path path, String reason) {
            super(path.toString(), null, reason);
        }
    }

    /** What is to be found at a path. */
    public enum Kind {
        DIRECTORY(Owners.DIRECTORY, "directory"),
        FILE(REGULAR, "regular file");

        private final int type;
        private final String word;

        Kind(int type, String word) {
            this.type = type;
            this.word = word;
        }
    }

    /**
     * Why what is there is not trusted, in words that follow its name; empty if it is.
     *
     * @throws java.nio.file.NoSuchFileException if there is nothing
     */
    public Optional<String> objection(Path path, Kind kind) throws IOException {
        Map<String, Object> status = status(path);
        int mode = number(status, "mode");
        int type = mode & TYPE;
        if (type != kind.type) {
            return Optional.of(type == LINK ? "is a symbolic link" : "is no " + kind.word);
        }
        return owner(path, number(status, "uid")).or(() -> writers(path, mode));
    }

    /** The same as an exception. */
    public void require(Path path, Kind kind) throws IOException {
        Optional<String> objection = objection(path, kind);
        if (objection.isPresent()) {
            throw new NotTrusted(path, objection.orElseThrow());
        }
    }

    /**
     * Which file or directory that is, as {@code DEVICE:INODE}, if it is trusted: whoever opens it later sees by that whether it is
     * still the same.
     */
    public String identity(Path path, Kind kind) throws IOException {
        require(path, kind);
        Map<String, Object> which = Files.readAttributes(path, "unix:dev,ino,uid", LinkOption.NOFOLLOW_LINKS);
        if (owner(path, number(which, "uid")).isPresent()) {
            throw new NotTrusted(path, "was exchanged while it was looked at");
        }
        return "%s:%s"
                .formatted(
                        Long.toUnsignedString((Long) Objects.requireNonNull(which.get("dev"))),
                        Long.toUnsignedString((Long) Objects.requireNonNull(which.get("ino"))));
    }

    /** Whose a directory is, if it is nobody's that is trusted, in words that follow its name; who may write to it does not matter. */
    public Optional<String> anothers(Path path) throws IOException {
        return owner(path, number(status(path), "uid"));
    }

    private Optional<String> owner(Path path, int owner) {
        if (owner == uid) {
            return Optional.empty();
        }
        try {
            PosixFileAttributes attributes =
                    Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            String name = attributes.owner().getName();
            String group = attributes.group().getName();
            if (owners.contains(name)
                    || owners.contains(Integer.toUnsignedString(owner))
                    || groups.contains(group) && isMember(name, group)) {
                return Optional.empty();
            }
            return Optional.of(
                    owner == OVERFLOW
                            ? "shows as nobody's (user 65534), whose owner is not known here; where it is to be trusted all the same,"
                                    + " the administrator says so by trusted-owners in berth.yaml"
                            : "belongs to %s".formatted(called(name, owner)));
        } catch (IOException e) {
            return Optional.of("belongs to user " + Integer.toUnsignedString(owner));
        }
    }

    private static String called(String name, int number) {
        String digits = Integer.toUnsignedString(number);
        return name.equals(digits) ? "user " + digits : "%s (user %s)".formatted(name, digits);
    }

    /** An access list counts here too: its mask is what the mode shows for the group. */
    private Optional<String> writers(Path path, int mode) {
        if ((mode & OTHERS_WRITE) != 0) {
            return Optional.of("may be written to by everybody (mode %04o)".formatted(mode & 07777));
        }
        if ((mode & GROUP_WRITES) == 0 || !groups.isEmpty() && groups.contains(group(path))) {
            return Optional.empty();
        }
        return Optional.of("may be written to by the group %s (mode %04o)".formatted(group(path), mode & 07777));
    }

    private static String group(Path path) {
        try {
            return Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .group()
                    .getName();
        } catch (IOException e) {
            return "of another";
        }
    }

    /**
     * Whether a user is in a group. A file of the group alone says nothing: in a directory with the setgid bit that everybody may
     * write to, everybody makes such files.
     */
    private boolean isMember(String user, String group) {
        return members.computeIfAbsent(user + "\n" + group, _ -> groupsOf(user).contains(group));
    }

    private static List<String> groupsOf(String user) {
        try {
            Process process = new ProcessBuilder("/usr/bin/id", "-Gn", "--", user)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            process.getOutputStream().close();
            Thread guard = Thread.ofVirtual().start(() -> endAfterTenSeconds(process));
            try (InputStream said = process.getInputStream()) {
                String text = new String(said.readNBytes(MAX_GROUPS_TEXT), StandardCharsets.UTF_8);
                guard.interrupt();
                return List.of(text.strip().split("\\s+"));
            }
        } catch (IOException e) {
            return List.of();
        }
    }

    private static void endAfterTenSeconds(Process process) {
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    static Map<String, Object> status(Path path) throws IOException {
        return Files.readAttributes(path, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
    }

    static int number(Map<String, Object> status, String name) {
        return (Integer) Objects.requireNonNull(status.get(name));
    }
}
