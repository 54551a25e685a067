package org.berth.resolve;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import org.berth.archive.OpenArchive;
import org.berth.archive.StoredImage;
import org.berth.archive.StoredSource;
import org.berth.cache.BlobStore;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.Platform;
import org.berth.oci.Progress;

/**
 * An image in an archive, in a layout or in a Docker daemon; its blobs stay where they are, the cache gets no copy of them.
 *
 * @param from the image as the user named it, without the scheme
 * @param scratch directory for temporary files, asked for when the archive is opened
 */
public record ArchiveSource(StoredSource source, String from, Platform platform, Supplier<Path> scratch)
        implements ImageSource {
    @Override
    public String agent() {
        return switch (source) {
            case StoredSource.Layout _ -> "oci";
            case StoredSource.LayoutArchive _ -> "oci-archive";
            case StoredSource.DockerSave _ -> "docker-archive";
            case StoredSource.Daemon _ -> "docker-daemon";
        };
    }

    @Override
    public Optional<Digest> announced() {
        return switch (source) {
            case StoredSource.Daemon daemon -> daemon.image().id();
            case StoredSource.Layout _, StoredSource.LayoutArchive _, StoredSource.DockerSave _ -> Optional.empty();
        };
    }

    @Override
    public Opened open(DocumentStore documents) {
        return new Found(OpenArchive.open(source, platform, scratch.get()), agent(), from);
    }

    private record Found(OpenArchive archive, String agent, String from) implements Opened {
        @Override
        public SourceImage image() {
            StoredImage stored = archive.image();
            return new SourceImage(agent, from, Optional.empty(), stored.digest(), stored.manifest(), stored.config());
        }

        @Override
        public Layers layers(Optional<BlobStore> blobs, Progress progress) {
            return new RegistrySource.Streamed(new ShownSource(archive.image().layers(), progress));
        }

        @Override
        public void close() {
            archive.close();
        }
    }
}
