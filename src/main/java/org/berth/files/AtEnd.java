package org.berth.files;

import java.io.IOException;
import java.util.concurrent.locks.LockSupport;

/**
 * Tidies up when the process is ended by SIGINT or SIGTERM while this is open; what SIGKILL leaves goes with the next
 * process that looks.
 */
public final class AtEnd implements AutoCloseable {
    /** Removes a file, or makes it one that others may take up. */
    public interface Tidying {
        void tidy() throws IOException;
    }

    private final Thread hook;

    public AtEnd(Tidying tidying) {
        this.hook = new Thread(() -> {
            try {
                tidying.tidy();
            } catch (IOException e) {
                // It goes later, as after a SIGKILL.
            }
        });
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The end has begun: nothing more is made by this thread.
            while (true) {
                LockSupport.park();
            }
        }
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The end has begun: the file goes in any case.
        }
    }
}
