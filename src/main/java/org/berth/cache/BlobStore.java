package org.berth.cache;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.OutputFiles;
import org.berth.files.Reason;
import org.berth.files.SmallFile;
import org.berth.host.OwnDirectory;
import org.berth.host.Owners;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.LayerSource;
import org.berth.oci.Progress;
import org.berth.oci.VerifyingInputStream;

/**
 * Blobs by digest, in an OCI image layout (image-layout.md): {@code blobs/sha256/HEX}; or just beside each other.
 *
 * <p>A blob appears by rename, verified and synchronised. It is checked by its size before it is used and by its digest
 * while it is read; a damaged one is removed.
 */
public final class BlobStore implements DocumentStore {
    /** Locks and unfinished files beside the blobs. */
    private static final int LOCK_FILES = 6;

    private final Path root;
    private final Layout layout;
    private final Owners owners;
    private final LeaseFile.Silent silent;
    private final Map<String, Leases> leases = new ConcurrentHashMap<>();

    /** How blobs lie in the directory. */
    enum Layout {
        OCI,
        /** Each by its digits, beside each other. */
        FLAT
    }

    /** @param root made when the first blob comes */
    BlobStore(Path root, Layout layout, Owners owners, LeaseFile.Silent silent) {
        this.root = root;
        this.layout = layout;
        this.owners = owners;
        this.silent = silent;
    }

    /**
     * Begins to fetch what is missing of an image's blobs.
     *
     * @param blobs in the order of the manifest
     * @param remote a source that verifies
     * @throws HostException if there is no room for them
     */
    public Download fetch(List<Descriptor> blobs, LayerSource remote, Progress progress) {
        sweep(blobs);
        return new Download(this, blobs, remote, progress);
    }

    boolean has(Descriptor blob) {
        Path file = path(blob.digest());
        try {
            return Folder.isTrusted(file, owners) && Files.size(file) == blob.size();
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(file, Reason.of(e)), e);
        }
    }

    /** What killed processes left goes even where nothing has to be fetched. */
    private void sweep(List<Descriptor> blobs) {
        try {
            for (Descriptor blob : blobs) {
                leasesOf(blob.digest().algorithm(), directory(blob.digest()));
            }
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(root, e.getMessage()), e);
        }
    }

    /** The blob's file, if it is here with the right size. */
    public Optional<Path> file(Descriptor blob) {
        return has(blob) ? Optional.of(path(blob.digest())) : Optional.empty();
    }

    Path path(Digest digest) {
        return switch (layout) {
            case OCI -> root.resolve("blobs").resolve(digest.algorithm()).resolve(digest.hex());
            case FLAT -> root.resolve(digest.hex());
        };
    }

    /** The directory of a digest's algorithm; makes it, and the layout around it, if it is not there. */
    Path directory(Digest digest) throws IOException {
        Path directory = OutputFiles.folder(path(digest));
        if (!Files.isDirectory(directory)) {
            OwnDirectory.make(root, owners);
            if (layout == Layout.OCI) {
                writeIfMissing(root.resolve("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
                writeIfMissing(root.resolve("index.json"), "{\"schemaVersion\":2,\"manifests\":[]}");
            }
            OwnDirectory.make(directory, owners);
        }
        return directory;
    }

    private static void writeIfMissing(Path file, String text) throws IOException {
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            Folder.write(file, text.getBytes(StandardCharsets.UTF_8));
        }
    }

    /**
     * The right to fetch a blob; the first one of an algorithm also removes what was left long ago.
     *
     * @param told whom it waits for, and from whom it takes over
     * @return empty if another has fetched it
     */
    Optional<Leases.Lease> lease(Descriptor blob, Consumer<String> told) throws IOException, InterruptedException {
        Digest digest = blob.digest();
        return leasesOf(digest.algorithm(), directory(digest)).acquire(digest.hex(), () -> has(blob), told);
    }

    private Leases leasesOf(String algorithm, Path directory) throws IOException {
        Leases fresh = new Leases(directory, "fetches a part of this image", silent);
        Leases known = Optional.ofNullable(leases.putIfAbsent(algorithm, fresh)).orElse(fresh);
        if (known == fresh) {
            fresh.sweep(Leases.Abandoned.KEPT);
        }
        return known;
    }

    void requireSpace(Collection<Descriptor> blobs) {
        Space.require(need(blobs).stream().toList());
    }

    /** The room that those blobs need that are not here; empty if all are. */
    public Optional<Space.Need> need(Collection<Descriptor> blobs) {
        try {
            long bytes = 0;
            long files = 0;
            for (Descriptor blob : Set.copyOf(blobs)) {
                if (!has(blob)) {
                    bytes += blob.size();
                    files++;
                }
            }
            return files == 0
                    ? Optional.empty()
                    : Optional.of(
                            new Space.Need(directory(blobs.iterator().next().digest()), bytes, files + LOCK_FILES));
        } catch (IOException e) {
            throw new HostException("%s: %s".formatted(root, e.getMessage()), e);
        }
    }

    /** Opens a blob that is here; it is verified while it is read, and removed if it is not what its name says. */
    InputStream open(Descriptor blob) throws IOException {
        Path file = path(blob.digest());
        InputStream verified = new VerifyingInputStream(Files.newInputStream(file), blob, file.toString());
        return new FilterInputStream(verified) {
            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] buffer, int offset, int length) throws IOException {
                try {
                    return super.read(buffer, offset, length);
                } catch (ImageException e) {
                    Files.deleteIfExists(file);
                    throw new ImageException(
                                    "cached blob %s was damaged and has been removed".formatted(blob.digest()), e)
                            .hint("run the command again: it will be fetched anew");
                }
            }
        };
    }

    @Override
    public Optional<byte[]> document(Digest digest, int maxBytes) {
        Path file = path(digest);
        try {
            if (!Folder.isTrusted(file, owners) || Files.size(file) > maxBytes) {
                return Optional.empty();
            }
            byte[] bytes = SmallFile.read(file, maxBytes);
            if (Digest.of(digest.algorithm(), digest.hasher().digest(bytes)).equals(digest)) {
                return Optional.of(bytes);
            }
            Files.deleteIfExists(file);
            return Optional.empty();
        } catch (IOException e) {
            // Unreadable is as good as missing: the registry has it.
            return Optional.empty();
        }
    }

    @Override
    public void keep(Digest digest, byte[] bytes) {
        Path file = path(digest);
        try {
            directory(digest);
            Folder.write(file, bytes);
        } catch (IOException e) {
            throw Space.writeFailure(file, bytes.length, e);
        }
    }
}
