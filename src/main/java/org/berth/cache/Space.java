package org.berth.cache;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.berth.error.HostException;

/** Room on a file system: asked for before the work, and named when it runs out. */
public final class Space {
    private Space() {}

    /**
     * Makes sure that so many bytes have room.
     *
     * @param directory an existing directory
     * @throws HostException if they have not
     */
    public static void require(Path directory, long needed) {
        long free;
        try {
            free = free(directory);
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(directory, e.getMessage()), e);
        }
        if (needed > free) {
            throw lacking(directory, needed, free);
        }
    }

    private static long free(Path directory) throws IOException {
        return Files.getFileStore(directory).getUsableSpace();
    }

    private static HostException lacking(Path directory, long needed, long free) {
        return new HostException("%s: no space: %s needed, %s free"
                        .formatted(directory, CacheReport.size(needed), CacheReport.size(free)))
                .hint("make room, or choose another place with APPTAINER_CACHEDIR or APPTAINER_TMPDIR");
    }

    /**
     * A failed write in words.
     *
     * @param needed bytes that were to be written in all
     */
    static HostException writeFailure(Path file, long needed, IOException failure) {
        String reason = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
        if (reason.contains("no space left") || reason.contains("quota")) {
            try {
                Path directory = Folder.parent(file);
                return lacking(directory, needed, free(directory));
            } catch (IOException e) {
                failure.addSuppressed(e);
            }
        }
        return new HostException("writing %s: %s".formatted(file, failure.getMessage()), failure);
    }
}
