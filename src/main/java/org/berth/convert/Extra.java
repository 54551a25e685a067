package org.berth.convert;

import java.nio.charset.StandardCharsets;

/**
 * A file added on top of the image's own, owned by root.
 *
 * @param path relative to the root; missing parents are made
 * @param mode permission bits; of no meaning for a link
 * @param content of a file, or the target of a link; empty for a directory
 */
public record Extra(String path, Kind kind, int mode, byte[] content, Rule rule) {
    /** What is added. */
    public enum Kind {
        DIRECTORY,
        FILE,
        SYMLINK
    }

    /** What happens to something of that name in the image. */
    public enum Rule {
        /** It is replaced; a directory keeps its content where the extra is a directory, too. */
        ALWAYS,
        /** It stays, whatever it is; and nothing is added below something that is no directory. */
        IF_MISSING
    }

    public Extra {
        content = content.clone();
    }

    public static Extra directory(String path, int mode, Rule rule) {
        return new Extra(path, Kind.DIRECTORY, mode, new byte[0], rule);
    }

    public static Extra file(String path, int mode, String text, Rule rule) {
        return new Extra(path, Kind.FILE, mode, text.getBytes(StandardCharsets.UTF_8), rule);
    }

    public static Extra symlink(String path, String target, Rule rule) {
        return new Extra(path, Kind.SYMLINK, 0777, target.getBytes(StandardCharsets.UTF_8), rule);
    }
}
