package org.berth.devices;

/** Whose GPUs a launch is to have, and who is in the container. */
public record GpuRequest(Wish nvidia, Wish amd, Wish intel, Audience audience) {
    public static final GpuRequest NOTHING = new GpuRequest(Wish.NO, Wish.NO, Wish.NO, Audience.CALLER);

    /** How much it is wanted. */
    public enum Wish {
        NO,
        /** If there are any: nothing is said if not. */
        AUTO,
        /** By an option or the site: it is worth a warning if there are none. */
        YES
    }

    /** For whom the container is. */
    public enum Audience {
        /** The caller alone: what its cgroup forbids is left out. */
        CALLER,
        /** All tasks of a Slurm step, whose cgroups may differ: each sees all nodes, and its own cgroup decides. */
        STEP
    }
}
