package org.berth.resolve;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.cache.Cache;
import org.berth.cache.CacheType;
import org.berth.cache.ImageCopies;
import org.berth.cache.ImageLease;
import org.berth.cache.ImageTrailer;
import org.berth.cache.Space;
import org.berth.cache.Uses;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.OutputFiles;
import org.berth.files.OwnFiles;
import org.berth.files.Unfinished;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.Platform;
import org.berth.sif.SifFile;
import org.berth.sif.SifIdentity;
import org.berth.sif.SifWriter;

/**
 * From an image of whatever source to a SIF: in the cache, where all users of one image share it, or where the user wants
 * it.
 */
public final class Puller {
    private final PullSettings settings;
    private final PullEvents events;

    public Puller(PullSettings settings, PullEvents events) {
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
    public PulledImage pull(ImageSource source) {
        Optional<Cache> cache = cache();
        if (cache.isPresent()) {
            return new PulledImage(closed().cached(cache.orElseThrow(), source), false);
        }
        Path file = OwnFiles.temporary(settings.temporary().get(), "berth-image-", ".sif");
        boolean made = false;
        try {
            closed().streamed(source, file);
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
    public void pullTo(ImageSource source, Path destination) {
        Optional<Cache> cache = cache();
        if (cache.isPresent()) {
            ImageCopies.copy(closed().cached(cache.orElseThrow(), source), destination, 0777 & ~settings.umask());
        } else {
            streamed(source, destination);
        }
    }

    /**
     * Makes an image, whether the cache has a finished one or not; only its blobs are looked for there.
     *
     * @param destination appears by rename; what is there is replaced
     */
    public void build(ImageSource source, Purpose purpose, Path destination) {
        Optional<Cache> cache = cache();
        events.info("Starting build...");
        events.info("Fetching OCI image...");
        try (ImageSource.Opened image =
                source.open(cache.<DocumentStore>map(Cache::blobs).orElse(DocumentStore.NONE))) {
            warnOfArchitecture(image.image(), source.platform());
            write(cache, image, purpose, destination);
        }
    }

    private Puller closed() {
        return new Puller(settings.closed(), events);
    }

    /** The user's cache; empty if there is none to be used, which the user has been told. */
    Optional<Cache> cache() {
        return settings.cacheDirectory()
                .flatMap(directory -> switch (Cache.open(directory, settings.owners(), settings.jobs())) {
                    case Cache.Opened.Usable(Cache cache) -> Optional.of(cache);
                    case Cache.Opened.Unusable(String reason) -> {
                        events.warning(reason);
                        yield Optional.empty();
                    }
                });
    }

    /**
     * The image in the cache. What a source announces is only good for looking and waiting; an image is made under the
     * digest of what was read, so where the two differ the second round settles it.
     */
    private Path cached(Cache cache, ImageSource source) {
        try (OpenedOnce image = new OpenedOnce(source, cache.blobs())) {
            Digest wanted =
                    source.announced().orElseGet(() -> image.get().image().digest());
            while (true) {
                try (ImageLease lease = cache.lease(key(wanted, source), Puller::intact, events::info)) {
                    switch (lease) {
                        case ImageLease.Finished(Path file) -> {
                            events.cached("Using cached SIF image");
                            cache.uses().mark(new Uses.Entry(CacheType.OCI_TMP, key(wanted, source)));
                            return file;
                        }
                        case ImageLease.Writer writer -> {
                            ImageSource.Opened opened = image.get();
                            if (opened.image().digest().equals(wanted)) {
                                announce(opened.image(), source.platform());
                                SifIdentity identity = SifBuild.identity(settings);
                                try (SifWriter sif = SifWriter.createInPlace(writer.temporary(), identity)) {
                                    write(Optional.of(cache), opened, Purpose.SIF, writer.temporary(), sif);
                                }
                                ImageTrailer.append(writer.temporary());
                                return writer.publish();
                            }
                            wanted = opened.image().digest();
                        }
                    }
                } catch (IOException e) {
                    throw new HostException("interrupted while waiting for the cache", e);
                }
            }
        }
    }

    /** A source that is opened when it is first needed, and closed if it was. */
    private static final class OpenedOnce implements AutoCloseable {
        private final ImageSource source;
        private final DocumentStore documents;
        private Optional<ImageSource.Opened> opened = Optional.empty();

        OpenedOnce(ImageSource source, DocumentStore documents) {
            this.source = source;
            this.documents = documents;
        }

        ImageSource.Opened get() {
            if (opened.isEmpty()) {
                opened = Optional.of(source.open(documents));
            }
            return opened.orElseThrow();
        }

        @Override
        public void close() {
            opened.ifPresent(ImageSource.Opened::close);
        }
    }

    private String key(Digest digest, ImageSource source) {
        String agent = source.agent().equals(RegistrySource.AGENT) ? "" : " " + source.agent();
        return Cache.key(digest, source.platform(), settings.format() + agent);
    }

    private void streamed(ImageSource source, Path file) {
        try (ImageSource.Opened image = source.open(DocumentStore.NONE)) {
            announce(image.image(), source.platform());
            write(Optional.empty(), image, Purpose.SIF, file);
        }
    }

    private void write(Optional<Cache> cache, ImageSource.Opened image, Purpose purpose, Path file) {
        try (Unfinished part = Unfinished.beside(file);
                SifWriter sif = SifWriter.createInPlace(part.path(), SifBuild.identity(settings))) {
            write(cache, image, purpose, file, sif);
            part.publish();
        }
    }

    private void write(Optional<Cache> cache, ImageSource.Opened image, Purpose purpose, Path file, SifWriter sif) {
        requireSpace(cache, image.image(), file);
        events.image(image.image().digest(), image.image().manifest().layers());
        try (PullEvents.ShownProgress progress = events.progress();
                ImageSource.Layers layers = image.layers(cache.map(Cache::blobs), progress)) {
            SifBuild.write(image.image(), layers, settings, events, purpose, sif);
            layers.finish();
        }
    }

    /** For the image, and for the blobs that are fetched meanwhile. */
    private static void requireSpace(Optional<Cache> cache, SourceImage image, Path file) {
        List<Space.Need> needs = new ArrayList<>();
        needs.add(new Space.Need(OutputFiles.folder(file), SifBuild.estimate(image), 2));
        if (image.agent().equals(RegistrySource.AGENT)) {
            cache.flatMap(c -> c.blobs().need(image.manifest().layers())).ifPresent(needs::add);
        }
        Space.require(needs);
    }

    private void announce(SourceImage image, Platform platform) {
        events.info("Converting OCI blobs to SIF format");
        events.info("Starting build...");
        events.info("Fetching OCI image...");
        warnOfArchitecture(image, platform);
    }

    private void warnOfArchitecture(SourceImage image, Platform platform) {
        String architecture = image.config().platform().architecture();
        if (!architecture.isEmpty() && !architecture.equals(platform.architecture())) {
            events.warning("the image is for %s, not for %s: it can be pulled, but not run here"
                    .formatted(architecture, platform.architecture()));
        }
    }

    /** Whether an image of the cache is whole by its lengths; its digest is looked at by {@code cache verify}. */
    static boolean intact(Path file) {
        try {
            return ImageTrailer.read(file).isPresent()
                    && SifFile.read(file).primaryPartition().isPresent();
        } catch (ImageException | IOException e) {
            return false;
        }
    }
}
