package org.berth.resolve;

import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import org.berth.cache.BlobStore;
import org.berth.cache.Download;
import org.berth.error.HostException;
import org.berth.files.Reason;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageReference;
import org.berth.oci.LayerSource;
import org.berth.oci.Platform;
import org.berth.oci.Progress;
import org.berth.registry.RegistryClient;
import org.berth.registry.ResolvedImage;

/**
 * An image in a registry.
 *
 * <p>With a blob store the blobs go there while they are converted, so that the next image finds its layers. Without one
 * they go from the network straight through the converter.
 *
 * @param from the reference as the user gave it, without the scheme
 */
public record RegistrySource(RegistryClient client, ImageReference reference, String from, Platform platform)
        implements ImageSource {
    static final String AGENT = "docker";

    @Override
    public String agent() {
        return AGENT;
    }

    @Override
    public Optional<Digest> announced() {
        return Optional.of(client.digest(reference));
    }

    @Override
    public Opened open(DocumentStore documents) {
        return new Found(client, client.resolve(reference, platform, documents), from);
    }

    private record Found(RegistryClient client, ResolvedImage resolved, String from) implements Opened {
        @Override
        public SourceImage image() {
            return new SourceImage(
                    AGENT,
                    from,
                    Optional.of(resolved.reference().toString()),
                    resolved.digest(),
                    resolved.manifest(),
                    resolved.config());
        }

        @Override
        public Layers layers(Optional<BlobStore> blobs, Progress progress) {
            LayerSource remote = client.blobs(resolved.reference());
            return blobs.<Layers>map(
                            store -> new Stored(store.fetch(resolved.manifest().layers(), remote, progress)))
                    .orElseGet(() -> new Streamed(new ShownSource(remote, progress)));
        }

        @Override
        public void close() {}
    }

    private record Stored(Download download) implements Layers {
        @Override
        public InputStream open(Descriptor blob) throws IOException {
            return download.open(blob);
        }

        @Override
        public void finish() {
            try {
                download.finish();
            } catch (IOException e) {
                throw new HostException("could not finish the download: " + Reason.of(e), e);
            }
        }

        @Override
        public void close() {
            download.close();
        }
    }

    /** Layers of which nothing is kept: there is nothing to wait for. */
    record Streamed(LayerSource source) implements Layers {
        @Override
        public InputStream open(Descriptor blob) throws IOException {
            return source.open(blob);
        }

        @Override
        public void finish() {}

        @Override
        public void close() {}
    }
}
