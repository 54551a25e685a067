package org.berth.cache;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.berth.error.ImageException;
import org.berth.files.SmallFile;
import org.berth.host.OwnDirectory;
import org.berth.host.Owners;
import org.berth.oci.Digest;
import org.berth.oci.ImageNames;
import org.berth.oci.ImageReference;

/**
 * Names of images and the digests they stood for, in {@code cache/blob/names}: a file of two lines each.
 *
 * <p>They are not in the layout's {@code index.json} because two processes that write one file lose a name.
 */
public final class NameFiles implements ImageNames {
    private static final int MAX_BYTES = 1 << 16;

    private final Path directory;
    private final Owners owners;

    /** @param root what the user calls the cache directory; {@link Cache#objection} has none to it */
    public NameFiles(Path root, Owners owners) {
        this.owners = owners;
        this.directory = root.toAbsolutePath()
                .resolve("cache")
                .resolve(CacheType.BLOB.word())
                .resolve("names");
    }

    @Override
    public Optional<Digest> find(ImageReference image) {
        try {
            Path file = file(image);
            owners.require(file, Owners.Kind.FILE);
            List<String> lines = SmallFile.text(file, MAX_BYTES, StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            return lines.size() == 2 && lines.getFirst().equals(image.toString())
                    ? Optional.of(Digest.parse(lines.getLast()))
                    : Optional.empty();
        } catch (IOException | ImageException e) {
            // Unreadable is as good as missing: the registry knows.
            return Optional.empty();
        }
    }

    @Override
    public Optional<Instant> seen(ImageReference image) {
        try {
            return Optional.of(Files.getLastModifiedTime(file(image)).toInstant());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    @Override
    public void remember(ImageReference image, Digest digest) {
        try {
            if (find(image).filter(digest::equals).isPresent()) {
                Files.setLastModifiedTime(file(image), FileTime.from(Instant.now()));
                return;
            }
            OwnDirectory.make(directory, owners);
            Folder.write(file(image), "%s\n%s\n".formatted(image, digest).getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // A cache that is full or read-only serves this use all the same.
        }
    }

    private Path file(ImageReference image) {
        return directory.resolve(
                Digest.sha256(image.toString().getBytes(StandardCharsets.UTF_8)).hex());
    }
}
