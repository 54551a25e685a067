package org.berth.host;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.UsageException;

/**
 * The one door to the machine: environment, files and their identities, each look recorded as an {@link Observation}.
 *
 * <p>Everything that planning a launch reads goes through here; see docs/architecture.md, "Remembered plans".
 */
public final class Host {
    private final Facts facts;
    private final List<Observation> observations = new ArrayList<>();
    private final Map<Path, Optional<FileIdentity>> identities = new LinkedHashMap<>();

    public Host(Facts facts) {
        this.facts = facts;
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
     */
    public Path path(String text) {
        try {
            return facts.cwd().resolve(text).normalize();
        } catch (InvalidPathException e) {
            throw new UsageException("'%s' is not a path this program can handle: %s".formatted(text, e.getReason()));
        }
    }

    /** The identity of what the path leads to, links followed; empty if there is nothing or it is out of reach. */
    public Optional<FileIdentity> stat(Path path) {
        return identities.computeIfAbsent(path, p -> {
            Optional<FileIdentity> identity = look(p);
            observations.add(new Observation.File(p, identity));
            return identity;
        });
    }

    public boolean isDirectory(Path path) {
        return stat(path).map(FileIdentity::directory).orElse(false);
    }

    public boolean exists(Path path) {
        return stat(path).isPresent();
    }

    public boolean isReadable(Path path) {
        return stat(path).isPresent() && Files.isReadable(path);
    }

    public boolean isWritable(Path path) {
        return stat(path).isPresent() && Files.isWritable(path);
    }

    public boolean isExecutable(Path path) {
        return stat(path).isPresent() && Files.isExecutable(path);
    }

    /** The first bytes of a file, at most {@code limit}; empty if it is not there. */
    public Optional<byte[]> read(Path path, int limit) {
        if (stat(path).isEmpty()) {
            return Optional.empty();
        }
        try (InputStream in = Files.newInputStream(path)) {
            return Optional.of(in.readNBytes(limit));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new HostException("could not read %s: %s".formatted(path, reason(e)), e);
        }
    }

    /** The names in a directory, sorted; empty if there is none or it is closed to the user. */
    public List<String> list(Path directory) {
        if (!isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> String.valueOf(entry.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    /** The path with all symbolic links resolved, or the path itself where that is impossible. */
    public Path realPath(Path path) {
        try {
            Path real = path.toRealPath();
            observations.add(new Observation.File(path, stat(path)));
            return real;
        } catch (IOException e) {
            return path;
        }
    }

    /** Whether the path itself is a symbolic link. */
    public boolean isLink(Path path) {
        return Files.isSymbolicLink(path);
    }

    /**
     * What a program prints on standard output, run with the caller's environment; its standard error is the caller's.
     *
     * @throws HostException if it cannot be run, ends with another status than 0, or takes longer than a minute
     */
    public String output(List<String> command) {
        observations.add(new Observation.Unrepeatable(command.getFirst()));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().putAll(facts.environment());
        builder.directory(facts.cwd().toFile());
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            Thread guard = Thread.ofVirtual().start(() -> endAfterAMinute(process));
            byte[] output = process.getInputStream().readAllBytes();
            int status = process.waitFor();
            guard.interrupt();
            if (status != 0) {
                throw new HostException("%s ended with status %d".formatted(String.join(" ", command), status));
            }
            return Bytes.decode(output);
        } catch (IOException e) {
            throw new HostException("could not run %s: %s".formatted(command.getFirst(), reason(e)), e);
        } catch (InterruptedException e) {
            throw new HostException("interrupted while %s ran".formatted(command.getFirst()), e);
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

    /** What went wrong, in the words of the operating system where they are known. */
    public static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> "no such file or directory";
            case java.nio.file.AccessDeniedException denied -> "permission denied";
            case java.nio.file.FileSystemException known when known.getReason() != null -> known.getReason();
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
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
