package org.berth.sif;

import java.nio.ByteBuffer;
import java.util.UUID;

/**
 * The global header of a SIF file; offsets and sizes are in bytes, offsets from the start of the file.
 *
 * @param launch the 32 bytes of the {@code #!} line, all NUL if there is none
 * @param version two digits and a NUL
 * @param architectureCode two digits and a NUL: what the primary partition is for
 * @param id all zero in a deterministic image
 * @param createdAt Unix seconds, {@link #NO_TIME} in a deterministic image
 * @param modifiedAt like {@code createdAt}
 */
public record SifHeader(
        FixedBytes launch,
        FixedBytes version,
        FixedBytes architectureCode,
        UUID id,
        long createdAt,
        long modifiedAt,
        long descriptorsFree,
        long descriptorsTotal,
        long descriptorsOffset,
        long descriptorsSize,
        long dataOffset,
        long dataSize) {
    /** The zero time of Go, 1 January of the year 1, which stands for "no time" in a SIF file. */
    public static final long NO_TIME = -62135596800L;

    /** The id of a deterministic image. */
    public static final UUID NO_ID = new UUID(0, 0);

    public Architecture architecture() {
        return Architecture.ofCode(architectureCode.text());
    }

    /** The bytes that a signature covers: what stays when objects are added or moved. */
    public byte[] signedFields() {
        ByteBuffer header = SifFormat.encode(this);
        ByteBuffer fields = ByteBuffer.allocate(
                SifFormat.LAUNCH_SIZE + SifFormat.MAGIC.length + SifFormat.VERSION_SIZE + SifFormat.ID_SIZE);
        int beforeArchitecture = SifFormat.LAUNCH_SIZE + SifFormat.MAGIC.length + SifFormat.VERSION_SIZE;
        fields.put(header.slice(0, beforeArchitecture));
        fields.put(header.slice(beforeArchitecture + SifFormat.ARCHITECTURE_SIZE, SifFormat.ID_SIZE));
        return fields.array();
    }
}
