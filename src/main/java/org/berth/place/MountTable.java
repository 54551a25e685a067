package org.berth.place;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The mounts of a process in the order in which they were made, from /proc/self/mountinfo (proc_pid_mountinfo(5)).
 *
 * @param mounts a later one hides an earlier one at the same place
 */
public record MountTable(List<Mount> mounts) {
    private static final Pattern ESCAPED = Pattern.compile("\\\\([0-7]{3})");
    private static final String UPPER = "upperdir=";

    /** @param options of the file system, the last field */
    public record Mount(Path point, String type, List<String> options) {
        public Mount {
            options = List.copyOf(options);
        }
    }

    public MountTable {
        mounts = List.copyOf(mounts);
    }

    /** Lines that are not understood are passed over. */
    public static MountTable parse(String mountinfo) {
        List<Mount> mounts = new ArrayList<>();
        for (String line : mountinfo.lines().toList()) {
            String[] fields = line.split(" ");
            int separator = Arrays.asList(fields).indexOf("-");
            if (separator >= 6 && fields.length > separator + 1 && fields[4].startsWith("/")) {
                mounts.add(new Mount(
                        Path.of(unescape(fields[4])),
                        fields[separator + 1],
                        fields.length > separator + 3 ? List.of(fields[separator + 3].split(",")) : List.of()));
            }
        }
        return new MountTable(mounts);
    }

    /** Blanks and the like are written as {@code \040}. */
    private static String unescape(String field) {
        return ESCAPED.matcher(field)
                .replaceAll(
                        match -> Matcher.quoteReplacement(String.valueOf((char) Integer.parseInt(match.group(1), 8))));
    }

    /** @param path absolute and without symbolic links */
    public FileSystemKind kindOf(Path path) {
        return mountOf(path).map(this::kind).orElse(new FileSystemKind("unknown", Nature.NETWORK));
    }

    private Optional<Mount> mountOf(Path path) {
        Optional<Mount> best = Optional.empty();
        for (Mount mount : mounts) {
            if (path.startsWith(mount.point())
                    && best.map(b -> mount.point().getNameCount() >= b.point().getNameCount())
                            .orElse(true)) {
                best = Optional.of(mount);
            }
        }
        return best;
    }

    /**
     * An overlay is where its upper directory is. That of a container's root is on a path of the host, which leads back to the
     * overlay here: then it is taken for a disk.
     */
    private FileSystemKind kind(Mount mount) {
        if (!mount.type().equals("overlay")) {
            return FileSystemKind.of(mount.type());
        }
        Nature nature = mount.options().stream()
                .filter(option -> option.startsWith(UPPER + "/"))
                .findFirst()
                .flatMap(option -> mountOf(Path.of(unescape(option.substring(UPPER.length())))))
                .filter(upper -> !upper.type().equals("overlay"))
                .map(upper -> FileSystemKind.of(upper.type()).nature())
                .orElse(Nature.LOCAL);
        return new FileSystemKind(mount.type(), nature);
    }
}
