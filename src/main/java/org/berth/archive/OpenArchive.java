package org.berth.archive;

import java.nio.file.Path;
import java.util.Optional;
import org.berth.oci.Platform;

/** An image outside a registry, opened: its layers can be read until it is closed. */
public final class OpenArchive implements AutoCloseable {
    private final StoredFiles files;
    private final StoredImage image;

    private OpenArchive(StoredFiles files, StoredImage image) {
        this.files = files;
        this.image = image;
    }

    private interface Reader {
        StoredImage read(StoredFiles files);
    }

    /**
     * Opens an image and reads its documents.
     *
     * @param platform chooses among the images of an index
     * @param scratch directory for temporary files, which are gone when this is closed
     * @throws org.berth.error.ImageException if there is no such image, or it is damaged
     * @throws org.berth.error.HostException if a daemon cannot be reached, or temporary files do not fit
     */
    public static OpenArchive open(StoredSource source, Platform platform, Path scratch) {
        return switch (source) {
            case StoredSource.Layout(Path directory, var tag) ->
                read(new DirectoryFiles(directory), files -> OciLayout.read(files, tag, platform));
            case StoredSource.LayoutArchive(Path file, var tag) ->
                read(TarFiles.open(file, scratch), files -> OciLayout.read(files, tag, platform));
            case StoredSource.DockerSave(Path file, var name) ->
                read(TarFiles.open(file, scratch), files -> DockerArchive.read(files, name));
            case StoredSource.Daemon(DaemonImage image) ->
                read(
                        TarFiles.ofTemporary(
                                "image %s of the Docker daemon".formatted(image.name()), image.save(scratch)),
                        files -> DockerArchive.read(files, Optional.empty()));
        };
    }

    private static OpenArchive read(StoredFiles files, Reader reader) {
        boolean kept = false;
        try {
            OpenArchive archive = new OpenArchive(files, reader.read(files));
            kept = true;
            return archive;
        } finally {
            if (!kept) {
                files.close();
            }
        }
    }

    public StoredImage image() {
        return image;
    }

    @Override
    public void close() {
        files.close();
    }
}
