package org.berth.cache;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.OutputFiles;
import org.berth.oci.Digest;

/** Reads all of a cached file and compares it with the digest in its name or in its trailer. */
public final class CacheVerification {
    private CacheVerification() {}

    /**
     * What is wrong with a file.
     *
     * @return empty if it is what it should be, or has been removed meanwhile
     */
    public static Optional<String> damage(CacheType type, Path file) {
        try {
            return switch (type) {
                case BLOB -> byName(OutputFiles.folder(file).getFileName().toString(), file);
                case LIBRARY, ORAS -> byName("sha256", file);
                case OCI_TMP, SHUB, IPFS, NET -> byTrailer(file);
            };
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of("it cannot be read: " + e.getMessage());
        }
    }

    private static Optional<String> byName(String algorithm, Path file) throws IOException {
        Digest wanted;
        try {
            wanted = new Digest(algorithm, file.getFileName().toString());
        } catch (ImageException e) {
            return Optional.of("its name is no digest");
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            Digest found = Digest.of(algorithm, ImageTrailer.hash(channel, channel.size(), wanted.hasher()));
            return found.equals(wanted) ? Optional.empty() : Optional.of("its digest is " + found);
        }
    }

    private static Optional<String> byTrailer(Path file) throws IOException {
        Optional<ImageTrailer> trailer = ImageTrailer.read(file);
        if (trailer.isEmpty()) {
            return Optional.of("it was cut, or is no image of this program's");
        }
        return trailer.get().matches(file)
                ? Optional.empty()
                : Optional.of("its digest is not the one it was made with");
    }

    /** Removes a damaged file: the next use fetches or makes it anew. */
    public static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new HostException("unable to remove %s: %s".formatted(file, e.getMessage()), e);
        }
    }
}
