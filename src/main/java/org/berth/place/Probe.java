package org.berth.place;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import org.berth.error.HostException;
import org.berth.files.Reason;
import org.berth.host.Owners;
import org.berth.host.Room;

/** Looks at places and tries out, on files of its own that it removes, what works there. */
public final class Probe {
    private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
    private static final String PREFIX = ".berth-probe-";

    private final MountTable mounts;

    private Probe(MountTable mounts) {
        this.mounts = mounts;
    }

    /** @throws HostException if the kernel does not tell of its mounts */
    public static Probe ofThisMachine() {
        try {
            return new Probe(MountTable.parse(Files.readString(MOUNTS)));
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(MOUNTS, Reason.of(e)), e);
        }
    }

    /** What kind of file system an existing path is on. */
    public FileSystemKind kindOf(Path path) throws IOException {
        return mounts.kindOf(path.toRealPath());
    }

    /** @throws IOException if it cannot even be looked at */
    public Look look(Path path, Owners owners) throws IOException {
        Path directory = path;
        while (!Files.exists(directory)) {
            directory = Objects.requireNonNull(directory.getParent(), "the root directory exists");
        }
        if (!Files.isDirectory(directory)) {
            throw new IOException("%s is no directory".formatted(directory));
        }
        Path real = directory.toRealPath();
        return new Look(
                directory,
                directory.equals(path),
                owners.anothers(real),
                (Integer) Files.getAttribute(real, "unix:mode") & 07777,
                mounts.kindOf(real),
                trial(real),
                Room.of(real));
    }

    private static Optional<Look.Trial> trial(Path directory) throws IOException {
        String random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        Path place = directory.resolve(PREFIX + random);
        try {
            Files.createDirectory(
                    place, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            return Optional.empty();
        }
        Path first = place.resolve("a");
        Path second = place.resolve("b");
        try {
            boolean locks = create(first);
            boolean renames = rename(first, second);
            Path file = renames ? second : first;
            return Optional.of(new Look.Trial(renames, locks, executes(file), takesAttributes(file)));
        } catch (IOException e) {
            // Full, or over its quota: nothing can be written here.
            return Optional.empty();
        } finally {
            Files.deleteIfExists(first);
            Files.deleteIfExists(second);
            Files.deleteIfExists(place);
        }
    }

    private static boolean create(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[] {1}));
            channel.force(false);
            return locks(channel);
        }
    }

    private static boolean locks(FileChannel channel) {
        try (FileLock lock = channel.tryLock()) {
            return lock != null;
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean rename(Path from, Path to) {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** By access(2), which knows of noexec. */
    private static boolean executes(Path file) throws IOException {
        Files.setPosixFilePermissions(
                file, EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_EXECUTE));
        return Files.isExecutable(file);
    }

    private static boolean takesAttributes(Path file) {
        try {
            Files.setPosixFilePermissions(
                    file, EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE));
            UserDefinedFileAttributeView view = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
            return view != null && view.write("berth", ByteBuffer.wrap(new byte[] {1})) == 1;
        } catch (IOException e) {
            return false;
        }
    }
}
