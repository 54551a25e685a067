package org.berth.launch;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.berth.error.UsageException;

/** One operation of a plan; docs/plan.md is the table, {@code ops.c} performs them. */
public sealed interface Op {
    /** Which messages of the launcher are shown, in Apptainer's numbers: −3 errors only, −1 no INFO, 1 normal, 4 verbose, 5 debug. */
    record Level(int level) implements Op {}

    /**
     * The right to start a kept container.
     *
     * @param again if somebody has it, the planner is asked again when the container can be entered; else that is an error
     * @param name of the container, for messages
     */
    record Lease(Path lock, boolean again, String name) implements Op {}

    /** Enters a kept container that a process holds; the planner is asked again if it has ended. */
    record Join(Path lock, int pid, long startTime, String name) implements Op {}

    record Unshare(Set<Namespace> namespaces) implements Op {
        public Unshare {
            namespaces = java.util.Collections.unmodifiableSet(new java.util.TreeSet<>(namespaces));
        }
    }

    /** Maps in the form of {@code /proc/PID/uid_map}, {@code INSIDE OUTSIDE COUNT} lines. */
    record MapIds(String uids, String gids) implements Op {}

    record Loopback() implements Op {}

    record Hostname(String name) implements Op {}

    /** The tmpfs that holds everything that the launch makes; {@code sizeKib} 0 means no limit, none half of the memory. */
    record Session(Path directory, OptionalLong sizeKib) implements Op {}

    record ImageDirectory(Path directory, MountOptions options) implements Op {}

    /** The squashfs at an offset of a file, by a FUSE server; {@code identity} is that of the file that was looked at. */
    record ImageSquash(Path file, long offset, Path server, Optional<String> identity) implements Op {}

    /** The squashfs at an offset of a file, by the kernel and a loop device (root). */
    record ImageLoop(Path file, long offset, long size, Optional<String> identity) implements Op {}

    /** An unpacked image that is removed when the payload has ended. */
    record ImageTemporary(Path directory, Optional<String> identity) implements Op {}

    /** Removes a temporary image file; what is mounted stays readable. */
    record RemoveFile(Path file) implements Op {}

    /** Makes a mount point that the image lacks; {@code always}: also gives its directory to the caller. */
    record Skeleton(Path target, boolean directory, boolean always) implements Op {
        public Skeleton {
            requireAbsolute("mount point", target);
        }
    }

    record RootOverlay(boolean writable) implements Op {}

    /** What is written into the container stays in {@code upper}; {@code work} is on the same file system. */
    record RootOverlayDirectory(Path upper, Path work, boolean writable, List<Path> lower) implements Op {
        public RootOverlayDirectory {
            lower = List.copyOf(lower);
        }
    }

    record RootBind(boolean writable) implements Op {}

    /**
     * A place on the host made visible at a place in the container.
     *
     * @param inside mount points of later binds in it, made while it can still be written
     */
    record Bind(
            Path source, Path target, MountOptions options, OnMissing onMissing, String what, List<MountPoint> inside)
            implements Op {
        public Bind {
            requireAbsolute("bind source", source);
            requireAbsolute("bind target", target);
            inside = List.copyOf(inside);
        }

        public Bind(Path source, Path target, MountOptions options, OnMissing onMissing, String what) {
            this(source, target, options, onMissing, what, List.of());
        }
    }

    /** A directory, or else a file, on which something is to be mounted. */
    record MountPoint(Path path, boolean directory) {}

    /** As {@link Bind}, from a path of the session directory. */
    record BindSession(String source, Path target, MountOptions options, OnMissing onMissing, String what)
            implements Op {
        public BindSession {
            requireAbsolute("bind target", target);
        }
    }

    record Mount(
            String type,
            String source,
            Path target,
            MountOptions options,
            String data,
            OnMissing onMissing,
            String what)
            implements Op {}

    /** The next operation is skipped if both paths lead to the same place in the container. */
    record SkipIfSame(Path one, Path other) implements Op {}

    record MakeDirectory(Path target, int mode) implements Op {}

    record Symlink(String text, Path target) implements Op {}

    record SessionFile(String path, int mode, String content) implements Op {}

    record SessionDirectory(String path, int mode) implements Op {}

    /** A directory of the host, made if it is missing; its parent must be there. */
    record HostDirectory(Path path, int mode) implements Op {}

    /** The caller's line in the image's {@code /etc/passwd}. */
    record Passwd(String line) implements Op {}

    /** The caller's groups in the image's {@code /etc/group}. */
    record Group(List<String> lines) implements Op {
        public Group {
            lines = List.copyOf(lines);
        }
    }

    record Pivot() implements Op {}

    /** A second user namespace, in which the caller has its own ids again. */
    record Identity(String uids, String gids) implements Op {}

    record Umask(int mask) implements Op {}

    record EnvironmentKeep(List<String> names) implements Op {
        public EnvironmentKeep {
            names = List.copyOf(names);
        }
    }

    /** Patterns are names, or prefixes with {@code *} at their end. */
    record EnvironmentDrop(List<String> patterns) implements Op {
        public EnvironmentDrop {
            patterns = List.copyOf(patterns);
        }
    }

    record EnvironmentSet(String name, String value) implements Op {}

    /** The image's own environment, worked out by its scripts in the container. */
    record EnvironmentOfImage(Path shell, String script, String name, Map<String, String> variables) implements Op {
        public EnvironmentOfImage {
            variables = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(variables));
        }
    }

    record Privileges(boolean keep) implements Op {}

    /** PID 1 is a shim that reaps and forwards signals. */
    record Init() implements Op {}

    /** PID 1 is the payload. */
    record Fork() implements Op {}

    /** {@code fatal}: the first candidate must do. */
    record WorkingDirectory(boolean fatal, List<Path> candidates) implements Op {
        public WorkingDirectory {
            candidates = List.copyOf(candidates);
        }
    }

    /** The payload is nobody: others enter, until the release descriptor ends. */
    record Hold(int readyFd, int releaseFd) implements Op {}

    /** The payload's arguments are {@code prefix} and the launcher's own from {@code argvIndex} on (0: none). */
    record Exec(int argvIndex, List<String> prefix) implements Op {
        public Exec {
            prefix = List.copyOf(prefix);
        }
    }

    /** The first of these scripts that is there. */
    record ExecScript(int argvIndex, Path shell, List<Path> candidates, Otherwise otherwise) implements Op {
        public ExecScript {
            candidates = List.copyOf(candidates);
        }
    }

    /** The first of these shells that is there; each a program and its arguments. */
    record ExecShell(List<List<String>> candidates) implements Op {
        public ExecShell {
            candidates = List.copyOf(candidates);
        }
    }

    /**
     * What happens where no script is there.
     *
     * @param word {@code shell}: an INFO line, and /bin/sh with the arguments; {@code nothing}: an INFO line, status 0;
     *     {@code stop}: the text on standard output, and the status
     */
    record Otherwise(String word, int status, String text) {
        static Otherwise shell(String text) {
            return new Otherwise("shell", 0, text);
        }

        static Otherwise nothing(String text) {
            return new Otherwise("nothing", 0, text);
        }

        static Otherwise stop(int status, String text) {
            return new Otherwise("stop", status, text);
        }
    }

    /** Namespaces, in the words of the plan. */
    enum Namespace {
        USER,
        MOUNT,
        PID,
        IPC,
        UTS,
        NET;

        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /** What to do when a target is missing and cannot be made, or a source is missing. */
    enum OnMissing {
        CREATE,
        /** Made if it can be, else left out with a warning. */
        TRY,
        SKIP,
        WARN,
        FAIL;

        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    private static void requireAbsolute(String what, Path path) {
        if (!path.isAbsolute()) {
            throw new UsageException("%s %s is not absolute".formatted(what, path));
        }
    }
}
