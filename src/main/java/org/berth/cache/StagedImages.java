package org.berth.cache;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.Reason;
import org.berth.host.OwnDirectory;
import org.berth.host.Owners;
import org.berth.host.Room;
import org.berth.oci.Digest;

/**
 * A node's own copies of images from a shared file system: a cache in {@code berth-UID} of the node's directory, by the digest of
 * what is in the image. One process copies, the others wait; the least recently used copies make room for new ones.
 *
 * <p>A copy may also be delivered: as {@code .berth-UID-DIGEST-RANDOM.sbcast} in the node's directory, by whatever means. Nobody can
 * put anything in its way, as nobody knows the name before. It is taken only if it is the user's and what it should be, which is looked
 * at where nobody else can exchange it any more, and removed in any case.
 */
public final class StagedImages {
    private static final int BUFFER = 1 << 20;

    private static final String DELIVERED = ".sbcast";
    private static final int MAX_LISTED = 65536;

    private final Path base;
    private final Path root;
    private final Owners owners;
    private final Cache cache;

    private StagedImages(Path base, Path root, Owners owners, Cache cache) {
        this.base = base;
        this.root = root;
        this.owners = owners;
        this.cache = cache;
    }

    /** Where the copies of a user are in a node's directory; there is a {@code cache} in it. Empty if there are none yet. */
    public static Optional<Path> root(Path base, Owners owners) throws IOException {
        return OwnDirectory.find(base, name(owners), owners);
    }

    private static String name(Owners owners) {
        return "berth-" + Integer.toUnsignedString(owners.uid());
    }

    /** A name under which a copy of an image is delivered, for once; empty if the image does not tell its digest. */
    public static Optional<Path> delivery(Path base, Owners owners, Path image) {
        try {
            String random =
                    HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
            return ImageTrailer.read(image)
                    .map(trailer -> base.resolve(prefix(owners, trailer.digest()) + random + DELIVERED));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static String prefix(Owners owners, Digest digest) {
        return ".%s-%s-".formatted(name(owners), digest.hex());
    }

    /** What was delivered of an image; of what others gave such names nothing. */
    private List<Path> delivered(Digest digest) throws IOException {
        String prefix = prefix(owners, digest);
        List<Path> found = new ArrayList<>();
        int listed = 0;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(base)) {
            for (Path entry : entries) {
                String name = String.valueOf(entry.getFileName());
                if (name.startsWith(prefix)
                        && name.endsWith(DELIVERED)
                        && owners.anothers(entry).isEmpty()) {
                    found.add(entry);
                }
                if (++listed == MAX_LISTED) {
                    break;
                }
            }
        } catch (NoSuchFileException e) {
            // Another process of the user's has taken it.
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return found;
    }

    /**
     * Opens the copies of a user, and makes the directory if it is not there.
     *
     * @throws HostException if it cannot be made
     */
    public static StagedImages open(Path base, Owners owners) {
        Path root;
        try {
            root = OwnDirectory.of(base, name(owners), owners);
        } catch (IOException e) {
            throw new HostException(
                    "could not make the directory %s: %s".formatted(base.resolve(name(owners)), Reason.of(e)), e);
        }
        return switch (Cache.open(root, owners)) {
            case Cache.Opened.Usable(Cache cache) -> new StagedImages(base, root, owners, cache);
            case Cache.Opened.Unusable(String reason) -> throw new HostException(reason);
        };
    }

    /** What is told while an image is staged. */
    public interface Events {
        /** @param whom a whole sentence */
        void waiting(String whom);

        void copying(Path to);
    }

    /** Where an image is. */
    public enum Origin {
        /** In the caller's own cache, where this program has put it: its trailer tells its digest. */
        OWN_CACHE,
        /** Anywhere; whatever it ends with is part of it. */
        ELSEWHERE
    }

    /**
     * The copy of an image on this node: by its digest if that is known, else of the very state that the file is in.
     *
     * @throws HostException if there is no room, or the copy cannot be made
     * @throws ImageException if the image is damaged
     */
    public Path copyOf(Path image, Origin origin, Events events) {
        try {
            Optional<ImageTrailer> trailer = trailer(image, origin);
            String key = key(image, trailer);
            List<Path> delivered = trailer.isPresent() ? delivered(trailer.get().digest()) : List.of();
            try (ImageLease lease = cache.lease(key, file -> isWhole(file, trailer), events::waiting)) {
                return switch (lease) {
                    case ImageLease.Finished(Path file) -> {
                        cache.uses().mark(new Uses.Entry(CacheType.OCI_TMP, key));
                        yield file;
                    }
                    case ImageLease.Writer writer -> {
                        boolean taken = false;
                        for (Path file : delivered) {
                            taken = taken || take(file, trailer.orElseThrow(), writer.temporary());
                        }
                        if (!taken) {
                            events.copying(root);
                            copy(image, trailer, writer.temporary());
                            if (trailer.isEmpty() && !identity(image).equals(key)) {
                                throw new IOException("it was changed while it was copied");
                            }
                        }
                        yield writer.publish();
                    }
                };
            } finally {
                for (Path file : delivered) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (InterruptedIOException e) {
            throw new HostException("interrupted while the image was copied to this node", e);
        } catch (IOException e) {
            throw new HostException("copying %s to %s: %s".formatted(image, base, Reason.of(e)), e);
        }
    }

    /** The copy of an image that is on this node by now; nothing is made. */
    public static Optional<Path> present(Path base, Owners owners, Path image, Origin origin) {
        try {
            Optional<Path> root = root(base, owners);
            Optional<ImageTrailer> trailer = trailer(image, origin);
            return root.isEmpty()
                    ? Optional.empty()
                    : Cache.find(root.get(), owners, key(image, trailer), file -> isWhole(file, trailer));
        } catch (IOException e) {
            // Whoever launches is told.
            return Optional.empty();
        }
    }

    private static Optional<ImageTrailer> trailer(Path image, Origin origin) throws IOException {
        return origin == Origin.OWN_CACHE ? ImageTrailer.read(image) : Optional.empty();
    }

    private static String key(Path image, Optional<ImageTrailer> trailer) throws IOException {
        return trailer.isPresent() ? trailer.get().digest().hex() : identity(image);
    }

    /** Whether a copy is whole, and of that image if its digest is known. */
    private static boolean isWhole(Path file, Optional<ImageTrailer> wanted) {
        try {
            Optional<ImageTrailer> found = ImageTrailer.read(file);
            return found.isPresent() && (wanted.isEmpty() || found.equals(wanted));
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * A name for an image without a digest of its own: this state of this file. Size and time of modification can be what they were
     * when the bytes are others; the time of the last change cannot be set.
     */
    private static String identity(Path image) throws IOException {
        Map<String, Object> state = Files.readAttributes(image, "unix:dev,ino,size,lastModifiedTime,ctime");
        String text = image.toRealPath() + "\n" + new TreeMap<>(state);
        return Digest.sha256(text.getBytes(StandardCharsets.UTF_8)).hex();
    }

    /** Takes what was delivered if it is the user's and the right image; it is moved first, to where only the user may write. */
    private boolean take(Path delivered, ImageTrailer wanted, Path to) throws IOException {
        try {
            Files.move(delivered, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            // Not on the same file system, as it should be, or gone.
            return false;
        }
        if (Folder.isTrusted(to, owners) && ImageTrailer.read(to).equals(Optional.of(wanted)) && wanted.matches(to)) {
            return true;
        }
        Files.delete(to);
        return false;
    }

    private void copy(Path image, Optional<ImageTrailer> trailer, Path to) throws IOException {
        try (FileChannel in = FileChannel.open(image, StandardOpenOption.READ);
                FileChannel out = Folder.createFile(to)) {
            long size = trailer.isPresent() ? trailer.get().size() : in.size();
            makeRoom(size);
            Digest copied = copy(in, size, out, to);
            if (trailer.isPresent() && !trailer.get().digest().equals(copied)) {
                throw new ImageException("%s is damaged: its digest is not the one it was made with".formatted(image))
                        .hint("berth cache verify removes it, and the next use makes it anew");
            }
        }
        ImageTrailer.append(to);
    }

    private static Digest copy(FileChannel in, long size, FileChannel out, Path to) throws IOException {
        MessageDigest hasher = Digest.sha256(new byte[0]).hasher();
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        for (long at = 0; at < size; at += buffer.limit()) {
            buffer.clear().limit((int) Math.min(BUFFER, size - at));
            while (buffer.hasRemaining()) {
                if (in.read(buffer, at + buffer.position()) <= 0) {
                    throw new IOException("it was cut while it was read");
                }
            }
            hasher.update(buffer.flip());
            buffer.rewind();
            try {
                while (buffer.hasRemaining()) {
                    out.write(buffer);
                }
            } catch (IOException e) {
                throw Space.writeFailure(to, size, e);
            }
        }
        return Digest.of("sha256", hasher.digest());
    }

    /** What was used least recently goes, as far as there is not room enough. */
    private void makeRoom(long size) throws IOException {
        Path directory = cache.directory(CacheType.OCI_TMP);
        long lacking = size - Room.of(directory).bytes();
        if (lacking > 0) {
            long held = 0;
            for (CacheReport.Entry entry :
                    cache.report(List.of(CacheType.values())).entries()) {
                held += entry.size();
            }
            CacheLimits limits = new CacheLimits(OptionalLong.of(Math.max(0, held - lacking)), OptionalLong.empty());
            for (CacheCollection.Item item : cache.collection(limits).removed()) {
                CacheCollection.remove(item, cache.uses());
            }
        }
        Space.require(directory, size);
    }
}
