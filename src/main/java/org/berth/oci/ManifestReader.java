package org.berth.oci;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.error.ImageException;
import org.berth.json.JsonObject;

/**
 * Reads manifests and indexes (OCI image specification, manifest.md and image-index.md; Docker's schema 2).
 *
 * <p>What a document is follows from its content; a media type that says otherwise, and a document that is both, are
 * refused (CVE-2021-41190: two readers must not see two images in one digest).
 */
public final class ManifestReader {
    /** Bytes; the limit that registries have for a push. */
    public static final int MAX_BYTES = 4 << 20;

    /** Docker stops at 127 layers; a manifest of thousands is an attack on those who open each. */
    public static final int MAX_LAYERS = 1000;

    /** Bytes; a larger blob is a lie that would be told as a lack of space. */
    static final long MAX_BLOB_BYTES = 1L << 44;

    private ManifestReader() {}

    /**
     * Reads a document.
     *
     * @param contentType as announced beside the bytes, without parameters; empty if nothing was announced
     * @param digest of the bytes, already verified
     * @param what the document's name in messages
     * @throws ImageException in one sentence, whatever the bytes are
     */
    public static ManifestDocument read(byte[] bytes, String contentType, Digest digest, String what) {
        if (bytes.length > MAX_BYTES) {
            throw new ImageException("%s: larger than %d bytes".formatted(what, MAX_BYTES));
        }
        JsonObject root = JsonObject.parse(bytes, what);
        try {
            return read(root, contentType, digest);
        } catch (ImageException e) {
            throw new ImageException(what + ": " + e.getMessage(), e);
        }
    }

    private static ManifestDocument read(JsonObject root, String contentType, Digest digest) {
        String mediaType = root.text("mediaType").orElse("");
        boolean schema1 = root.field("schemaVersion")
                .filter(version -> version.isIntegralNumber() && version.asLong() == 1)
                .isPresent();
        if (schema1 || MediaTypes.isSchema1(mediaType) || MediaTypes.isSchema1(contentType)) {
            throw new ImageException("a schema 1 manifest, a format of 2015 that is no longer read");
        }
        boolean index = root.field("manifests").isPresent();
        boolean manifest =
                root.field("layers").isPresent() || root.field("config").isPresent();
        if (index && (manifest || root.field("fsLayers").isPresent())) {
            throw new ImageException("a manifest and an index in one, which is ambiguous");
        }
        if (!index && !manifest) {
            throw new ImageException("neither a manifest (config, layers) nor an index (manifests)");
        }
        checkType(mediaType, index);
        if (MediaTypes.MANIFESTS.contains(contentType)) {
            checkType(contentType, index);
        }
        return index ? index(root, mediaType, digest) : manifest(root, mediaType, digest);
    }

    private static void checkType(String mediaType, boolean index) {
        if (mediaType.isEmpty()) {
            return;
        }
        if (!MediaTypes.MANIFESTS.contains(mediaType)) {
            throw new ImageException("its media type '%s' is not supported".formatted(mediaType));
        }
        if (index != MediaTypes.isIndex(mediaType)) {
            throw new ImageException(
                    "called '%s', but its content is %s".formatted(mediaType, index ? "an index" : "a manifest"));
        }
    }

    private static Manifest manifest(JsonObject root, String mediaType, Digest digest) {
        Descriptor config = root.object("config")
                .map(ManifestReader::descriptor)
                .orElseThrow(() -> new ImageException("a manifest without a config"));
        List<Descriptor> layers = descriptors(root, "layers").stream()
                .map(ManifestReader::descriptor)
                .toList();
        if (layers.size() > MAX_LAYERS) {
            throw new ImageException("%d layers, at most %d are accepted".formatted(layers.size(), MAX_LAYERS));
        }
        return new Manifest(digest, mediaType, config, layers, root.textMap("annotations"));
    }

    private static Index index(JsonObject root, String mediaType, Digest digest) {
        List<Index.Entry> entries = descriptors(root, "manifests").stream()
                .map(entry -> new Index.Entry(descriptor(entry), platform(entry)))
                .toList();
        return new Index(digest, mediaType, entries);
    }

    private static List<JsonObject> descriptors(JsonObject root, String key) {
        List<JsonObject> objects = new ArrayList<>();
        for (JsonNode item : root.array(key)) {
            objects.add(JsonObject.of(item)
                    .orElseThrow(() ->
                            new ImageException("field '%s' holds something that is not a descriptor".formatted(key))));
        }
        return objects;
    }

    /**
     * A descriptor's {@code urls} are not read: content comes from the registry that was named, and from nowhere else.
     */
    private static Descriptor descriptor(JsonObject object) {
        Digest digest = Digest.parse(
                object.text("digest").orElseThrow(() -> new ImageException("a descriptor without a digest")));
        long size = object.integer("size")
                .orElseThrow(() -> new ImageException("descriptor %s: it has no size".formatted(digest)));
        if (size > MAX_BLOB_BYTES) {
            throw new ImageException("descriptor %s: size %d is not believable".formatted(digest, size));
        }
        return new Descriptor(object.text("mediaType").orElse(""), digest, size, object.textMap("annotations"));
    }

    private static Optional<Platform> platform(JsonObject entry) {
        return entry.object("platform")
                .map(platform -> new Platform(
                        platform.text("os").orElse(""),
                        platform.text("architecture").orElse(""),
                        platform.text("variant").orElse("")))
                .filter(platform -> !platform.architecture().isEmpty());
    }

    /**
     * Checks that a manifest describes a file system, and not another thing that is kept in a registry.
     *
     * @throws ImageException if its configuration or a layer is of a foreign kind, or it has no layers
     */
    public static void requireImage(Manifest manifest, String what) {
        String type = manifest.config().mediaType();
        if (!MediaTypes.isImageConfig(type)) {
            throw new ImageException(
                    "%s: unsupported image-specific operation on artifact with type \"%s\"".formatted(what, type)
                            + "; try changing the protocol to oras://");
        }
        for (Descriptor layer : manifest.layers()) {
            if (layer.mediaType().endsWith("+encrypted")) {
                throw new ImageException("%s: layer %s is encrypted".formatted(what, layer.digest()));
            }
            if (MediaTypes.isForeignLayer(layer.mediaType())) {
                throw new ImageException("%s: layer %s is a foreign layer, to be had from its maker only"
                                .formatted(what, layer.digest()))
                        .hint("addresses in a manifest are not followed; ask for an image without such layers");
            }
            if (!MediaTypes.isLayer(layer.mediaType())) {
                throw new ImageException("%s: layer %s has the unknown media type '%s'"
                        .formatted(what, layer.digest(), layer.mediaType()));
            }
        }
        if (manifest.layers().isEmpty()) {
            throw new ImageException(what + ": no extractable OCI/Docker tar layers found in this image");
        }
    }
}
