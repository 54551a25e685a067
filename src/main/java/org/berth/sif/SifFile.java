package org.berth.sif;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.berth.error.ImageException;
import org.berth.files.Reason;

/**
 * A SIF file that has been read and found consistent: every object lies inside the file.
 *
 * @param descriptors of the objects, in the order of the table; unused entries are left out
 */
public record SifFile(Path path, SifHeader header, List<SifDescriptor> descriptors) {
    /** How much of a file {@link #looksLikeSif} has to see. */
    public static final int DETECTION_SIZE = 2048;

    /* A table of 9.6 MB; writers make 48 entries. */
    private static final int MAX_DESCRIPTORS = 16384;
    private static final int COPY_SIZE = 1 << 18;

    public SifFile {
        descriptors = List.copyOf(descriptors);
    }

    /**
     * Reads header and descriptors.
     *
     * @throws ImageException if the file cannot be read, is not a SIF file, or places something outside itself
     */
    public static SifFile read(Path path) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            // A pipe would be waited for.
            throw new ImageException("%s: not a SIF file (it is no regular file)".formatted(path));
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return read(path, channel);
        } catch (NoSuchFileException e) {
            throw new ImageException("%s: no such file".formatted(path), e);
        } catch (IOException e) {
            throw new ImageException("%s: cannot be read: %s".formatted(path, Reason.of(e)), e);
        }
    }

    static SifFile read(Path path, FileChannel channel) throws IOException {
        long fileSize = channel.size();
        if (fileSize < SifFormat.HEADER_SIZE) {
            throw new ImageException(
                    "%s: not a SIF file (it has %d bytes, a SIF header has 128)".formatted(path, fileSize));
        }
        ByteBuffer bytes = readFully(channel, 0, SifFormat.HEADER_SIZE);
        checkMagic(path, bytes);
        SifHeader header = SifFormat.decodeHeader(bytes);
        checkHeader(path, header, fileSize);
        ByteBuffer table = readFully(channel, header.descriptorsOffset(), (int) header.descriptorsSize());
        List<SifDescriptor> descriptors = new ArrayList<>();
        Set<Integer> ids = new HashSet<>();
        for (int at = 0; at < table.limit(); at += SifFormat.DESCRIPTOR_SIZE) {
            if (table.get(at + 4) != 0) {
                SifDescriptor descriptor = SifFormat.decodeDescriptor(table.position(at));
                checkDescriptor(path, descriptor, fileSize);
                if (!ids.add(descriptor.id())) {
                    throw broken(
                            path, "two objects have the id %s".formatted(Integer.toUnsignedString(descriptor.id())));
                }
                descriptors.add(descriptor);
            }
        }
        return new SifFile(path, header, descriptors);
    }

    private static void checkMagic(Path path, ByteBuffer bytes) {
        byte[] magic = new byte[SifFormat.MAGIC.length];
        bytes.get(SifFormat.LAUNCH_SIZE, magic);
        if (!Arrays.equals(magic, SifFormat.MAGIC)) {
            byte[] start = new byte[8];
            bytes.get(0, start);
            throw new ImageException("%s: not a SIF file (it starts with %s)"
                            .formatted(path, HexFormat.of().formatHex(start)))
                    .hint("a sandbox is run by its directory, a definition file is built first");
        }
    }

    private static void checkHeader(Path path, SifHeader header, long fileSize) {
        if (!header.version().text().equals(SifFormat.VERSION)) {
            throw broken(
                    path,
                    "SIF version \"%s\" is not known, only 01 is"
                            .formatted(header.version().text()));
        }
        if (header.descriptorsTotal() < 0 || header.descriptorsTotal() > MAX_DESCRIPTORS) {
            throw broken(
                    path,
                    "it claims %d descriptors, at most %d are read"
                            .formatted(header.descriptorsTotal(), MAX_DESCRIPTORS));
        }
        if (header.descriptorsSize() != header.descriptorsTotal() * SifFormat.DESCRIPTOR_SIZE) {
            throw broken(
                    path,
                    "the table of %d descriptors has %d bytes"
                            .formatted(header.descriptorsTotal(), header.descriptorsSize()));
        }
        if (header.descriptorsOffset() < SifFormat.HEADER_SIZE
                || header.descriptorsOffset() > fileSize - header.descriptorsSize()) {
            throw broken(
                    path,
                    "the descriptor table at offset %d lies outside the file of %d bytes"
                            .formatted(header.descriptorsOffset(), fileSize));
        }
        if (header.dataOffset() < 0 || header.dataSize() < 0) {
            throw broken(path, "its data section has a negative offset or size");
        }
    }

    private static void checkDescriptor(Path path, SifDescriptor descriptor, long fileSize) {
        if (descriptor.size() < 0
                || descriptor.size() > fileSize
                || descriptor.offset() < 0
                || descriptor.offset() > fileSize - descriptor.size()) {
            throw broken(
                    path,
                    "object %s (offset %d, size %d) lies outside the file of %d bytes; it may be truncated"
                            .formatted(
                                    Integer.toUnsignedString(descriptor.id()),
                                    descriptor.offset(),
                                    descriptor.size(),
                                    fileSize));
        }
    }

    private static ImageException broken(Path path, String what) {
        return new ImageException("%s: damaged SIF file: %s".formatted(path, what));
    }

    /** Whether the first {@link #DETECTION_SIZE} bytes of a file (or all of a shorter one) hold the magic word. */
    public static boolean looksLikeSif(byte[] start) {
        int end = Math.min(start.length, DETECTION_SIZE) - SifFormat.MAGIC.length;
        for (int at = 0; at <= end; at++) {
            if (Arrays.equals(start, at, at + SifFormat.MAGIC.length, SifFormat.MAGIC, 0, SifFormat.MAGIC.length)) {
                return true;
            }
        }
        return false;
    }

    /** The object with that id. */
    public Optional<SifDescriptor> object(int id) {
        return descriptors.stream().filter(object -> object.id() == id).findFirst();
    }

    /** The first object of a type. */
    public Optional<SifDescriptor> first(DataType type) {
        return descriptors.stream().filter(object -> object.type() == type).findFirst();
    }

    /** The first object of a type with that name, as {@code inspect-metadata.json} and {@code oci-config.json} are found. */
    public Optional<SifDescriptor> named(DataType type, String name) {
        return descriptors.stream()
                .filter(object -> object.type() == type && object.name().text().equals(name))
                .findFirst();
    }

    /**
     * The partition that holds the root file system.
     *
     * @throws ImageException if there are two: which one runs must not depend on the reader
     */
    public Optional<SifDescriptor> primaryPartition() {
        List<SifDescriptor> primary = descriptors.stream()
                .filter(object -> object.partition()
                        .filter(partition -> partition.type() == PartitionType.PRIMARY_SYSTEM)
                        .isPresent())
                .toList();
        if (primary.size() > 1) {
            throw broken(path, "it has %d primary system partitions".formatted(primary.size()));
        }
        return primary.stream().findFirst();
    }

    /**
     * All bytes of an object.
     *
     * @throws ImageException if it has more than {@code limit} bytes or cannot be read
     */
    public byte[] bytes(SifDescriptor object, long limit) {
        if (object.size() > Math.min(limit, Integer.MAX_VALUE - 8)) {
            throw new ImageException("%s: object %s has %d bytes, at most %d are read"
                    .formatted(path, Integer.toUnsignedString(object.id()), object.size(), limit));
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return readFully(channel, object.offset(), (int) object.size()).array();
        } catch (IOException e) {
            throw new ImageException("%s: cannot be read: %s".formatted(path, Reason.of(e)), e);
        }
    }

    /**
     * Copies an object's bytes.
     *
     * @throws ImageException if the file cannot be read or has become shorter
     * @throws IOException if {@code out} fails
     */
    public void copy(SifDescriptor object, OutputStream out) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(COPY_SIZE);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long position = object.offset();
            while (position < object.end()) {
                buffer.clear().limit((int) Math.min(COPY_SIZE, object.end() - position));
                int count = channel.read(buffer, position);
                if (count < 0) {
                    throw new ImageException(
                            "%s: ends inside object %s".formatted(path, Integer.toUnsignedString(object.id())));
                }
                out.write(buffer.array(), 0, count);
                position += count;
            }
        }
    }

    private static ByteBuffer readFully(FileChannel channel, long offset, int size) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, offset + buffer.position()) < 0) {
                throw new IOException("it became shorter while it was read");
            }
        }
        return buffer.flip();
    }
}
