package org.berth.cache;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** A way to be the only one at something, among processes and perhaps among machines. */
interface Locking {
    /** A held lock; closing it lets the next one in and removes its file. */
    interface Lock extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Takes the lock if nobody has it.
     *
     * @param base the lock's file without its suffix
     * @throws IOException if this file system knows no such locks
     */
    Optional<Lock> tryLock(Path base) throws IOException;
}
