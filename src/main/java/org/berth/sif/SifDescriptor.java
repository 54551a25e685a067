package org.berth.sif;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Optional;

/**
 * A used entry of the descriptor table: one object of a SIF file. Numbers that this version does not know are kept.
 *
 * @param typeCode a {@link DataType} or a number of a later version
 * @param id from 1
 * @param groupCode the group with the mask {@code 0xF0000000}
 * @param linkCode an object's id, a masked group, or 0
 * @param offset bytes from the start of the file
 * @param size bytes
 * @param sizeWithPadding the size and the gap before the object
 * @param createdAt Unix seconds or {@link SifHeader#NO_TIME}
 * @param modifiedAt like {@code createdAt}
 * @param uid of old writers, else 0
 * @param gid of old writers, else 0
 * @param name 128 bytes
 * @param extra 384 bytes, their meaning depends on the type (see the accessors)
 */
public record SifDescriptor(
        int typeCode,
        int id,
        int groupCode,
        int linkCode,
        long offset,
        long size,
        long sizeWithPadding,
        long createdAt,
        long modifiedAt,
        long uid,
        long gid,
        FixedBytes name,
        FixedBytes extra) {
    /** The parts of a partition's extra field. */
    public record Partition(FileSystemType fileSystem, PartitionType type, Architecture architecture) {}

    /** The parts of a signature's extra field; the fingerprint is 20 bytes as upper-case hex, empty if none is stored. */
    public record Signature(HashType hash, Optional<String> fingerprint) {}

    /** The parts of a cryptographic message's extra field. */
    public record CryptoMessage(FormatType format, MessageType message) {}

    private static final int FINGERPRINT_SIZE = 20;

    public DataType type() {
        return DataType.of(typeCode);
    }

    /** The group's number, 0 if the object is in none. */
    public int group() {
        return groupCode & ~SifFormat.GROUP_MASK;
    }

    public Link link() {
        return Link.ofRaw(linkCode);
    }

    /** The first byte after the object. */
    public long end() {
        return offset + size;
    }

    /** What the partition holds; empty if this is no partition. */
    public Optional<Partition> partition() {
        if (type() != DataType.PARTITION) {
            return Optional.empty();
        }
        ByteBuffer fields = extra.buffer();
        return Optional.of(new Partition(
                FileSystemType.of(fields.getInt()),
                PartitionType.of(fields.getInt()),
                Architecture.ofCode(
                        FixedBytes.take(fields, SifFormat.ARCHITECTURE_SIZE).text())));
    }

    /** Empty if this is no signature. */
    public Optional<Signature> signature() {
        if (type() != DataType.SIGNATURE) {
            return Optional.empty();
        }
        ByteBuffer fields = extra.buffer();
        HashType hash = HashType.of(fields.getInt());
        byte[] entity = new byte[FINGERPRINT_SIZE];
        fields.get(entity);
        String hex = HexFormat.of().withUpperCase().formatHex(entity);
        return Optional.of(
                new Signature(hash, hex.chars().allMatch(c -> c == '0') ? Optional.empty() : Optional.of(hex)));
    }

    /** Empty if this is no cryptographic message. */
    public Optional<CryptoMessage> cryptoMessage() {
        if (type() != DataType.CRYPTO_MESSAGE) {
            return Optional.empty();
        }
        ByteBuffer fields = extra.buffer();
        return Optional.of(new CryptoMessage(FormatType.of(fields.getInt()), MessageType.of(fields.getInt())));
    }

    /** Empty if this is no software bill of materials. */
    public Optional<SbomFormat> sbom() {
        return type() == DataType.SBOM
                ? Optional.of(SbomFormat.of(extra.buffer().getInt()))
                : Optional.empty();
    }

    /** {@code sha256:…} of an OCI index or blob; empty for other objects. */
    public Optional<String> digest() {
        return type() == DataType.OCI_ROOT_INDEX || type() == DataType.OCI_BLOB
                ? Optional.of(extra.text())
                : Optional.empty();
    }

    /**
     * The bytes that a signature covers of this descriptor: everything that does not change when the object moves.
     *
     * @param relativeId this id minus the smallest id in its group
     */
    public byte[] signedFields(int relativeId) {
        ByteBuffer fields = ByteBuffer.allocate(
                        4 + 1 + 4 + 4 + 4 * Long.BYTES + SifFormat.NAME_SIZE + SifFormat.EXTRA_SIZE)
                .order(ByteOrder.LITTLE_ENDIAN);
        fields.putInt(typeCode).put((byte) 1).putInt(relativeId).putInt(linkCode);
        fields.putLong(size).putLong(createdAt).putLong(uid).putLong(gid);
        fields.put(name.buffer()).put(extra.buffer());
        return fields.array();
    }
}
