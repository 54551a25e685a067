package org.berth.archive;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.json.JsonObject;
import org.berth.oci.ConfigReader;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.ImageConfig;
import org.berth.oci.ImageSelection;
import org.berth.oci.Index;
import org.berth.oci.Manifest;
import org.berth.oci.ManifestDocument;
import org.berth.oci.ManifestReader;
import org.berth.oci.Platform;

/**
 * Reads an OCI image layout (OCI image specification, image-layout.md): {@code index.json} and {@code blobs/ALGORITHM/HEX}.
 *
 * <p>An image of the index is named by its annotation {@value #NAME}.
 */
final class OciLayout {
    private static final String NAME = "org.opencontainers.image.ref.name";
    private static final String INDEX = "index.json";
    private static final String VERSION = "oci-layout";
    private static final int VERSION_MAX_BYTES = 4096;

    private OciLayout() {}

    /**
     * Reads the documents of one image.
     *
     * @param tag the name in the index; needed where it has several
     * @throws ImageException if there is no such image, none for the platform, or it is damaged
     */
    static StoredImage read(StoredFiles files, Optional<String> tag, Platform platform) {
        Index index = index(files);
        Index chosen = choose(files, index, tag);
        Manifest manifest = ImageSelection.select(chosen, platform, child -> document(files, child), files.name())
                .orElseThrow(() -> ImageSelection.noChild(chosen, platform, files.name()));
        ManifestReader.requireImage(manifest, files.name());
        byte[] bytes = read(files, manifest.config(), ConfigReader.MAX_BYTES);
        ImageConfig config = ConfigReader.read(bytes, "configuration of " + files.name());
        ConfigReader.requireFits(config, manifest, files.name());
        return new StoredImage(manifest.digest(), manifest, config, files::blob);
    }

    private static Index index(StoredFiles files) {
        files.read(VERSION, VERSION_MAX_BYTES).ifPresent(bytes -> requireVersion(files, bytes));
        byte[] bytes = files.read(INDEX, ManifestReader.MAX_BYTES).orElseThrow(() -> lacking(files));
        String what = INDEX + " of " + files.name();
        return switch (ManifestReader.read(bytes, "", Digest.sha256(bytes), what)) {
            case Index index -> index;
            case Manifest _ -> throw new ImageException(what + ": a manifest, not an index");
        };
    }

    private static ImageException lacking(StoredFiles files) {
        ImageException failure =
                new ImageException("%s: not an OCI layout: there is no index.json in it".formatted(files.name()));
        return files.size("manifest.json").isPresent()
                ? failure.hint("it looks like docker save: write docker-archive:%s".formatted(files.name()))
                : failure;
    }

    private static void requireVersion(StoredFiles files, byte[] bytes) {
        String version = JsonObject.parse(bytes, VERSION + " of " + files.name())
                .text("imageLayoutVersion")
                .orElse("");
        if (!version.startsWith("1.")) {
            throw new ImageException("%s: an OCI layout of version '%s', which is not known"
                    .formatted(files.name(), StoredFiles.shown(version)));
        }
    }

    /** The images of that name; without a name all, as long as they have one name among them. */
    private static Index choose(StoredFiles files, Index index, Optional<String> tag) {
        if (index.entries().isEmpty()) {
            throw new ImageException("%s: its index.json lists no image".formatted(files.name()));
        }
        List<String> names = new ArrayList<>();
        for (Index.Entry entry : index.entries()) {
            name(entry).filter(name -> !names.contains(name)).ifPresent(names::add);
        }
        if (tag.isEmpty()) {
            if (names.size() > 1) {
                throw new ImageException(
                                "%s: it holds %d images, one must be named".formatted(files.name(), names.size()))
                        .hint("add one of them: " + offered(names));
            }
            return index;
        }
        String wanted = tag.orElseThrow();
        List<Index.Entry> entries = index.entries().stream()
                .filter(entry -> name(entry).filter(wanted::equals).isPresent())
                .toList();
        if (entries.isEmpty()) {
            throw new ImageException("%s: it holds no image %s".formatted(files.name(), wanted))
                    .hint(names.isEmpty() ? "its images have no names: leave it out" : "it holds: " + offered(names));
        }
        return new Index(index.digest(), index.mediaType(), entries);
    }

    private static Optional<String> name(Index.Entry entry) {
        return Optional.ofNullable(entry.descriptor().annotations().get(NAME));
    }

    private static String offered(List<String> names) {
        return String.join(
                ", ",
                names.stream()
                        .limit(12)
                        .map(name -> ":" + StoredFiles.shown(name))
                        .toList());
    }

    private static ManifestDocument document(StoredFiles files, Descriptor child) {
        byte[] bytes = read(files, child, ManifestReader.MAX_BYTES);
        return ManifestReader.read(
                bytes, child.mediaType(), child.digest(), "manifest %s of %s".formatted(child.digest(), files.name()));
    }

    private static byte[] read(StoredFiles files, Descriptor document, int maxBytes) {
        if (document.size() > maxBytes) {
            throw new ImageException(
                    "%s: document %s is larger than %d bytes".formatted(files.name(), document.digest(), maxBytes));
        }
        try (InputStream in = files.blob(document)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new HostException("could not read %s: %s".formatted(files.name(), e.getMessage()), e);
        }
    }
}
