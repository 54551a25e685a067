package org.berth.sif;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.files.Reason;

/**
 * Changes a SIF file in place: {@code sif add}, {@code sif del}, {@code sif setprim} and signing. Objects never move.
 *
 * <p>New bytes are appended and on the disk before the table names them, and the table is written before the header, so
 * that a reader finds the old file or the new one whenever the writer is stopped. Editors of one file wait for each other
 * where the file system has locks. Each call reads the file afresh and returns what it then is. A deterministic file (no
 * times) stays so.
 */
public final class SifEditor {
    private static final int COPY_SIZE = 1 << 18;

    private SifEditor() {}

    /** What happens to the bytes of a deleted object. */
    public enum Wipe {
        KEEP,
        ZERO
    }

    /**
     * An object and where its bytes come from.
     *
     * @param content is read to its end
     * @param alignment a power of two, or empty for the type's own (4096 for partitions, else 1)
     */
    public record Addition(SifObject object, InputStream content, Optional<Integer> alignment) {
        public Addition(SifObject object, byte[] content) {
            this(object, new ByteArrayInputStream(content), Optional.empty());
        }
    }

    /**
     * Appends objects in the first free slots; all of them appear at once.
     *
     * @param now Unix seconds
     */
    public static SifFile add(Path path, List<Addition> additions, long now) {
        return edit(
                path,
                (file, channel) -> {
                    List<SifDescriptor> descriptors = new ArrayList<>(file.descriptors());
                    for (Addition addition : additions) {
                        descriptors.add(append(file, descriptors, addition, channel, time(file, now)));
                    }
                    descriptors.sort(Comparator.comparing(SifDescriptor::id, Integer::compareUnsigned));
                    return descriptors;
                },
                now);
    }

    /** Writes the bytes behind everything that is there. */
    private static SifDescriptor append(
            SifFile file, List<SifDescriptor> known, Addition addition, FileChannel channel, long time)
            throws IOException {
        long dataEnd = known.stream()
                .mapToLong(SifDescriptor::end)
                .reduce(file.header().dataOffset(), Math::max);
        int id = freeId(file, known);
        SifObject object = addition.object();
        int alignment = addition.alignment().orElse(object.alignment());
        SifDescriptor begun = object.placed(id, dataEnd, alignment, 0, time);
        if (SifWriter.isPrimary(begun) && known.stream().anyMatch(SifWriter::isPrimary)) {
            throw new ImageException("%s: has a primary system partition already".formatted(file.path()));
        }
        long size = copy(addition.content(), channel, begun.offset());
        return object.placed(id, dataEnd, alignment, size, time);
    }

    private static long copy(InputStream content, FileChannel channel, long offset) throws IOException {
        byte[] buffer = new byte[COPY_SIZE];
        long size = 0;
        for (int count; (count = read(content, buffer)) > 0; size += count) {
            writeFully(channel, ByteBuffer.wrap(buffer, 0, count), offset + size);
        }
        return size;
    }

    private static int read(InputStream content, byte[] buffer) {
        try {
            return content.readNBytes(buffer, 0, buffer.length);
        } catch (IOException e) {
            throw new HostException("the bytes of the new object cannot be read: " + Reason.of(e), e);
        }
    }

    /** Removes an object; its slot becomes free, the other objects keep their places and ids. */
    public static SifFile delete(Path path, int id, Wipe wipe, long now) {
        SifDescriptor removed = required(SifFile.read(path), id);
        SifFile without = edit(
                path,
                (file, channel) -> {
                    if (!file.descriptors().contains(removed)) {
                        throw new ImageException("%s: object %d was changed by another program".formatted(path, id));
                    }
                    return file.descriptors().stream()
                            .filter(object -> !object.equals(removed))
                            .toList();
                },
                now);
        if (wipe == Wipe.ZERO) {
            zero(path, removed);
        }
        return without;
    }

    /** Makes a system partition the primary one; the one that was becomes an ordinary system partition. */
    public static SifFile setPrimary(Path path, int id, long now) {
        return edit(path, (file, channel) -> primary(file, id, time(file, now)), now);
    }

    private static List<SifDescriptor> primary(SifFile file, int id, long time) {
        SifDescriptor chosen = required(file, id);
        Predicate<SifDescriptor> isSystem = object -> object.partition()
                .filter(partition ->
                        partition.type() == PartitionType.SYSTEM || partition.type() == PartitionType.PRIMARY_SYSTEM)
                .isPresent();
        if (!isSystem.test(chosen)) {
            throw new UsageException("%s: object %d is not a system partition".formatted(file.path(), id));
        }
        UnaryOperator<SifDescriptor> retyped = object -> object.id() == id
                ? withPartitionType(object, PartitionType.PRIMARY_SYSTEM, time)
                : SifWriter.isPrimary(object) ? withPartitionType(object, PartitionType.SYSTEM, time) : object;
        return file.descriptors().stream().map(retyped).toList();
    }

    /** What the table becomes; may write bytes that the table as it is does not name. */
    private interface Change {
        List<SifDescriptor> apply(SifFile file, FileChannel channel) throws IOException;
    }

    private static SifFile edit(Path path, Change change, long now) {
        // Another descriptor of the file, closed, would take this process's lock away: the reader shares this one.
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            lock(channel);
            return edit(SifFile.read(path, channel), channel, change, now);
        } catch (NoSuchFileException e) {
            throw new ImageException("%s: no such file or directory".formatted(path), e);
        } catch (AccessDeniedException e) {
            throw new HostException("%s: permission denied".formatted(path), e);
        } catch (IOException e) {
            throw new HostException("%s: cannot be changed: %s".formatted(path, Reason.of(e)), e);
        }
    }

    private static SifFile edit(SifFile before, FileChannel channel, Change change, long now) throws IOException {
        long size = channel.size();
        boolean appended = false;
        try {
            List<SifDescriptor> descriptors = change.apply(before, channel);
            SifHeader header = updated(before.header(), descriptors, time(before, now));
            ByteBuffer table = table(header, descriptors);
            channel.force(true);
            appended = true;
            writeFully(channel, table, header.descriptorsOffset());
            writeFully(channel, SifFormat.encode(header), 0);
            channel.force(true);
            return new SifFile(before.path(), header, descriptors);
        } finally {
            if (!appended && channel.size() > size) {
                channel.truncate(size);
            }
        }
    }

    private static void lock(FileChannel channel) {
        try {
            channel.lock();
        } catch (IOException e) {
            // A file system without locks: there, two editors at once are the user's to avoid.
            return;
        }
    }

    private static ByteBuffer table(SifHeader header, List<SifDescriptor> descriptors) {
        ByteBuffer table = SifFormat.buffer((int) header.descriptorsSize());
        // A file whose ids are not slot numbers was not made by a SIF library; its order is kept by counting.
        boolean idsAreSlots =
                descriptors.stream().allMatch(object -> object.id() >= 1 && object.id() <= header.descriptorsTotal());
        for (int i = 0; i < descriptors.size(); i++) {
            int slot = idsAreSlots ? descriptors.get(i).id() - 1 : i;
            SifFormat.encode(descriptors.get(i), table.position(slot * SifFormat.DESCRIPTOR_SIZE));
        }
        return table.rewind();
    }

    private static SifHeader updated(SifHeader old, List<SifDescriptor> descriptors, long time) {
        long dataEnd = descriptors.stream().mapToLong(SifDescriptor::end).reduce(old.dataOffset(), Math::max);
        String architecture = descriptors.stream()
                .filter(SifWriter::isPrimary)
                .flatMap(descriptor -> descriptor.partition().stream())
                .map(partition -> partition.architecture().code())
                .findFirst()
                .orElse(Architecture.UNKNOWN.code());
        return new SifHeader(
                old.launch(),
                old.version(),
                FixedBytes.padded(architecture, SifFormat.ARCHITECTURE_SIZE),
                old.id(),
                old.createdAt(),
                time,
                old.descriptorsTotal() - descriptors.size(),
                old.descriptorsTotal(),
                old.descriptorsOffset(),
                old.descriptorsSize(),
                old.dataOffset(),
                dataEnd - old.dataOffset());
    }

    private static int freeId(SifFile file, List<SifDescriptor> known) {
        Set<Integer> taken = known.stream().map(SifDescriptor::id).collect(Collectors.toSet());
        return IntStream.rangeClosed(1, (int) file.header().descriptorsTotal())
                .filter(id -> !taken.contains(id))
                .findFirst()
                .orElseThrow(() -> new ImageException("%s: all %d descriptors are in use"
                        .formatted(file.path(), file.header().descriptorsTotal())));
    }

    private static SifDescriptor required(SifFile file, int id) {
        return file.object(id).orElseThrow(() -> new UsageException("%s: has no object %d".formatted(file.path(), id)));
    }

    private static SifDescriptor withPartitionType(SifDescriptor old, PartitionType type, long time) {
        ByteBuffer extra =
                SifFormat.buffer(SifFormat.EXTRA_SIZE).put(old.extra().buffer());
        extra.putInt(Integer.BYTES, type.code());
        return new SifDescriptor(
                old.typeCode(),
                old.id(),
                old.groupCode(),
                old.linkCode(),
                old.offset(),
                old.size(),
                old.sizeWithPadding(),
                old.createdAt(),
                time,
                old.uid(),
                old.gid(),
                old.name(),
                FixedBytes.padded(extra.array(), SifFormat.EXTRA_SIZE));
    }

    private static long time(SifFile file, long now) {
        boolean deterministic =
                file.header().id().equals(SifHeader.NO_ID) && file.header().createdAt() == SifHeader.NO_TIME;
        return deterministic ? SifHeader.NO_TIME : now;
    }

    private static void zero(Path path, SifDescriptor object) {
        ByteBuffer zeros = ByteBuffer.allocate(COPY_SIZE);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            for (long at = object.offset(); at < object.end(); at += zeros.capacity()) {
                zeros.clear().limit((int) Math.min(zeros.capacity(), object.end() - at));
                writeFully(channel, zeros, at);
            }
            channel.force(true);
        } catch (IOException e) {
            throw new HostException(
                    "%s: object %d cannot be overwritten: %s".formatted(path, object.id(), Reason.of(e)), e);
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        while (bytes.hasRemaining()) {
            offset += channel.write(bytes, offset);
        }
    }
}
