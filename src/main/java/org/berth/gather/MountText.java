package org.berth.gather;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.berth.error.UsageException;
import org.berth.host.Host;
import org.berth.launch.LaunchRequest.BindRequest;
import org.berth.launch.LaunchRequest.Scratch;

/**
 * The mounts of {@code --container-mounts}: {@code SRC[:DST[:FLAG+FLAG…]]}, {@code tmpfs:DST[:size=SIZE]} and {@code umount:DST}
 * (pyxis-enroot.md). A backslash takes away the meaning of a comma or colon, which pyxis cannot.
 *
 * @param umounts paths that the container is to lack
 */
public record MountText(List<BindRequest> binds, List<Scratch> tmpfs, Set<String> umounts) {
    /** Names of {@code --no-mount} for the paths that are mounted by default. */
    private static final Map<String, String> DEFAULT_MOUNTS =
            Map.of("/proc", "proc", "/sys", "sys", "/dev", "dev", "/dev/pts", "devpts", "/tmp", "tmp");

    /** What every bind of Berth is anyway. */
    private static final Set<String> ALWAYS =
            Set.of("rw", "bind", "rbind", "private", "rprivate", "slave", "rslave", "nosuid", "nodev", "");

    private static final String SIZE = "size=";

    /** tmpfs(5); a number without a unit is one of bytes. */
    private static final String TMPFS_SIZE = "[1-9][0-9]{0,14}[kKmMgG%]?";

    public MountText {
        binds = List.copyOf(binds);
        tmpfs = List.copyOf(tmpfs);
        umounts = Set.copyOf(umounts);
    }

    /** @throws UsageException for a mount that is not understood */
    public static MountText parse(List<String> items, Host host) {
        List<BindRequest> binds = new ArrayList<>();
        List<Scratch> tmpfs = new ArrayList<>();
        Set<String> umounts = new LinkedHashSet<>();
        for (String item : items) {
            List<String> parts = BindText.split(item);
            String source = parts.getFirst();
            if (parts.size() > 3 || source.isEmpty()) {
                throw broken(item, "it is not of the form SRC[:DST[:FLAGS]]");
            }
            switch (source) {
                case "tmpfs" -> tmpfs.add(scratch(parts, item, host));
                case "umount" -> {
                    if (parts.size() == 3) {
                        throw broken(item, "umount has no flags");
                    }
                    String path = target(parts, item, host).toString();
                    umounts.add(DEFAULT_MOUNTS.getOrDefault(path, path));
                }
                default -> {
                    Path from = host.path(source);
                    Path to = parts.size() < 2 ? from : target(parts, item, host);
                    binds.add(new BindRequest(from, to, parts.size() == 3 && readOnly(parts.get(2), item)));
                }
            }
        }
        return new MountText(binds, tmpfs, umounts);
    }

    private static Path target(List<String> parts, String item, Host host) {
        if (parts.size() < 2 || !parts.get(1).startsWith("/")) {
            throw broken(item, "the path in the container must be absolute");
        }
        return host.path(parts.get(1));
    }

    private static Scratch scratch(List<String> parts, String item, Host host) {
        Path target = target(parts, item, host);
        Optional<String> size = Optional.empty();
        for (String flag : parts.size() == 3 ? flags(parts.get(2)) : new String[0]) {
            String value = flag.startsWith(SIZE) ? flag.substring(SIZE.length()) : "";
            if (value.matches(TMPFS_SIZE)) {
                size = Optional.of(value);
            } else if (!ALWAYS.contains(flag)) {
                throw broken(
                        item,
                        "the flag %s is not available; size=SIZE is, as in size=10M or size=50%%".formatted(flag));
            }
        }
        return new Scratch(target, size);
    }

    private static String[] flags(String text) {
        return text.split("[+,]", -1);
    }

    private static boolean readOnly(String flags, String item) {
        boolean readOnly = false;
        for (String flag : flags(flags)) {
            if (flag.equals("ro")) {
                readOnly = true;
            } else if (!ALWAYS.contains(flag) && !flag.startsWith("x-create=")) {
                throw broken(item, "the flag %s is not available; ro and rw are".formatted(flag));
            }
        }
        return readOnly;
    }

    private static UsageException broken(String item, String why) {
        return new UsageException("--container-mounts %s: %s".formatted(item, why));
    }
}
