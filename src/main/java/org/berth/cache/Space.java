package org.berth.cache;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.berth.error.HostException;
import org.berth.files.OutputFiles;
import org.berth.host.ByteSize;
import org.berth.host.Room;

/** Room on a file system: asked for before the work, and named when it runs out. */
public final class Space {
    /** A lease, an unfinished file, a name: with fewer nothing can be made. */
    private static final int LEAST_FILES = 4;

    private Space() {}

    /**
     * What is to be written to a directory that exists.
     *
     * @param files how many will be made
     */
    public record Need(Path directory, long bytes, long files) {}

    /**
     * Makes sure that so many bytes have room.
     *
     * @param directory an existing directory
     * @throws HostException if they have not
     */
    public static void require(Path directory, long needed) {
        require(List.of(new Need(directory, needed, 1)));
    }

    /**
     * Makes sure that all of it has room together: what goes to the same file system is added up.
     *
     * @throws HostException that names what is needed and what is free
     */
    public static void require(List<Need> needs) {
        Map<FileStore, Need> sums = new HashMap<>();
        for (Need need : needs) {
            try {
                sums.merge(Files.getFileStore(need.directory()), need, Space::sum);
            } catch (IOException e) {
                throw new HostException("%s: %s".formatted(need.directory(), e.getMessage()), e);
            }
        }
        sums.values().forEach(Space::require);
    }

    private static Need sum(Need a, Need b) {
        return new Need(a.directory(), a.bytes() + b.bytes(), a.files() + b.files());
    }

    private static void require(Need need) {
        Room room;
        try {
            room = Room.of(need.directory());
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(need.directory(), e.getMessage()), e);
        }
        if (need.bytes() > room.bytes()) {
            throw lacking(need.directory(), ByteSize.text(need.bytes()), ByteSize.text(room.bytes()));
        }
        if (need.files() > room.files()) {
            throw lacking(need.directory(), need.files() + " files", String.valueOf(room.files()));
        }
    }

    private static HostException lacking(Path directory, String needed, String free) {
        return lacking(directory, "%s needed, %s free".formatted(needed, free));
    }

    private static HostException lacking(Path directory, String what) {
        return new HostException("%s: no space: %s".formatted(directory, what))
                .hint("make room there (berth cache gc, berth cache clean), or choose another place with"
                        + " APPTAINER_CACHEDIR or APPTAINER_TMPDIR");
    }

    /**
     * A failed write in words.
     *
     * @param needed bytes that were to be written in all, or 0 where it is not known
     */
    static HostException writeFailure(Path file, long needed, IOException failure) {
        String reason = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
        if (reason.contains("no space left") || reason.contains("quota")) {
            try {
                Path directory = existing(OutputFiles.folder(file));
                Room room = Room.of(directory);
                if (room.files() < LEAST_FILES) {
                    return lacking(directory, LEAST_FILES + " files", String.valueOf(room.files()));
                }
                String free = ByteSize.text(room.bytes());
                String left =
                        reason.contains("quota") ? "the quota is used up with %s free".formatted(free) : free + " free";
                return lacking(directory, needed == 0 ? left : "%s needed, %s".formatted(ByteSize.text(needed), left));
            } catch (IOException e) {
                failure.addSuppressed(e);
            }
        }
        return new HostException("writing %s: %s".formatted(file, failure.getMessage()), failure);
    }

    /** The directory, or the nearest one above it: what failed may have been to make it. */
    private static Path existing(Path directory) {
        Path here = directory;
        while (!Files.exists(here)) {
            here = OutputFiles.folder(here);
        }
        return here;
    }
}
