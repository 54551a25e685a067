package org.berth.libc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A file system's numbers, by statvfs(3).
 *
 * @param fragmentSize in bytes: what blocks are counted in
 * @param blocksAvailable to an ordinary user
 * @param files 0 where the file system does not count them
 * @param filesAvailable to an ordinary user
 */
public record Statvfs(long fragmentSize, long blocksAvailable, long files, long filesAvailable) {
    /* struct statvfs of glibc on 64-bit machines: eleven longs, of which these. */
    private static final int STRUCT_BYTES = 128;
    private static final int FRAGMENT_SIZE_AT = 8;
    private static final int BLOCKS_AVAILABLE_AT = 32;
    private static final int FILES_AT = 40;
    private static final int FILES_AVAILABLE_AT = 56;

    /** @throws SystemCallException if there is no such file or it is out of reach */
    public static Statvfs of(Path path) throws SystemCallException {
        byte[] bytes = new byte[STRUCT_BYTES];
        Natives.checked(Natives.statvfs(Natives.string(path.toString().getBytes(StandardCharsets.UTF_8)), bytes));
        ByteBuffer found = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
        return new Statvfs(
                found.getLong(FRAGMENT_SIZE_AT),
                found.getLong(BLOCKS_AVAILABLE_AT),
                found.getLong(FILES_AT),
                found.getLong(FILES_AVAILABLE_AT));
    }
}
