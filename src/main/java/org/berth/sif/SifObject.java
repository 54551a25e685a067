package org.berth.sif;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.berth.error.UsageException;

/**
 * An object that is to be put into a SIF file, without its bytes.
 *
 * @param group its group, 0 for none; {@link #DEFAULT_GROUP} for everything but signatures
 * @param name at most 128 bytes of UTF-8, may be empty
 * @param extra the 384 bytes that depend on the type
 */
public record SifObject(DataType type, int group, Link link, String name, FixedBytes extra) {
    public static final int DEFAULT_GROUP = 1;

    public SifObject {
        if (type == DataType.UNKNOWN) {
            throw new UsageException("an object of an unknown type cannot be written");
        }
        if (group < 0 || group > ~SifFormat.GROUP_MASK) {
            throw new UsageException("object group %d is out of range".formatted(group));
        }
        if (name.getBytes(StandardCharsets.UTF_8).length > SifFormat.NAME_SIZE) {
            throw new UsageException("object name %s is longer than %d bytes".formatted(name, SifFormat.NAME_SIZE));
        }
    }

    /** An object that needs no details: definition, environment, labels, JSON, generic. */
    public static SifObject of(DataType type, String name) {
        return new SifObject(type, DEFAULT_GROUP, new Link.None(), name, noExtra());
    }

    public static SifObject partition(
            FileSystemType fileSystem, PartitionType type, Architecture architecture, String name) {
        ByteBuffer extra = SifFormat.buffer(SifFormat.EXTRA_SIZE);
        extra.putInt(fileSystem.code()).putInt(type.code());
        extra.put(FixedBytes.padded(architecture.code(), SifFormat.ARCHITECTURE_SIZE)
                .buffer());
        return new SifObject(DataType.PARTITION, DEFAULT_GROUP, new Link.None(), name, padded(extra));
    }

    /**
     * A signature of a group or an object; it is itself in no group.
     *
     * @param fingerprint the 20 bytes of an OpenPGP key, empty for other keys
     */
    public static SifObject signature(HashType hash, Link signed, byte[] fingerprint) {
        ByteBuffer extra = SifFormat.buffer(SifFormat.EXTRA_SIZE);
        extra.putInt(hash.code()).put(fingerprint);
        return new SifObject(DataType.SIGNATURE, 0, signed, "", padded(extra));
    }

    /** A software bill of materials. */
    public static SifObject sbom(SbomFormat format) {
        ByteBuffer extra = SifFormat.buffer(SifFormat.EXTRA_SIZE);
        extra.putInt(format.code());
        return new SifObject(DataType.SBOM, DEFAULT_GROUP, new Link.None(), "", padded(extra));
    }

    /** An encrypted key that belongs to a partition. */
    public static SifObject cryptoMessage(FormatType format, MessageType message, int partitionId) {
        ByteBuffer extra = SifFormat.buffer(SifFormat.EXTRA_SIZE);
        extra.putInt(format.code()).putInt(message.code());
        return new SifObject(DataType.CRYPTO_MESSAGE, DEFAULT_GROUP, new Link.ToObject(partitionId), "", padded(extra));
    }

    public SifObject inGroup(int other) {
        return new SifObject(type, other, link, name, extra);
    }

    public SifObject linkedTo(Link other) {
        return new SifObject(type, group, other, name, extra);
    }

    public SifObject named(String other) {
        return new SifObject(type, group, link, other, extra);
    }

    /** Partitions begin at multiples of a page, so that a loop device can use direct input; the rest is packed. */
    int alignment() {
        return type == DataType.PARTITION ? SifFormat.PARTITION_ALIGNMENT : 1;
    }

    /** The descriptor of this object when it is the next one after {@code dataEnd}. */
    SifDescriptor placed(int id, long dataEnd, int alignment, long size, long time) {
        long offset = Math.ceilDiv(dataEnd, alignment) * alignment;
        return new SifDescriptor(
                type.code(),
                id,
                SifFormat.GROUP_MASK | group,
                link.raw(),
                offset,
                size,
                offset - dataEnd + size,
                time,
                time,
                0,
                0,
                FixedBytes.padded(name, SifFormat.NAME_SIZE),
                extra);
    }

    static FixedBytes noExtra() {
        return FixedBytes.padded("", SifFormat.EXTRA_SIZE);
    }

    private static FixedBytes padded(ByteBuffer extra) {
        return FixedBytes.padded(extra.array(), SifFormat.EXTRA_SIZE);
    }
}
