package org.berth.squashfs;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.berth.error.HostException;
import org.berth.libc.LinuxFiles;
import org.berth.libc.LinuxFiles.Status;

/**
 * What an overlay notes in its upper directory (Linux, Documentation/filesystems/overlayfs.rst): a removed name is a
 * character device 0:0 or an empty file with the attribute {@code overlay.whiteout}, a directory that hides the one below
 * has {@code overlay.opaque}. The attributes are {@code trusted.} ones, or {@code user.} ones where the mount was made in a
 * user namespace.
 */
final class OverlayMarks {
    private static final List<String> PREFIXES = List.of("user.overlay.", "trusted.overlay.");
    /** The prefix of what an overlay in this one has written. */
    private static final String NESTED = "overlay.";

    private OverlayMarks() {}

    static boolean isWhiteoutDevice(Status status) {
        return status.type() == LinuxFiles.S_IFCHR && status.major() == 0 && status.minor() == 0;
    }

    /** @param xattrs of a regular file */
    static boolean isWhiteoutFile(Status status, SortedMap<String, byte[]> xattrs) {
        return status.size() == 0 && mark("whiteout", xattrs).isPresent();
    }

    /** Whether a directory hides the one below; {@code x} only says that there may be whiteouts that are files. */
    static boolean isOpaque(SortedMap<String, byte[]> xattrs) {
        return mark("opaque", xattrs)
                .filter(value -> Arrays.equals(value, new byte[] {'y'}))
                .isPresent();
    }

    /** The attributes that a program in the overlay sees. */
    static SortedMap<String, byte[]> visible(SortedMap<String, byte[]> xattrs) {
        SortedMap<String, byte[]> visible = new TreeMap<>();
        xattrs.forEach((name, value) -> {
            Optional<String> prefix = PREFIXES.stream().filter(name::startsWith).findFirst();
            String shown = prefix.map(p -> p + name.substring(p.length()).replaceFirst("^" + NESTED, ""))
                    .orElse(name);
            if (prefix.isEmpty() || !shown.equals(name)) {
                visible.put(shown, value);
            }
        });
        return visible;
    }

    /**
     * Makes sure that a file or directory of the layer holds itself what it has.
     *
     * @throws HostException if its content or its entries are elsewhere in the layers below
     */
    static void requireComplete(SortedMap<String, byte[]> xattrs, String path) {
        for (String word : List.of("redirect", "metacopy")) {
            if (mark(word, xattrs).isPresent()) {
                throw new HostException("%s: the layer was written by an overlay with %s, whose files cannot be saved"
                        .formatted(path, word.equals("redirect") ? "redirect_dir=on" : "metacopy=on"));
            }
        }
    }

    private static Optional<byte[]> mark(String word, SortedMap<String, byte[]> xattrs) {
        return PREFIXES.stream()
                .flatMap(prefix -> Optional.ofNullable(xattrs.get(prefix + word)).stream())
                .findFirst();
    }
}
