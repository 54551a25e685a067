package org.berth.instance;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.OutputFiles;
import org.berth.files.Reason;
import org.berth.files.SmallFile;
import org.berth.files.Trees;
import org.berth.host.OwnDirectory;
import org.berth.host.Owners;
import org.berth.json.Json;
import org.berth.json.JsonObject;

/** The user's kept containers on this machine; the package's description shows the layout. */
public final class KeptContainers {
    static final String JOB_PREFIX = "job-";

    /** Where the plugin's epilog looks; the same in slurm-plugin/child.c. */
    private static final Path NOTES = Path.of("/var/tmp");

    private static final String NEW_PREFIX = ".new-";
    private static final String REMOVED_PREFIX = ".removed-";
    private static final int MAX_RECORD = 1 << 20;
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    /** As an image's root is: the mode of the container's root. */
    private static final FileAttribute<Set<PosixFilePermission>> ROOT =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x"));

    private final Path parent;
    private final Path notesParent;
    private final String own;
    private final Owners owners;

    /** @param parent the site's directory, where every user may make one */
    public KeptContainers(Path parent, Owners owners) {
        this(parent, NOTES, owners);
    }

    KeptContainers(Path parent, Path notesParent, Owners owners) {
        this.parent = parent;
        this.notesParent = notesParent;
        this.own = "berth-" + Integer.toUnsignedString(owners.uid());
        this.owners = owners;
    }

    /** @throws HostException for a directory that is not the user's alone, or a record that cannot be read */
    public Optional<KeptContainer> find(ContainerName name) {
        return scope(name.job()).flatMap(scope -> read(scope.resolve(name.name()), name.job()));
    }

    /** Whether a container that is there was never entered: what an earlier attempt left counts as none. */
    public boolean isUntouched(KeptContainer container) {
        return !Occupants.everStarted(container);
    }

    /**
     * Makes a container with an empty layer; it appears with all that belongs to it, or not at all.
     *
     * @return the one that is there: of two who make the same one at the same time both get the first one's. One with another
     *     image makes way only if it was never entered and nobody starts it
     */
    public KeptContainer make(ContainerName name, KeptImage image) {
        Path root = made(parent);
        Path scope = name.job()
                .map(job -> ensureOurs(root.resolve(JOB_PREFIX + job)))
                .orElse(root);
        Path directory = scope.resolve(name.name());
        Path unfinished = scope.resolve(NEW_PREFIX + random());
        KeptContainer container = planned(name, image, scope);
        name.job().ifPresent(job -> note(root, job));
        try {
            Files.createDirectory(unfinished, PRIVATE);
            Files.createDirectory(unfinished.resolve("upper"), ROOT);
            Files.setPosixFilePermissions(unfinished.resolve("upper"), ROOT.value());
            Files.createDirectory(unfinished.resolve("work"), PRIVATE);
            Files.createFile(
                    unfinished.resolve("lock"),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            write(container, unfinished.resolve(KeptContainer.RECORD));
            while (!publish(unfinished, directory)) {
                Optional<KeptContainer> there = read(directory, name.job());
                if (there.isPresent()
                        && (there.orElseThrow().image().reference().equals(image.reference())
                                || Occupants.everStarted(there.orElseThrow())
                                || !remove(there.orElseThrow()))) {
                    return there.orElseThrow();
                }
            }
        } catch (IOException e) {
            throw new HostException("could not make the container %s: %s".formatted(directory, Reason.of(e)), e)
                    .hint("container-path in berth.yaml names a directory of this node where every user may write");
        } finally {
            if (Files.exists(unfinished, LinkOption.NOFOLLOW_LINKS)) {
                Trees.remove(unfinished);
            }
        }
        return container;
    }

    /** As {@link #make} would make it. */
    public KeptContainer planned(ContainerName name, KeptImage image) {
        Path root = root(parent).orElse(parent.resolve(own));
        return planned(
                name,
                image,
                name.job().map(job -> root.resolve(JOB_PREFIX + job)).orElse(root));
    }

    private static KeptContainer planned(ContainerName name, KeptImage image, Path scope) {
        return new KeptContainer(
                scope.resolve(name.name()),
                name.name(),
                name.job(),
                image,
                Instant.ofEpochSecond(Instant.now().getEpochSecond()));
    }

    /** An empty directory by which the plugin's epilog sees that a job has containers, wherever they are kept. */
    private void note(Path root, String job) {
        Path notes = made(notesParent);
        if (!notes.equals(root)) {
            ensureOurs(notes.resolve(JOB_PREFIX + job));
        }
    }

    private static boolean publish(Path unfinished, Path directory) throws IOException {
        try {
            Files.move(unfinished, directory, StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (FileSystemException e) {
            if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
                return false;
            }
            throw e;
        }
    }

    /** By name, those of no job first. */
    public List<KeptContainer> list() {
        List<KeptContainer> containers = new ArrayList<>(list(Optional.empty()));
        jobs().forEach(job -> containers.addAll(list(Optional.of(job))));
        return containers;
    }

    private List<KeptContainer> list(Optional<String> job) {
        return scope(job)
                .map(scope -> names(scope).stream()
                        .filter(name -> !name.startsWith(".") && !name.startsWith(JOB_PREFIX))
                        .flatMap(name -> read(scope.resolve(name), job).stream())
                        .toList())
                .orElse(List.of());
    }

    /** The jobs that have containers here. */
    public List<String> jobs() {
        return root(parent)
                .map(root -> names(root).stream()
                        .filter(name -> name.matches(JOB_PREFIX + "[0-9]{1,20}"))
                        .map(name -> name.substring(JOB_PREFIX.length()))
                        .toList())
                .orElse(List.of());
    }

    /** Removes a container with all that was written into it; false, and nothing is done, if somebody is in it. */
    public boolean remove(KeptContainer container) {
        Path gone = container.directory().resolveSibling(REMOVED_PREFIX + random());
        try {
            boolean free = Occupants.ifFree(
                    container, () -> Files.move(container.directory(), gone, StandardCopyOption.ATOMIC_MOVE));
            if (!free) {
                return false;
            }
        } catch (IOException e) {
            throw new HostException(
                    "could not remove the container %s: %s".formatted(container.directory(), Reason.of(e)), e);
        }
        Trees.remove(gone);
        return true;
    }

    /** Removes what removals left that were interrupted. */
    public void removeLeftovers() {
        root(parent)
                .ifPresent(root -> names(root).stream()
                        .filter(name -> name.startsWith(REMOVED_PREFIX))
                        .forEach(name -> Trees.remove(root.resolve(name))));
    }

    /**
     * Removes what a job leaves, but for what somebody is in.
     *
     * @return whether all is gone
     */
    public boolean removeJob(String job) {
        boolean gone = true;
        for (KeptContainer container : list(Optional.of(job))) {
            gone &= remove(container);
        }
        for (Path place : List.of(parent, notesParent)) {
            Optional<Path> scope = gone ? root(place).map(root -> root.resolve(JOB_PREFIX + job)) : Optional.empty();
            gone &= scope.map(this::removeEmpty).orElse(gone);
        }
        return gone;
    }

    /** Half-made and half-removed containers are all that can be left in it. */
    private boolean removeEmpty(Path scope) {
        if (!isOurs(scope)) {
            return true;
        }
        names(scope).stream().filter(name -> name.startsWith(".")).forEach(name -> Trees.remove(scope.resolve(name)));
        try {
            Files.deleteIfExists(scope);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    // ---- directories that are nobody else's

    /** Where the user's are in a directory of all users; empty if there are none. */
    private Optional<Path> root(Path place) {
        try {
            return OwnDirectory.find(place, own, owners);
        } catch (IOException e) {
            throw refused(place.resolve(own), e);
        }
    }

    private Path made(Path place) {
        try {
            return OwnDirectory.of(place, own, owners);
        } catch (IOException e) {
            throw refused(place.resolve(own), e);
        }
    }

    private Optional<Path> scope(Optional<String> job) {
        return root(parent)
                .map(root -> job.map(id -> root.resolve(JOB_PREFIX + id)).orElse(root))
                .filter(this::isOurs);
    }

    /** False if there is nothing. */
    private boolean isOurs(Path directory) {
        try {
            return OwnDirectory.isThere(directory, owners);
        } catch (IOException e) {
            throw refused(directory, e);
        }
    }

    private Path ensureOurs(Path directory) {
        try {
            return OwnDirectory.make(directory, owners);
        } catch (IOException e) {
            throw refused(directory, e);
        }
    }

    private static HostException refused(Path directory, IOException e) {
        return switch (e) {
            case Owners.NotTrusted foreign ->
                new HostException("%s %s: it is not used".formatted(foreign.getFile(), foreign.getReason()), e)
                        .hint(
                                "it must be yours alone, with mode 0700; whoever made it removes it, or the administrator");
            default ->
                new HostException("could not make %s: %s".formatted(directory, Reason.of(e)), e)
                        .hint("container-path in berth.yaml names a directory of this node where every user may write");
        };
    }

    private static List<String> names(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(path -> String.valueOf(path.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new HostException("could not list %s: %s".formatted(directory, Reason.of(e)), e);
        }
    }

    private static String random() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }

    // ---- the record

    private static void write(KeptContainer container, Path file) throws IOException {
        ObjectNode fields = Json.object();
        fields.put("name", container.name());
        container.job().ifPresent(job -> fields.put("job", job));
        fields.put("created", container.created().toString());
        fields.put("image", container.image().reference());
        fields.put("called", container.image().called());
        container.image().file().ifPresent(image -> fields.put("file", image.toString()));
        fields.put("size", container.image().size());
        fields.put("modified", container.image().modifiedNanos());
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            OutputFiles.writeAll(out, ByteBuffer.wrap(Json.text(fields).getBytes(StandardCharsets.UTF_8)));
            out.force(true);
        }
    }

    private static Optional<KeptContainer> read(Path directory, Optional<String> job) {
        Path file = directory.resolve(KeptContainer.RECORD);
        byte[] bytes;
        try {
            bytes = SmallFile.read(file, MAX_RECORD);
        } catch (java.nio.file.NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new HostException("could not read %s: %s".formatted(file, Reason.of(e)), e);
        }
        try {
            JsonObject record = JsonObject.parse(bytes, file.toString());
            return Optional.of(new KeptContainer(
                    directory,
                    String.valueOf(directory.getFileName()),
                    job,
                    new KeptImage(
                            record.text("image").orElse(""),
                            record.text("called").or(() -> record.text("image")).orElse(""),
                            record.text("file").map(Path::of),
                            record.integer("size").orElse(0L),
                            record.integer("modified").orElse(0L)),
                    Instant.parse(record.text("created").orElse(""))));
        } catch (ImageException | java.time.DateTimeException e) {
            throw new HostException("%s is damaged: %s".formatted(file, e.getMessage()), e)
                    .hint("remove the directory " + directory);
        }
    }
}
