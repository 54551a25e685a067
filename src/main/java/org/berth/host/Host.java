package org.berth.host;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.Reason;

/**
 * The one door to the machine: environment, files and their identities, each look recorded as an {@link Observation}.
 *
 * <p>Everything that planning a launch reads goes through here; see docs/architecture.md, "Remembered plans".
 */
public final class Host {
    /** As the kernel has it: path_resolution(7). */
    private static final int MAX_LINKS = 40;

    /** Whose id has none in this user namespace: /proc/sys/kernel/overflowuid, which nobody sets. */
    private static final int OVERFLOW_ID = 65534;

    private final Facts facts;
    private final Answers answers;
    private final List<Observation> observations = Collections.synchronizedList(new ArrayList<>());
    private final Map<Path, Optional<FileIdentity>> identities = new LinkedHashMap<>();

    public Host(Facts facts) {
        this(facts, Answers.OF_THE_MACHINE);
    }

    /** @param answers who answers: the machine, or what was written down of it */
    Host(Facts facts, Answers answers) {
        this.facts = facts;
        this.answers = answers;
    }

    public Facts facts() {
        return facts;
    }

    /** The value of a variable; a variable that is set to nothing counts as set. */
    public Optional<String> env(String name) {
        Optional<String> value = facts.environment(name);
        observations.add(new Observation.Variable(name, value));
        return value;
    }

    /** All variables whose names begin with {@code prefix}, in order of their names. */
    public Map<String, String> envWithPrefix(String prefix) {
        observations.add(new Observation.Variables(prefix));
        Map<String, String> found = new TreeMap<>();
        facts.environment().forEach((name, value) -> {
            if (name.startsWith(prefix)) {
                found.put(name, value);
            }
        });
        return found;
    }

    /**
     * A path as typed by the user, made absolute against the working directory.
     *
     * @throws UsageException if the text cannot be a path
     * @throws HostException if it is relative to a working directory that is gone
     */
    public Path path(String text) {
        try {
            Path path = Path.of(text);
            if (!path.isAbsolute() && !facts.cwdReachable()) {
                throw new HostException("%s: the working directory was removed or cannot be reached"
                                .formatted(text.isEmpty() ? "." : text))
                        .hint("change to another one, or name the whole path");
            }
            return facts.cwd().resolve(path).normalize();
        } catch (InvalidPathException e) {
            throw new UsageException("'%s' is not a path this program can handle: %s".formatted(text, e.getReason()));
        }
    }

    /** The identity of what the path leads to, links followed; empty if there is nothing or it is out of reach. */
    public Optional<FileIdentity> stat(Path path) {
        return identities.computeIfAbsent(path, p -> {
            Optional<FileIdentity> identity = answers.to("stat", p, () -> look(p));
            observations.add(new Observation.File(p, identity));
            return identity;
        });
    }

    /** The same as it is now, whatever it was before; for what may change meanwhile. */
    public Optional<FileIdentity> statNow(Path path) {
        unrepeatable("a second look at " + path);
        return answers.to("stat now", path, () -> look(path));
    }

    /**
     * Whether the caller is the one to whom the installation belongs: root, and not just in a user namespace that anybody may
     * make for the occasion, in which the files of the machine's root show as nobody's.
     */
    public boolean administrator() {
        if (!facts.root()) {
            return false;
        }
        boolean machine = read(Path.of("/proc/self/uid_map"), 4096)
                .map(bytes -> new String(bytes, StandardCharsets.US_ASCII).strip())
                .filter(map -> map.matches("0\\s+0\\s+4294967295"))
                .isPresent();
        return machine
                || stat(facts.prefix())
                        .map(identity -> identity.uid() != OVERFLOW_ID)
                        .orElse(true);
    }

    public boolean isDirectory(Path path) {
        return stat(path).map(FileIdentity::directory).orElse(false);
    }

    public boolean exists(Path path) {
        return stat(path).isPresent();
    }

    public boolean isReadable(Path path) {
        return permits(path, Observation.Right.READ);
    }

    public boolean isWritable(Path path) {
        return permits(path, Observation.Right.WRITE);
    }

    public boolean isExecutable(Path path) {
        return permits(path, Observation.Right.EXECUTE);
    }

    /** By access(2): groups, access lists and read-only mounts have a say that no identity tells of. */
    private boolean permits(Path path, Observation.Right right) {
        if (stat(path).isEmpty()) {
            return false;
        }
        boolean permitted = answers.to(right.name(), path, () -> switch (right) {
            case READ -> Files.isReadable(path);
            case WRITE -> Files.isWritable(path);
            case EXECUTE -> Files.isExecutable(path);
        });
        observations.add(new Observation.Permission(path, right, permitted));
        return permitted;
    }

    /**
     * Whether the caller may read and write what the path leads to, by access(2): a device that its cgroup forbids counts as
     * closed. Nothing is opened, since opening some devices (a GPU) starts them.
     */
    public boolean grantsAccess(Path path) {
        boolean granted = stat(path).isPresent()
                && answers.to("access", path, () -> Files.isReadable(path) && Files.isWritable(path));
        observations.add(new Observation.Access(path, granted));
        return granted;
    }

    /** The first bytes of a file, at most {@code limit}; empty if it is not there. */
    public Optional<byte[]> read(Path path, int limit) {
        if (stat(path).isEmpty()) {
            return Optional.empty();
        }
        return answers.to("read " + limit, path, () -> {
            try (InputStream in = Files.newInputStream(path)) {
                return Optional.of(in.readNBytes(limit));
            } catch (NoSuchFileException e) {
                return Optional.empty();
            } catch (IOException e) {
                throw new HostException("could not read %s: %s".formatted(path, Reason.of(e)), e);
            }
        });
    }

    /**
     * All bytes of a file; empty only if there is nothing of that name. For what may forbid something: out of reach, a link to
     * nothing, or too long is not the same as not there.
     *
     * @throws HostException if it has more than {@code limit} bytes or cannot be read
     */
    public Optional<byte[]> readWhole(Path path, int limit) {
        if (stat(path).isEmpty()) {
            if (answers.to("not exists", path, () -> Files.notExists(path, LinkOption.NOFOLLOW_LINKS))) {
                return Optional.empty();
            }
            throw new HostException("could not read %s: it is out of reach, or a link to nothing".formatted(path));
        }
        byte[] bytes = read(path, limit + 1)
                .orElseThrow(() -> new HostException("could not read %s: it was removed meanwhile".formatted(path)));
        if (bytes.length > limit) {
            throw new HostException("%s is too long, at most %d bytes are read".formatted(path, limit));
        }
        return Optional.of(bytes);
    }

    /** Parts of a file that is open. */
    public interface Parts {
        /** The bytes from {@code offset} on, at most {@code length}; fewer at the file's end. */
        byte[] read(long offset, int length);
    }

    /** What {@code reader} makes of parts of a file; empty if the file is not there or cannot be read. */
    public <T> Optional<T> readParts(Path path, Function<Parts, T> reader) {
        if (!stat(path).map(FileIdentity::regular).orElse(false)) {
            return Optional.empty();
        }
        // What is made of the parts has to be a value: it is what is written down.
        return answers.to("parts by " + reader.getClass().getName(), path, () -> {
            try (FileChannel channel = FileChannel.open(path)) {
                return Optional.of(reader.apply((offset, length) -> part(channel, offset, length)));
            } catch (IOException | UncheckedIOException e) {
                return Optional.empty();
            }
        });
    }

    private static byte[] part(FileChannel channel, long offset, int length) {
        try {
            long left = offset < 0 ? 0 : Math.max(0, channel.size() - offset);
            ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(left, length));
            while (buffer.hasRemaining() && channel.read(buffer, offset + buffer.position()) >= 0) {
                continue;
            }
            return Arrays.copyOf(buffer.array(), buffer.position());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Where a path leads for a program whose root directory is {@code root}: no link leaves it.
     *
     * @return a path without links, which need not exist; empty after more than 40 links
     */
    public Optional<Path> inside(Path root, String path) {
        Deque<String> left = new ArrayDeque<>(List.of(path.split("/")));
        Path at = root;
        int links = 0;
        while (!left.isEmpty()) {
            String name = left.removeFirst();
            if (name.isEmpty() || name.equals(".")) {
                continue;
            }
            if (name.equals("..")) {
                at = at.equals(root) ? root : requireNonNull(at.getParent());
                continue;
            }
            Path next = at.resolve(name);
            Optional<String> target = target(next);
            if (target.isEmpty()) {
                at = next;
                continue;
            }
            links++;
            if (links > MAX_LINKS) {
                return Optional.empty();
            }
            String text = target.orElseThrow();
            if (text.startsWith("/")) {
                at = root;
            }
            List.of(text.split("/")).reversed().forEach(left::addFirst);
        }
        return Optional.of(at);
    }

    /** What a link says, if it is one and says a whole path. */
    public Optional<Path> leadsTo(Path link) {
        unrepeatable("look at the link " + link);
        return target(link).filter(text -> text.startsWith("/")).map(Path::of);
    }

    private Optional<String> target(Path link) {
        Optional<String> target = answers.to("link", link, () -> {
            try {
                return Files.isSymbolicLink(link)
                        ? Optional.of(Files.readSymbolicLink(link).toString())
                        : Optional.empty();
            } catch (IOException e) {
                return Optional.empty();
            }
        });
        observations.add(new Observation.Link(link, target));
        return target;
    }

    /** The names in a directory, sorted; empty if there is none or it is closed to the user. */
    public List<String> list(Path directory) {
        if (!isDirectory(directory)) {
            return List.of();
        }
        // A name more or less changes the directory's time, which was looked at.
        return answers.to("list", directory, () -> {
            try (Stream<Path> entries = Files.list(directory)) {
                return entries.map(entry -> String.valueOf(entry.getFileName()))
                        .sorted()
                        .toList();
            } catch (IOException e) {
                return List.of();
            }
        });
    }

    /**
     * Whether what a path leads to belongs to that user; a name or an id.
     *
     * @throws HostException if there is no such user
     */
    public boolean belongsToUser(Path path, String user) {
        return belongs(path, "user " + user, lookup -> lookup.lookupPrincipalByName(user), PosixFileAttributes::owner);
    }

    /** The same for its group. */
    public boolean belongsToGroup(Path path, String group) {
        return belongs(
                path, "group " + group, lookup -> lookup.lookupPrincipalByGroupName(group), PosixFileAttributes::group);
    }

    private interface Lookup {
        UserPrincipal by(UserPrincipalLookupService service) throws IOException;
    }

    /** Principals are equal if their numbers are. */
    private boolean belongs(
            Path path, String who, Lookup lookup, Function<PosixFileAttributes, ? extends UserPrincipal> part) {
        stat(path);
        unrepeatable("look-up of " + who);
        try {
            UserPrincipal wanted = lookup.by(path.getFileSystem().getUserPrincipalLookupService());
            return wanted.equals(part.apply(Files.readAttributes(path, PosixFileAttributes.class)));
        } catch (UserPrincipalNotFoundException e) {
            throw new HostException("there is no %s here".formatted(who), e);
        } catch (IOException e) {
            throw new HostException("could not look up %s: %s".formatted(who, Reason.of(e)), e);
        }
    }

    /** Something was decided that may be decided otherwise next time. */
    public void unrepeatable(String what) {
        observations.add(new Observation.Unrepeatable(what));
    }

    /** The path with all symbolic links resolved, or the path itself where that is impossible. */
    public Path realPath(Path path) {
        Path real = answers.to("real path", path, () -> {
            try {
                return path.toRealPath();
            } catch (IOException e) {
                return path;
            }
        });
        stat(path);
        observations.add(new Observation.RealPath(path, real));
        return real;
    }

    /** Whether the path itself is a symbolic link. */
    public boolean isLink(Path path) {
        return target(path).isPresent();
    }

    /**
     * What a program prints on standard output, run with the caller's environment; its standard error is the caller's.
     *
     * @throws HostException if it cannot be run, ends with another status than 0, or takes longer than a minute
     */
    public String output(List<String> command) {
        Ended ended = run(command, Map.of(), new byte[0], ProcessBuilder.Redirect.INHERIT);
        if (ended.status() != 0) {
            throw new HostException("%s ended with status %d".formatted(String.join(" ", command), ended.status()));
        }
        return ended.output();
    }

    /** How a program has ended, and what it printed. */
    public record Ended(int status, String output, String errors) {}

    /**
     * Runs a program with the caller's environment and these variables over it, which reads these bytes; of what it says on
     * standard error the first 64 KiB are kept.
     *
     * @throws HostException if it cannot be run, or takes longer than a minute
     */
    public Ended run(List<String> command, Map<String, String> variables, byte[] input) {
        return run(command, variables, input, ProcessBuilder.Redirect.PIPE);
    }

    private Ended run(
            List<String> command, Map<String, String> variables, byte[] input, ProcessBuilder.Redirect errors) {
        unrepeatable(command.getFirst());
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().putAll(facts.environment());
        builder.environment().putAll(variables);
        builder.directory(facts.cwd().toFile());
        builder.redirectError(errors);
        try {
            Process process = builder.start();
            Thread guard = Thread.ofVirtual().start(() -> endAfterAMinute(process));
            Thread writer = Thread.ofVirtual().start(() -> write(process.getOutputStream(), input));
            byte[][] said = {new byte[0]};
            Thread listener = Thread.ofVirtual().start(() -> said[0] = firstOf(process.getErrorStream()));
            byte[] output = process.getInputStream().readAllBytes();
            int status = process.waitFor();
            writer.join();
            listener.join();
            guard.interrupt();
            return new Ended(status, Bytes.decode(output), Bytes.decode(said[0]));
        } catch (IOException e) {
            throw new HostException("could not run %s: %s".formatted(command.getFirst(), Reason.of(e)), e);
        } catch (InterruptedException e) {
            throw new HostException("interrupted while %s ran".formatted(command.getFirst()), e);
        }
    }

    /** Who does not read all of it has read enough. */
    private static void write(OutputStream out, byte[] bytes) {
        try (out) {
            out.write(bytes);
        } catch (IOException e) {
            return;
        }
    }

    private static byte[] firstOf(InputStream errors) {
        try {
            byte[] first = errors.readNBytes(1 << 16);
            errors.transferTo(OutputStream.nullOutputStream());
            return first;
        } catch (IOException e) {
            return new byte[0];
        }
    }

    private static void endAfterAMinute(Process process) {
        try {
            if (!process.waitFor(1, TimeUnit.MINUTES)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public List<Observation> observations() {
        return List.copyOf(observations);
    }

    private static Optional<FileIdentity> look(Path path) {
        try {
            Map<String, Object> a =
                    Files.readAttributes(path, "unix:dev,ino,size,mode,uid,lastModifiedTime,ctime", new LinkOption[0]);
            return Optional.of(new FileIdentity(
                    requireNonNull((Long) a.get("dev")),
                    requireNonNull((Long) a.get("ino")),
                    requireNonNull((Long) a.get("size")),
                    requireNonNull((Integer) a.get("mode")),
                    requireNonNull((Integer) a.get("uid")),
                    requireNonNull((FileTime) a.get("lastModifiedTime")).to(TimeUnit.NANOSECONDS),
                    requireNonNull((FileTime) a.get("ctime")).to(TimeUnit.NANOSECONDS)));
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
