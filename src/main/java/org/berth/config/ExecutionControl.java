package org.berth.config;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.berth.error.HostException;

/**
 * Whose signatures an image needs before it is run, by the directory that it is in: Apptainer's execution control list.
 *
 * @param active whether images are checked at all; no image may run where they are and there is no group
 * @param source the file that says so
 */
public record ExecutionControl(boolean active, Accepted accepted, List<Group> groups, Path source) {
    public static final ExecutionControl OFF = new ExecutionControl(false, Accepted.CURRENT, List.of(), Path.of(""));

    /** @throws HostException if two groups are for one directory */
    public ExecutionControl {
        groups = List.copyOf(groups);
        Set<Optional<Path>> directories = new HashSet<>();
        for (Group group : groups) {
            if (!directories.add(group.directory())) {
                throw new HostException("%s: execution control: two groups are for %s"
                        .formatted(source, group.directory().map(Path::toString).orElse("all other directories")));
            }
        }
    }

    /** Which form of signatures counts. */
    public enum Accepted {
        CURRENT,
        /** Only those of Singularity before 3.6, which protect no more than the bytes of the primary partition. */
        LEGACY
    }

    /** What a group's keys are good for. */
    public enum Mode {
        /** An image needs the signature of one of them. */
        WHITELIST,
        /** An image needs the signatures of all of them. */
        WHITESTRICT,
        /** An image needs a signature, but of none of them. */
        BLACKLIST
    }

    /**
     * Images in one directory; those further down are not meant.
     *
     * @param directory empty for the images in all directories that no other group is for
     * @param keys fingerprints of OpenPGP keys, 40 upper-case hexadecimal digits each
     */
    public record Group(String name, Mode mode, Optional<Path> directory, List<String> keys) {
        public Group {
            keys = List.copyOf(keys);
        }
    }
}
