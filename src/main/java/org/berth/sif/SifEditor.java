package org.berth.sif;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;

/**
 * Changes a SIF file in place: {@code sif add}, {@code sif del}, {@code sif setprim} and signing. Objects never move; the
 * bytes of an object are written before the table that names them, the header last.
 *
 * <p>Each call reads the file afresh and returns what it then is. A deterministic file (no times) stays so.
 */
public final class SifEditor {
    private SifEditor() {}

    /** What happens to the bytes of a deleted object. */
    public enum Wipe {
        KEEP,
        ZERO
    }

    /**
     * Appends an object in the first free slot.
     *
     * @param alignment a power of two, or empty for the type's own (4096 for partitions, else 1)
     * @param now Unix seconds
     */
    public static SifFile add(Path path, SifObject object, byte[] data, Optional<Integer> alignment, long now) {
        SifFile file = SifFile.read(path);
        long dataEnd = file.descriptors().stream()
                .mapToLong(SifDescriptor::end)
                .reduce(file.header().dataOffset(), Math::max);
        int id = freeId(file);
        SifDescriptor added =
                object.placed(id, dataEnd, alignment.orElse(object.alignment()), data.length, time(file, now));
        if (SifWriter.isPrimary(added) && file.primaryPartition().isPresent()) {
            throw new ImageException("%s: has a primary system partition already".formatted(path));
        }
        List<SifDescriptor> descriptors = new ArrayList<>(file.descriptors());
        descriptors.add(added);
        descriptors.sort(Comparator.comparing(SifDescriptor::id, Integer::compareUnsigned));
        return write(file, descriptors, now, channel -> writeFully(channel, ByteBuffer.wrap(data), added.offset()));
    }

    /** Removes an object; its slot becomes free, the other objects keep their places and ids. */
    public static SifFile delete(Path path, int id, Wipe wipe, long now) {
        SifFile file = SifFile.read(path);
        SifDescriptor removed = required(file, id);
        List<SifDescriptor> descriptors = new ArrayList<>(file.descriptors());
        descriptors.remove(removed);
        return write(file, descriptors, now, channel -> {
            if (wipe == Wipe.ZERO) {
                zero(channel, removed);
            }
        });
    }

    /** Makes a system partition the primary one; the one that was becomes an ordinary system partition. */
    public static SifFile setPrimary(Path path, int id, long now) {
        SifFile file = SifFile.read(path);
        SifDescriptor chosen = required(file, id);
        Predicate<SifDescriptor> isSystem = object -> object.partition()
                .filter(partition ->
                        partition.type() == PartitionType.SYSTEM || partition.type() == PartitionType.PRIMARY_SYSTEM)
                .isPresent();
        if (!isSystem.test(chosen)) {
            throw new UsageException("%s: object %d is not a system partition".formatted(path, id));
        }
        UnaryOperator<SifDescriptor> retyped = object -> object.id() == id
                ? withPartitionType(object, PartitionType.PRIMARY_SYSTEM, now, file)
                : SifWriter.isPrimary(object) ? withPartitionType(object, PartitionType.SYSTEM, now, file) : object;
        return write(file, file.descriptors().stream().map(retyped).toList(), now, channel -> {});
    }

    private interface Step {
        void run(FileChannel channel) throws IOException;
    }

    private static SifFile write(SifFile before, List<SifDescriptor> descriptors, long now, Step first) {
        SifHeader header = updated(before.header(), descriptors, time(before, now));
        ByteBuffer table = SifFormat.buffer((int) header.descriptorsSize());
        for (SifDescriptor descriptor : descriptors) {
            // A file whose ids are not slot numbers was not made by a SIF library; its order is kept by counting.
            int slot = slot(before, descriptor, descriptors);
            SifFormat.encode(descriptor, table.position(slot * SifFormat.DESCRIPTOR_SIZE));
        }
        try (FileChannel channel = FileChannel.open(before.path(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            first.run(channel);
            writeFully(channel, table.rewind(), header.descriptorsOffset());
            writeFully(channel, SifFormat.encode(header), 0);
            channel.force(true);
        } catch (IOException e) {
            throw new HostException("%s: cannot be changed: %s".formatted(before.path(), SifFile.reason(e)), e);
        }
        return new SifFile(before.path(), header, descriptors);
    }

    private static int slot(SifFile file, SifDescriptor descriptor, List<SifDescriptor> all) {
        boolean idsAreSlots = all.stream()
                .allMatch(
                        other -> other.id() >= 1 && other.id() <= file.header().descriptorsTotal());
        return idsAreSlots ? descriptor.id() - 1 : all.indexOf(descriptor);
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

    private static int freeId(SifFile file) {
        return IntStream.rangeClosed(1, (int) file.header().descriptorsTotal())
                .filter(id -> file.object(id).isEmpty())
                .findFirst()
                .orElseThrow(() -> new ImageException("%s: all %d descriptors are in use"
                        .formatted(file.path(), file.header().descriptorsTotal())));
    }

    private static SifDescriptor required(SifFile file, int id) {
        return file.object(id).orElseThrow(() -> new UsageException("%s: has no object %d".formatted(file.path(), id)));
    }

    private static SifDescriptor withPartitionType(SifDescriptor old, PartitionType type, long now, SifFile file) {
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
                time(file, now),
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

    private static void zero(FileChannel channel, SifDescriptor object) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocate(1 << 18);
        for (long at = object.offset(); at < object.end(); at += zeros.capacity()) {
            zeros.clear().limit((int) Math.min(zeros.capacity(), object.end() - at));
            writeFully(channel, zeros, at);
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        while (bytes.hasRemaining()) {
            offset += channel.write(bytes, offset);
        }
    }
}
