package org.berth.sif;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.Reason;

/**
 * Writes a new SIF file: small objects, a partition in place, then the descriptor table and the header. The file appears
 * at its destination by rename, complete and on the disk; a writer that is closed before leaves nothing behind.
 *
 * <p>Every failing file operation is a {@link HostException} that names the file. Not for several threads.
 */
public final class SifWriter implements Closeable {
    /** How the names of unfinished files begin; a number follows. */
    public static final String TEMPORARY_PREFIX = ".berth-sif-";

    /** Where a partition's bytes go: its first byte is at {@code offset} of the channel. */
    public record PartitionTarget(FileChannel channel, long offset) {}

    private final Path destination;
    private final Path temporary;
    private final FileChannel channel;
    private final SifIdentity identity;
    private final FixedBytes launch;
    private final List<SifDescriptor> descriptors = new ArrayList<>();
    private long dataEnd = SifFormat.DESCRIPTORS_OFFSET + (long) SifFormat.DEFAULT_CAPACITY * SifFormat.DESCRIPTOR_SIZE;
    private Optional<SifObject> openPartition = Optional.empty();
    private boolean finished;

    private SifWriter(Path destination, Path temporary, FileChannel channel, SifIdentity identity, FixedBytes launch) {
        this.destination = destination;
        this.temporary = temporary;
        this.channel = channel;
        this.identity = identity;
        this.launch = launch;
    }

    /** A file that can be executed: it begins with the line that runs it. */
    public static SifWriter create(Path destination, SifIdentity identity) {
        return create(destination, identity, FixedBytes.padded(SifFormat.LAUNCH_LINE, SifFormat.LAUNCH_SIZE));
    }

    /**
     * The same, written under that very name: for whoever gives unfinished files names of their own, and cleans up after
     * those that were killed.
     */
    public static SifWriter createInPlace(Path file, SifIdentity identity) {
        Path absolute = file.toAbsolutePath();
        return open(absolute, absolute, identity, FixedBytes.padded(SifFormat.LAUNCH_LINE, SifFormat.LAUNCH_SIZE));
    }

    /** A file without a launch line, as {@code sif new} makes it. */
    public static SifWriter createWithoutLaunchLine(Path destination, SifIdentity identity) {
        return create(destination, identity, FixedBytes.padded("", SifFormat.LAUNCH_SIZE));
    }

    private static SifWriter create(Path destination, SifIdentity identity, FixedBytes launch) {
        Path absolute = destination.toAbsolutePath();
        Path temporary = absolute.resolveSibling(
                TEMPORARY_PREFIX + Long.toHexString(ThreadLocalRandom.current().nextLong()));
        return open(absolute, temporary, identity, launch);
    }

    private static SifWriter open(Path destination, Path temporary, SifIdentity identity, FixedBytes launch) {
        try {
            FileChannel channel = FileChannel.open(
                    temporary,
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(
                            EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE)));
            return new SifWriter(destination, temporary, channel, identity, launch);
        } catch (IOException e) {
            throw new HostException("%s: cannot be made: %s".formatted(destination, Reason.of(e)), e);
        }
    }

    /** Where the bytes are until {@link #finish}. */
    public Path temporary() {
        return temporary;
    }

    /**
     * Adds an object with its bytes.
     *
     * @return its id
     */
    public int add(SifObject object, byte[] data) {
        requireNoOpenPartition();
        SifDescriptor descriptor = object.placed(nextId(), dataEnd, object.alignment(), data.length, identity.time());
        write(ByteBuffer.wrap(data), descriptor.offset());
        append(descriptor);
        return descriptor.id();
    }

    /** Begins a partition; the caller writes it and says its size with {@link #endPartition}. */
    public PartitionTarget beginPartition(SifObject partition) {
        requireNoOpenPartition();
        SifDescriptor placed = partition.placed(nextId(), dataEnd, partition.alignment(), 0, identity.time());
        openPartition = Optional.of(partition);
        return new PartitionTarget(channel, placed.offset());
    }

    /**
     * Ends the partition.
     *
     * @param size its bytes, which all have been written (a hole at its end counts)
     * @return its id
     */
    public int endPartition(long size) {
        SifObject partition = openPartition.orElseThrow(() -> new IllegalStateException("no partition was begun"));
        openPartition = Optional.empty();
        SifDescriptor descriptor = partition.placed(nextId(), dataEnd, partition.alignment(), size, identity.time());
        append(descriptor);
        return descriptor.id();
    }

    /**
     * Writes the table and the header, makes the file durable and gives it its name; an existing file is replaced.
     *
     * @param umask the caller's: the file gets the permissions {@code 0777 & ~umask}
     */
    public Path finish(int umask) {
        requireNoOpenPartition();
        ByteBuffer table = SifFormat.buffer(SifFormat.DEFAULT_CAPACITY * SifFormat.DESCRIPTOR_SIZE);
        descriptors.forEach(descriptor -> SifFormat.encode(descriptor, table));
        write(table.rewind(), SifFormat.DESCRIPTORS_OFFSET);
        write(SifFormat.encode(header()), 0);
        try {
            settleSize();
            Files.setPosixFilePermissions(temporary, permissions(0777 & ~umask));
            channel.force(true);
            if (!temporary.equals(destination)) {
                Files.move(temporary, destination, StandardCopyOption.ATOMIC_MOVE);
            }
            finished = true;
            try (FileChannel folder = FileChannel.open(destination.getParent(), StandardOpenOption.READ)) {
                folder.force(true);
            }
        } catch (IOException e) {
            throw new HostException("%s: cannot be written: %s".formatted(destination, Reason.of(e)), e);
        }
        return destination;
    }

    private SifHeader header() {
        String architecture = descriptors.stream()
                .flatMap(descriptor -> descriptor.partition().stream())
                .filter(partition -> partition.type() == PartitionType.PRIMARY_SYSTEM)
                .map(partition -> partition.architecture().code())
                .findFirst()
                .orElse(Architecture.UNKNOWN.code());
        long tableSize = (long) SifFormat.DEFAULT_CAPACITY * SifFormat.DESCRIPTOR_SIZE;
        long dataOffset = SifFormat.DESCRIPTORS_OFFSET + tableSize;
        return new SifHeader(
                launch,
                FixedBytes.padded(SifFormat.VERSION, SifFormat.VERSION_SIZE),
                FixedBytes.padded(architecture, SifFormat.ARCHITECTURE_SIZE),
                identity.id(),
                identity.time(),
                identity.time(),
                SifFormat.DEFAULT_CAPACITY - descriptors.size(),
                SifFormat.DEFAULT_CAPACITY,
                SifFormat.DESCRIPTORS_OFFSET,
                tableSize,
                dataOffset,
                dataEnd - dataOffset);
    }

    /** The file ends where the last object ends: what a partition's writer left behind it goes, a hole is made. */
    private void settleSize() throws IOException {
        if (channel.size() > dataEnd) {
            channel.truncate(dataEnd);
        } else if (channel.size() < dataEnd) {
            channel.write(ByteBuffer.allocate(1), dataEnd - 1);
        }
    }

    private int nextId() {
        if (descriptors.size() == SifFormat.DEFAULT_CAPACITY) {
            throw new ImageException("%s: all %d descriptors are in use".formatted(destination, descriptors.size()));
        }
        return descriptors.size() + 1;
    }

    private void append(SifDescriptor descriptor) {
        if (isPrimary(descriptor) && descriptors.stream().anyMatch(SifWriter::isPrimary)) {
            throw new ImageException("%s: has a primary system partition already".formatted(destination));
        }
        descriptors.add(descriptor);
        dataEnd = descriptor.end();
    }

    static boolean isPrimary(SifDescriptor descriptor) {
        return descriptor
                .partition()
                .filter(partition -> partition.type() == PartitionType.PRIMARY_SYSTEM)
                .isPresent();
    }

    private void requireNoOpenPartition() {
        if (openPartition.isPresent()) {
            throw new IllegalStateException("a partition was begun and not ended");
        }
    }

    private void write(ByteBuffer bytes, long offset) {
        try {
            while (bytes.hasRemaining()) {
                offset += channel.write(bytes, offset);
            }
        } catch (IOException e) {
            throw new HostException("%s: cannot be written: %s".formatted(destination, Reason.of(e)), e);
        }
    }

    private static Set<PosixFilePermission> permissions(int mode) {
        StringBuilder letters = new StringBuilder();
        for (int bit = 8; bit >= 0; bit--) {
            letters.append((mode >> bit & 1) == 0 ? '-' : "xwr".charAt(bit % 3));
        }
        return PosixFilePermissions.fromString(letters.toString());
    }

    /** Closes the file, and removes it unless it has its name by now. */
    @Override
    public void close() {
        try {
            channel.close();
            if (!finished) {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw new HostException("%s: cannot be removed: %s".formatted(temporary, Reason.of(e)), e);
        }
    }
}
