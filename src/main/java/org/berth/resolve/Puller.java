package org.berth.resolve;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.berth.cache.Cache;
import org.berth.cache.Download;
import org.berth.cache.ImageLease;
import org.berth.cache.OwnFiles;
import org.berth.cache.Space;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageReference;
import org.berth.oci.LayerSource;
import org.berth.oci.Platform;
import org.berth.registry.RegistryClient;
import org.berth.registry.ResolvedImage;
import org.berth.sif.SifFile;
import org.berth.sif.SifWriter;

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
        Path file = OwnFiles.temporary(settings.temporary(), "berth-image-", ".sif");
        boolean made = false;
        try {
            streamed(reference, from, platform, file);
            made = true;
            return new PulledImage(file, true);
        } finally {
            if (!made) {
                OwnFiles.remove(file);
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
            OwnFiles.copy(
                    cached(cache.orElseThrow(), reference, from, platform), destination, 0777 & ~settings.umask());
        } else {
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

    /**
     * The image in the cache. What the registry answers to HEAD is only good for looking and waiting; an image is made under
     * the digest of the manifest that was read, so where the two differ the second round settles it.
     */
    private Path cached(Cache cache, ImageReference reference, String from, Platform platform) {
        Digest wanted = client.digest(reference);
        Optional<ResolvedImage> resolved = Optional.empty();
        while (true) {
            try (ImageLease lease = cache.lease(
                    key(wanted, platform),
                    Puller::intact,
                    () -> events.info("Waiting for another process that makes this image"))) {
                switch (lease) {
                    case ImageLease.Finished(Path file) -> {
                        events.info("Using cached SIF image");
                        return file;
                    }
                    case ImageLease.Writer writer -> {
                        ResolvedImage image =
                                resolved.orElseGet(() -> client.resolve(reference, platform, cache.blobs()));
                        if (image.digest().equals(wanted)) {
                            announce(image, platform);
                            build(cache, image, reference, from, writer.temporary());
                            return writer.publish();
                        }
                        resolved = Optional.of(image);
                        wanted = image.digest();
                    }
                }
            } catch (IOException e) {
                throw new HostException("interrupted while waiting for the cache", e);
            }
        }
    }

    private String key(Digest digest, Platform platform) {
        return Cache.key(digest, platform, settings.format());
    }

    private void build(Cache cache, ResolvedImage image, ImageReference reference, String from, Path file) {
        Space.require(folder(file), SifBuild.estimate(image));
        try (PullEvents.ShownProgress progress = events.progress();
                Download download =
                        cache.blobs().fetch(image.manifest().layers(), client.blobs(image.reference()), progress);
                SifWriter sif = SifWriter.createInPlace(file, SifBuild.identity(settings))) {
            SifBuild.write(image, reference, from, download, settings, events, sif);
            download.finish();
        } catch (IOException e) {
            throw new HostException("could not finish the download: " + Host.reason(e), e);
        }
    }

    private void streamed(ImageReference reference, String from, Platform platform, Path file) {
        ResolvedImage image = client.resolve(reference, platform, DocumentStore.NONE);
        announce(image, platform);
        Space.require(folder(file), SifBuild.estimate(image));
        try (PullEvents.ShownProgress progress = events.progress();
                SifWriter sif = SifWriter.create(file, SifBuild.identity(settings))) {
            LayerSource source = new ShownSource(client.blobs(image.reference()), progress);
            SifBuild.write(image, reference, from, source, settings, events, sif);
        }
    }

    private void announce(ResolvedImage image, Platform platform) {
        events.info("Converting OCI blobs to SIF format");
        events.info("Starting build...");
        events.info("Fetching OCI image...");
        String architecture = image.config().platform().architecture();
        if (!architecture.isEmpty() && !architecture.equals(platform.architecture())) {
            events.warning("the image is for %s, not for %s: it can be pulled, but not run here"
                    .formatted(architecture, platform.architecture()));
        }
    }

    private static boolean intact(Path file) {
        try {
            return SifFile.read(file).primaryPartition().isPresent();
        } catch (ImageException e) {
            return false;
        }
    }

    private static Path folder(Path file) {
        return Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file lies in a folder");
    }
}
