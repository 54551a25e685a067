package org.berth.sif;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/**
 * The bytes of a SIF file: a header of 128 bytes, a table of descriptors of 585 bytes, then the objects.
 *
 * <pre>
 *      0  header: launch line 32, magic 10, version 3, architecture 3, id 16, then eight i64
 *   4096  descriptor table, unused entries all zero
 *  32176  objects (the table of 48 entries ends here); partitions at multiples of 4096, the rest unaligned
 * </pre>
 *
 * Integers are little-endian, structures have no padding, the id is in RFC 4122 (big-endian) order.
 */
final class SifFormat {
    static final int HEADER_SIZE = 128;
    static final int DESCRIPTOR_SIZE = 585;
    static final int DESCRIPTORS_OFFSET = 4096;
    static final int DEFAULT_CAPACITY = 48;
    static final int PARTITION_ALIGNMENT = 4096;
    static final int GROUP_MASK = 0xF0000000;
    static final int LAUNCH_SIZE = 32;
    static final int VERSION_SIZE = 3;
    static final int ARCHITECTURE_SIZE = 3;
    static final int ID_SIZE = 16;
    static final int NAME_SIZE = 128;
    static final int EXTRA_SIZE = 384;
    static final byte[] MAGIC = "SIF_MAGIC\0".getBytes(StandardCharsets.US_ASCII);
    static final String VERSION = "01";
    static final String LAUNCH_LINE = "#!/usr/bin/env run-singularity\n";

    private SifFormat() {}

    static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    static ByteBuffer encode(SifHeader header) {
        ByteBuffer out = buffer(HEADER_SIZE);
        out.put(header.launch().buffer()).put(MAGIC);
        out.put(header.version().buffer()).put(header.architectureCode().buffer());
        out.order(ByteOrder.BIG_ENDIAN)
                .putLong(header.id().getMostSignificantBits())
                .putLong(header.id().getLeastSignificantBits())
                .order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(header.createdAt()).putLong(header.modifiedAt());
        out.putLong(header.descriptorsFree()).putLong(header.descriptorsTotal());
        out.putLong(header.descriptorsOffset()).putLong(header.descriptorsSize());
        out.putLong(header.dataOffset()).putLong(header.dataSize());
        return out.flip();
    }

    /** The header in those 128 bytes, whose magic has been checked. */
    static SifHeader decodeHeader(ByteBuffer in) {
        FixedBytes launch = FixedBytes.take(in, LAUNCH_SIZE);
        in.position(in.position() + MAGIC.length);
        FixedBytes version = FixedBytes.take(in, VERSION_SIZE);
        FixedBytes architecture = FixedBytes.take(in, ARCHITECTURE_SIZE);
        in.order(ByteOrder.BIG_ENDIAN);
        UUID id = new UUID(in.getLong(), in.getLong());
        in.order(ByteOrder.LITTLE_ENDIAN);
        return new SifHeader(
                launch,
                version,
                architecture,
                id,
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong());
    }

    static void encode(SifDescriptor descriptor, ByteBuffer out) {
        out.putInt(descriptor.typeCode()).put((byte) 1).putInt(descriptor.id());
        out.putInt(descriptor.groupCode()).putInt(descriptor.linkCode());
        out.putLong(descriptor.offset()).putLong(descriptor.size()).putLong(descriptor.sizeWithPadding());
        out.putLong(descriptor.createdAt()).putLong(descriptor.modifiedAt());
        out.putLong(descriptor.uid()).putLong(descriptor.gid());
        out.put(descriptor.name().buffer()).put(descriptor.extra().buffer());
    }

    /** The descriptor at the buffer's position, which is left after it; the used byte is not looked at. */
    static SifDescriptor decodeDescriptor(ByteBuffer in) {
        int type = in.getInt();
        in.get();
        return new SifDescriptor(
                type,
                in.getInt(),
                in.getInt(),
                in.getInt(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                FixedBytes.take(in, NAME_SIZE),
                FixedBytes.take(in, EXTRA_SIZE));
    }
}
