package org.berth.cache;

import java.util.Optional;

/** What the batch system knows of the jobs in which files of a cache are made. */
public interface Jobs {
    /** Nothing is known: there is no batch system, or nobody who would ask it. */
    Jobs NONE = new Jobs() {
        @Override
        public Optional<String> own() {
            return Optional.empty();
        }

        @Override
        public boolean hasEnded(String job) {
            return false;
        }
    };

    /** The job that this process is of: a word of printable ASCII, at most 200 of them. */
    Optional<String> own();

    /** Whether that job, which {@link #own} named somewhere, has ended for certain; may take some seconds. */
    boolean hasEnded(String job);
}
