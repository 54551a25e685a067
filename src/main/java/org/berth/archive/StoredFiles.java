package org.berth.archive;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;
import org.berth.oci.VerifyingInputStream;

/**
 * The files of a directory or a tar archive by relative names; nothing outside can be reached by any name or link.
 *
 * <p>Files may be opened from several threads at once.
 */
public abstract sealed class StoredFiles implements AutoCloseable permits DirectoryFiles, TarFiles {
    private static final int MAX_NAME = 4096;

    /** The directory or archive, for messages. */
    abstract String name();

    /**
     * The bytes of a regular file; empty if nothing has that name.
     *
     * @param path as {@link #inside} makes it
     * @throws ImageException if it is no regular file, or a link out of here
     */
    abstract Optional<Long> size(String path);

    /** The content of a file that {@link #size} has found. */
    abstract InputStream open(String path) throws IOException;

    @Override
    public abstract void close();

    /**
     * A name without {@code .} and empty parts.
     *
     * @throws ImageException if it leads out
     */
    final String inside(String path) {
        return normal(path)
                .orElseThrow(() -> new ImageException(
                        "%s: it names '%s', a path that leads out of it".formatted(name(), shown(path))));
    }

    /** The same, empty if it leads out or is no name at all. */
    static Optional<String> normal(String path) {
        if (path.isEmpty() || path.length() > MAX_NAME || path.startsWith("/") || path.indexOf('\0') >= 0) {
            return Optional.empty();
        }
        List<String> parts = new ArrayList<>();
        for (String part : path.split("/")) {
            if (part.equals("..")) {
                if (parts.isEmpty()) {
                    return Optional.empty();
                }
                parts.removeLast();
            } else if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        return parts.isEmpty() ? Optional.empty() : Optional.of(String.join("/", parts));
    }

    /** A small file; empty if there is none. */
    final Optional<byte[]> read(String path, int maxBytes) {
        Optional<Long> size = size(path);
        if (size.isEmpty()) {
            return Optional.empty();
        }
        if (size.orElseThrow() > maxBytes) {
            throw new ImageException("%s: its %s is larger than %d bytes".formatted(name(), shown(path), maxBytes));
        }
        try (InputStream in = open(path)) {
            return Optional.of(in.readNBytes(maxBytes));
        } catch (IOException e) {
            throw new HostException("could not read %s: %s".formatted(name(), e.getMessage()), e);
        }
    }

    /** A blob of an OCI layout, verified while it is read; see {@link org.berth.oci.LayerSource}. */
    final InputStream blob(Descriptor blob) throws IOException {
        return verified(
                "blobs/%s/%s".formatted(blob.digest().algorithm(), blob.digest().hex()), blob);
    }

    /** A file that must be what a descriptor says. */
    final InputStream verified(String path, Descriptor blob) throws IOException {
        long size = size(path)
                .orElseThrow(() -> new ImageException("%s: it lacks blob %s".formatted(name(), blob.digest())));
        if (size != blob.size()) {
            throw new ImageException("%s: blob %s has %d bytes, its descriptor says %d"
                    .formatted(name(), blob.digest(), size, blob.size()));
        }
        return new VerifyingInputStream(open(path), blob, name());
    }

    /** Text from an archive without what could act on a terminal. */
    static String shown(String text) {
        String clean = text.codePoints()
                .mapToObj(c -> Character.isISOControl(c) || c >= 0xD800 && c <= 0xDFFF ? "?" : Character.toString(c))
                .limit(200)
                .reduce("", String::concat);
        return clean.length() < text.length() ? clean + "…" : clean;
    }
}
