package org.berth.cache;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.berth.error.HostException;
import org.berth.files.Reason;
import org.berth.files.Unfinished;

/** What is to be done about an image: it is there, or the holder of this has to make it while others wait. */
public sealed interface ImageLease extends AutoCloseable {
    @Override
    void close();

    /** The image is there; nothing is held. */
    record Finished(Path file) implements ImageLease {
        @Override
        public void close() {}
    }

    /** The duty to make the image; closed without {@link #publish} it leaves nothing behind. */
    final class Writer implements ImageLease {
        private final Path file;
        private final Unfinished part;
        private final Leases.Lease lease;

        Writer(Path file, Leases.Lease lease) {
            this.file = file;
            this.part = Unfinished.of(file);
            this.lease = lease;
        }

        /** Where to write it; does not exist yet. */
        public Path temporary() {
            return part.path();
        }

        /** Synchronises what was written and gives it its name. */
        public Path publish() {
            try (FileChannel channel = FileChannel.open(part.path(), StandardOpenOption.WRITE)) {
                // Whatever the umask was: one that others could write to would not be believed.
                Files.setPosixFilePermissions(part.path(), PosixFilePermissions.fromString("rwx------"));
                channel.force(true);
                Folder.publish(part.path(), file);
                lease.finished();
                return file;
            } catch (IOException e) {
                throw new HostException("%s: %s".formatted(file, Reason.of(e)), e);
            }
        }

        @Override
        public void close() {
            try (lease) {
                part.close();
            }
        }
    }
}
