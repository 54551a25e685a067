package org.berth.resolve;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.berth.cache.Cache;
import org.berth.cache.Download;
import org.berth.cache.OwnFiles;
import org.berth.cache.Space;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.host.OutputFiles;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageReference;
import org.berth.oci.Platform;
import org.berth.oci.SifArtifact;
import org.berth.registry.RegistryClient;
import org.berth.sif.SifFile;

/** SIFs that registries keep as they are ({@code oras://}): exact copies, in the cache by digest or where the user wants them. */
public final class ArtifactPuller {
    private final RegistryClient client;
    private final PullSettings settings;
    private final PullEvents events;

    public ArtifactPuller(RegistryClient client, PullSettings settings, PullEvents events) {
        this.client = client;
        this.settings = settings;
        this.events = events;
    }

    /** Fetches a SIF unless the cache has it. */
    public Puller.PulledImage pull(ImageReference reference, Platform platform) {
        Optional<Cache> cache = new Puller(settings, events).cache();
        if (cache.isPresent()) {
            return new Puller.PulledImage(cached(cache.orElseThrow(), reference, platform), false);
        }
        Path file = OwnFiles.temporary(settings.temporary(), "berth-image-", ".sif");
        boolean made = false;
        try {
            fetch(reference, platform, file);
            made = true;
            return new Puller.PulledImage(file, true);
        } finally {
            if (!made) {
                OwnFiles.remove(file);
            }
        }
    }

    private Path cached(Cache cache, ImageReference reference, Platform platform) {
        Digest digest = client.digest(reference);
        Descriptor sif = SifArtifact.sif(client.artifact(reference.at(digest), platform, cache.blobs()), reference);
        if (cache.artifacts().file(sif).isPresent()) {
            events.info("Using cached SIF image");
        } else {
            events.info("Downloading oras image");
            try (PullEvents.ShownProgress progress = events.progress();
                    Download download = cache.artifacts().fetch(List.of(sif), client.blobs(reference), progress)) {
                download.finish();
            } catch (IOException e) {
                throw new HostException("could not finish the download: " + Host.reason(e), e);
            }
        }
        events.info("Digest: " + digest);
        Path file = cache.artifacts()
                .file(sif)
                .orElseThrow(() -> new HostException("the cache lost %s again".formatted(sif.digest())));
        requireSif(file, reference);
        return file;
    }

    private void fetch(ImageReference reference, Platform platform, Path file) {
        Digest digest = client.digest(reference);
        Descriptor sif =
                SifArtifact.sif(client.artifact(reference.at(digest), platform, DocumentStore.NONE), reference);
        events.info("Downloading oras image");
        Space.require(OutputFiles.folder(file), sif.size());
        try (PullEvents.ShownProgress progress = events.progress();
                InputStream in = new ShownSource(client.blobs(reference), progress).open(sif)) {
            OutputFiles.write(in, file);
        } catch (IOException e) {
            throw new HostException("could not finish the download: " + Host.reason(e), e);
        }
        events.info("Digest: " + digest);
        requireSif(file, reference);
    }

    private static void requireSif(Path file, ImageReference reference) {
        try {
            SifFile.read(file);
        } catch (ImageException e) {
            throw new ImageException("%s: what is there is not a SIF: %s".formatted(reference, e.getMessage()), e);
        }
    }
}
