package org.berth.resolve;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.berth.cache.BlobStore;
import org.berth.cache.Cache;
import org.berth.cache.Download;
import org.berth.cache.Space;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.OutputFiles;
import org.berth.files.OwnFiles;
import org.berth.files.Reason;
import org.berth.oci.DocumentStore;
import org.berth.sif.SifFile;

/** SIFs that are kept elsewhere as they are: exact copies, in the cache by digest or where the user wants them. */
public final class SifPuller {
    private final PullSettings settings;
    private final PullEvents events;

    public SifPuller(PullSettings settings, PullEvents events) {
        this.settings = settings;
        this.events = events;
    }

    /** Fetches a SIF unless the cache has it. */
    public Puller.PulledImage pull(SifSource source) {
        Optional<Cache> cache = new Puller(settings, events).cache();
        if (cache.isPresent()) {
            return new Puller.PulledImage(cached(cache.orElseThrow(), source), false);
        }
        Path file = OwnFiles.temporary(settings.temporary().get(), "berth-image-", ".sif");
        boolean made = false;
        try {
            fetch(source, file);
            made = true;
            return new Puller.PulledImage(file, true);
        } finally {
            if (!made) {
                OwnFiles.remove(file);
            }
        }
    }

    private Path cached(Cache cache, SifSource source) {
        SifSource.Found found = source.find(cache.blobs());
        BlobStore store = source.store(cache);
        if (store.file(found.sif()).isPresent()) {
            events.cached("Using cached SIF image");
        } else {
            events.info("Downloading %s image".formatted(source.agent()));
            try (PullEvents.ShownProgress progress = events.progress();
                    Download download = store.fetch(List.of(found.sif()), found.bytes(), progress)) {
                download.finish();
            } catch (IOException e) {
                throw unfinished(e);
            }
        }
        found.manifest().ifPresent(digest -> events.info("Digest: " + digest));
        Path file = store.file(found.sif())
                .orElseThrow(() -> new HostException(
                        "the cache lost %s again".formatted(found.sif().digest())));
        requireSif(file, source);
        return file;
    }

    private void fetch(SifSource source, Path file) {
        SifSource.Found found = source.find(DocumentStore.NONE);
        events.info("Downloading %s image".formatted(source.agent()));
        Space.require(OutputFiles.folder(file), found.sif().size());
        try (PullEvents.ShownProgress progress = events.progress();
                InputStream in = new ShownSource(found.bytes(), progress).open(found.sif())) {
            OutputFiles.write(in, file);
        } catch (IOException e) {
            throw unfinished(e);
        }
        found.manifest().ifPresent(digest -> events.info("Digest: " + digest));
        requireSif(file, source);
    }

    private static HostException unfinished(IOException e) {
        return new HostException("could not finish the download: " + Reason.of(e), e);
    }

    private static void requireSif(Path file, SifSource source) {
        try {
            SifFile.read(file);
        } catch (ImageException e) {
            throw new ImageException("%s: what is there is not a SIF: %s".formatted(source.name(), e.getMessage()), e);
        }
    }
}
