package org.berth.launch;

/** How long a container stays, and for whom. */
public sealed interface Lifetime {
    /** As long as its payload, which the launcher becomes. */
    record Foreground() implements Lifetime {}

    /**
     * Until others let go of it: the tasks of a Slurm step enter it one by one, and nothing runs in it by itself.
     *
     * @param readyFd descriptor that the launcher writes to when the container can be entered
     * @param releaseFd descriptor whose end of file ends the container
     */
    record Held(int readyFd, int releaseFd) implements Lifetime {}
}
