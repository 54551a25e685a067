package org.berth.launch;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.berth.devices.GpuRequest;

/**
 * What the user asked for, with combined options taken apart ({@code --compat} is no field).
 *
 * @param level of messages, in Apptainer's numbers
 */
public record LaunchRequest(
        Action action,
        Lifetime lifetime,
        Process process,
        Mounts mounts,
        Writes writes,
        Isolation isolation,
        Environment environment,
        GpuRequest gpus,
        int level) {
    /**
     * The payload.
     *
     * @param argvIndex where its arguments begin in the launcher's argv; 0 if there are none
     * @param init a PID namespace of its own has an init process
     */
    public record Process(
            int argvIndex,
            Optional<Path> cwd,
            Optional<String> app,
            Optional<String> shell,
            boolean init,
            boolean callersUmask) {}

    /**
     * What of the host is seen.
     *
     * @param noMount default mounts that are left out, as {@code --no-mount} names them
     * @param workdir takes the container's {@code /tmp}, {@code /var/tmp} and scratch directories
     * @param dns name servers in place of the host's
     */
    public record Mounts(
            Contain contain,
            Home home,
            List<BindRequest> binds,
            List<Scratch> scratch,
            Optional<Path> workdir,
            Set<String> noMount,
            List<String> dns) {
        public Mounts {
            binds = List.copyOf(binds);
            scratch = List.copyOf(scratch);
            noMount = Set.copyOf(noMount);
            dns = List.copyOf(dns);
        }

        /** Whether a default mount was not excluded by {@code --no-mount}. */
        public boolean has(String name) {
            return !noMount.contains(name);
        }
    }

    /**
     * Where what the payload writes into the image's directories goes.
     *
     * @param memoryMib how much may be written to memory, where the caller says it
     */
    public record Writes(Root root, OptionalInt memoryMib, Optional<Layer> layer) {}

    /** What the payload does not share with the host, and who it is. */
    public record Isolation(Set<Namespaces> namespaces, Optional<String> hostname, Identity identity) {
        public Isolation {
            namespaces = Set.copyOf(namespaces);
        }
    }

    /** What runs in the container. */
    public enum Action {
        EXEC,
        RUN,
        SHELL,
        TEST;

        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /** A bind of {@code --bind}, {@code --mount} or the environment; the source is absolute. */
    public record BindRequest(Path source, Path target, boolean readOnly, AskedBy askedBy, Nesting nesting) {
        public BindRequest(Path source, Path target, boolean readOnly) {
            this(source, target, readOnly, AskedBy.USER, Nesting.YES);
        }
    }

    /**
     * A directory of the container's that is empty at first.
     *
     * @param size of a tmpfs of its own, as mount takes it; without one it is a part of the session's
     */
    public record Scratch(Path target, Optional<String> size) {
        public Scratch(Path target) {
            this(target, Optional.empty());
        }
    }

    /** Whether a container that is started in this one is to have the bind as well: APPTAINER_BIND tells it. */
    public enum Nesting {
        YES,
        NO
    }

    /** Whose wish a bind is: a site may take the user's away, but not what a step of Slurm cannot do without. */
    public enum AskedBy {
        USER,
        SLURM
    }

    /**
     * The home directory; {@code source} is what is mounted at {@code target}, if anything is.
     *
     * @param chosen the user named it: no mount that nobody asked for may hide it
     */
    public record Home(Optional<Path> source, Path target, boolean chosen) {}

    /** How much of the host is visible. */
    public enum Contain {
        NO,
        YES
    }

    /** What may be written in the container's root. */
    public enum Root {
        READ_ONLY,
        /** Into memory, gone at the end. */
        TMPFS,
        /** Into the sandbox itself. */
        WRITABLE
    }

    /**
     * A directory of the host that takes what is written, over the image; {@link Root} does not count then.
     *
     * @param work overlay's own directory, on the same file system
     * @param lease how the layer is kept from others
     */
    public record Layer(Path upper, Path work, boolean writable, Lease lease) {}

    /**
     * The lock file of a kept container.
     *
     * @param again a container that somebody else starts meanwhile is joined, instead of an error
     */
    public record Lease(String name, Path file, boolean again) {}

    /** Who the caller is in the container. */
    public enum Identity {
        OWN,
        ROOT
    }

    /** The namespaces that the user may ask for. */
    public enum Namespaces {
        PID,
        IPC,
        UTS,
        NET
    }

    /**
     * The variables of the payload, by {@code --env}, {@code --env-file}, {@code APPTAINERENV_*} and the image.
     *
     * @param clean the caller's variables are left out
     * @param injected values for the container, over the image's
     * @param dropped names of the caller's variables that are left out
     * @param evaluate injected values are evaluated once by the container's shell
     * @param kept the caller's values that win over the image's
     * @param entrypoint the image's runscript makes the environment, by running a program that tells it
     */
    public record Environment(
            boolean clean,
            Map<String, String> injected,
            Set<String> dropped,
            boolean evaluate,
            Map<String, String> kept,
            boolean entrypoint) {
        public Environment {
            injected = java.util.Collections.unmodifiableMap(new java.util.TreeMap<>(injected));
            dropped = Set.copyOf(dropped);
            kept = java.util.Collections.unmodifiableMap(new java.util.TreeMap<>(kept));
        }
    }

    /** The same request, written into a layer. */
    public LaunchRequest over(Layer kept) {
        Writes into = new Writes(writes.root, writes.memoryMib, Optional.of(kept));
        return new LaunchRequest(action, lifetime, process, mounts, into, isolation, environment, gpus, level);
    }

    /** What is written belongs to who runs, and so does what the image says is root's: there is one id. */
    boolean ownsImage() {
        return writes.layer.isPresent() || writes.root == Root.TMPFS && lifetime instanceof Lifetime.Held;
    }

    public boolean contained() {
        return mounts.contain == Contain.YES;
    }

    public boolean wants(Namespaces namespace) {
        return isolation.namespaces.contains(namespace);
    }
}
