package org.berth.host;

import java.io.IOException;
import java.nio.file.Path;
import org.berth.libc.Statvfs;

/**
 * What an ordinary user may still write to a file system, by statvfs(3); some file systems count a quota in, others tell of it
 * only when it is used up.
 *
 * @param bytes that are free
 * @param files that can still be made; {@link Long#MAX_VALUE} where the file system does not count them
 */
public record Room(long bytes, long files) {
    /** @throws IOException if there is no such file or it is out of reach */
    public static Room of(Path path) throws IOException {
        Statvfs found = Statvfs.of(path);
        return new Room(
                product(found.fragmentSize(), found.blocksAvailable()),
                found.files() == 0 ? Long.MAX_VALUE : found.filesAvailable());
    }

    /** Servers without a limit give numbers beyond 63 bits. */
    private static long product(long size, long count) {
        try {
            return count < 0 ? Long.MAX_VALUE : Math.multiplyExact(size, count);
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }

    /** {@code 12.30 GiB and 1200 files free}. */
    public String text() {
        return files == Long.MAX_VALUE
                ? "%s free".formatted(ByteSize.text(bytes))
                : "%s and %d files free".formatted(ByteSize.text(bytes), files);
    }
}
