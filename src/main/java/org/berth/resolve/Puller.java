package org.berth.resolve;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Optional;
import org.berth.cache.Cache;
import org.berth.cache.Download;
import org.berth.cache.ImageLease;
import org.berth.cache.Space;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageReference;
import org.berth.oci.LayerSource;
import org.berth.oci.Platform;
import org.berth.registry.RegistryClient;
import org.berth.registry.ResolvedImage;
import org.berth.sif.SifFile;

/**
 * From an image in a registry to a SIF: in the cache, where all users of one image share it, or where the user wants it.
 *
 * <p>With a cache the blobs go there while they are converted, so that the next image finds its layers. Without one they go
 * from the network straight through the converter, and the image is the only file that is written.
 */
public final class Puller {
    private final RegistryClient client;
    private final PullSettings settings;
    private final PullEvents events;

    public Puller(RegistryClient client, PullSettings settings, PullEvents events) {
        this.client = client;
        this.settings = settings;
        this.events = events;
    }

    /**
     * An image that can be run now.
     *
     * @param temporary nobody else knows the file: it is removed as soon as it is mounted
     */
    public record PulledImage(Path file, boolean temporary) {}

    /** Fetches and converts an image unless the cache has it. */
    public PulledImage pull(ImageReference reference, String from, Platform platform) {
        Optional<Cache> cache = cache();
        if (cache.isPresent()) {
            return new PulledImage(cached(cache.orElseThrow(), reference, from, platform), false);
        }
        Path file = temporaryFile();
        boolean made = false;
        try {
            events.info("Converting OCI blobs to SIF format");
            streamed(reference, from, platform, file);
            made = true;
            return new PulledImage(file, true);
        } finally {
            if (!made) {
                remove(file);
            }
        }
    }

    /**
     * Fetches an image into a file of its own.
     *
     * @param destination appears by rename; what is there is replaced
     */
    public void pullTo(ImageReference reference, String from, Platform platform, Path destination) {
        Optional<Cache> cache = cache();
        if (cache.isPresent()) {
            copy(cached(cache.orElseThrow(), reference, from, platform), destination);
        } else {
            events.info("Converting OCI blobs to SIF format");
            streamed(reference, from, platform, destination);
        }
    }

    private Optional<Cache> cache() {
        return settings.cacheDirectory().flatMap(directory -> switch (Cache.open(directory)) {
            case Cache.Opened.Usable(Cache cache) -> Optional.of(cache);
            case Cache.Opened.Unusable(String reason) -> {
                events.warning(reason);
                yield Optional.empty();
            }
        });
    }

    private Path cached(Cache cache, ImageReference reference, String from, Platform platform) {
        ImageReference exact = reference.at(client.digest(reference));
        String key = Cache.key(exact.digest().orElseThrow(), platform, settings.format());
        try (ImageLease lease = cache.lease(
                key, Puller::intact, () -> events.info("Waiting for another process that makes this image"))) {
            return switch (lease) {
                case ImageLease.Finished(Path file) -> {
                    events.info("Using cached SIF image");
                    yield file;
                }
                case ImageLease.Writer writer -> {
                    events.info("Converting OCI blobs to SIF format");
                    build(cache, reference, exact, from, platform, writer.temporary());
                    yield writer.publish();
                }
            };
        } catch (IOException e) {
            throw new HostException("interrupted while waiting for the cache", e);
        }
    }

    private void build(
            Cache cache, ImageReference reference, ImageReference exact, String from, Platform platform, Path file) {
        ResolvedImage image = fetchManifest(exact, platform, cache.blobs());
        Space.require(folder(file), SifBuild.estimate(image));
        try (PullEvents.ShownProgress progress = events.progress();
                Download download =
                        cache.blobs().fetch(image.manifest().layers(), client.blobs(image.reference()), progress)) {
            SifBuild.write(image, reference, from, download, settings, events, file);
            download.finish();
        } catch (IOException e) {
            throw new HostException("could not finish the download: " + Host.reason(e), e);
        }
    }

    private void streamed(ImageReference reference, String from, Platform platform, Path file) {
        ResolvedImage image = fetchManifest(reference, platform, DocumentStore.NONE);
        Space.require(folder(file), SifBuild.estimate(image));
        try (PullEvents.ShownProgress progress = events.progress()) {
            LayerSource source = new ShownSource(client.blobs(image.reference()), progress);
            SifBuild.write(image, reference, from, source, settings, events, file);
        }
    }

    private ResolvedImage fetchManifest(ImageReference reference, Platform platform, DocumentStore store) {
        events.info("Starting build...");
        events.info("Fetching OCI image...");
        ResolvedImage image = client.resolve(reference, platform, store);
        String architecture = image.config().platform().architecture();
        if (!architecture.isEmpty() && !architecture.equals(platform.architecture())) {
            events.warning("the image is for %s, not for %s: it can be pulled, but not run here"
                    .formatted(architecture, platform.architecture()));
        }
        return image;
    }

    private static boolean intact(Path file) {
        try {
            return SifFile.read(file).primaryPartition().isPresent();
        } catch (ImageException e) {
            return false;
        }
    }

    private Path temporaryFile() {
        try {
            return Files.createTempFile(settings.temporary(), "berth-image-", ".sif");
        } catch (IOException e) {
            throw new HostException(
                            "could not make a temporary file in %s: %s".formatted(settings.temporary(), Host.reason(e)),
                            e)
                    .hint("set APPTAINER_TMPDIR to a directory that can be written");
        }
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new HostException("could not remove %s: %s".formatted(file, Host.reason(e)), e);
        }
    }

    /** A copy that appears whole; the kernel shares the blocks where the file system can. */
    private void copy(Path from, Path to) {
        Path folder = folder(to);
        Path temporary = folder.resolve(".berth-copy-" + ProcessHandle.current().pid() + "-" + to.getFileName());
        boolean done = false;
        try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ)) {
            Space.require(folder, in.size());
            try (FileChannel out =
                    FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                long position = 0;
                while (position < in.size()) {
                    position += in.transferTo(position, in.size() - position, out);
                }
                out.force(true);
            }
            Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString(mode(0777 & ~settings.umask())));
            Files.move(temporary, to, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
            done = true;
        } catch (IOException e) {
            throw new HostException("could not write %s: %s".formatted(to, Host.reason(e)), e);
        } finally {
            if (!done) {
                removeQuietly(temporary);
            }
        }
    }

    private static Path folder(Path file) {
        return Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file lies in a folder");
    }

    private static void removeQuietly(Path file) {
        try {
            remove(file);
        } catch (BerthException e) {
            // The failure that led here is the one to tell.
        }
    }

    private static String mode(int bits) {
        StringBuilder text = new StringBuilder("rwxrwxrwx");
        for (int i = 0; i < 9; i++) {
            if ((bits & (0400 >> i)) == 0) {
                text.setCharAt(i, '-');
            }
        }
        return text.toString();
    }
}
