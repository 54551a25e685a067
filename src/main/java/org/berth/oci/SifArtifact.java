package org.berth.oci;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.berth.error.ImageException;
import org.berth.json.Json;

/** A SIF kept in a registry as it is: a manifest with the file as its only layer (sif-format: ORAS transport). */
public final class SifArtifact {
    public static final String LAYER = "application/vnd.sylabs.sif.layer.v1.sif";
    public static final String TITLE = "org.opencontainers.image.title";
    public static final String DESCRIPTION = "org.opencontainers.image.description";

    /** As the first versions of Singularity that could push spelt it. */
    private static final String OLD_LAYER = "appliciation/vnd.sylabs.sif.layer.tar";

    private static final String CONFIG = "application/vnd.sylabs.sif.config.v1+json";
    private static final byte[] CONFIG_BYTES = "{}".getBytes(StandardCharsets.UTF_8);

    private SifArtifact() {}

    /**
     * The SIF of an artifact.
     *
     * @throws ImageException if it holds something else; what it is, and by which scheme it can be had
     */
    public static Descriptor sif(Manifest manifest, ImageReference image) {
        List<Descriptor> sifs = manifest.layers().stream()
                .filter(layer -> isSif(layer.mediaType()))
                .toList();
        if (sifs.size() == 1) {
            return sifs.getFirst();
        }
        if (MediaTypes.isImageConfig(manifest.config().mediaType())
                && manifest.layers().stream().allMatch(layer -> MediaTypes.isLayer(layer.mediaType()))) {
            throw new ImageException("%s is a container image (layers: %d), not a SIF"
                            .formatted(image, manifest.layers().size()))
                    .hint("use docker://" + image);
        }
        if (sifs.isEmpty()) {
            String types = String.join(
                    ", ",
                    manifest.layers().stream()
                            .map(Descriptor::mediaType)
                            .distinct()
                            .limit(3)
                            .toList());
            throw new ImageException("%s is no SIF: invalid layer mediatype: %s".formatted(image, types));
        }
        throw new ImageException("%s should have a single layer, it has %d"
                .formatted(image, manifest.layers().size()));
    }

    static boolean isSif(String mediaType) {
        return mediaType.equals(LAYER) || mediaType.equals(OLD_LAYER);
    }

    /** The empty configuration that every such artifact has. */
    public static Descriptor config() {
        return new Descriptor(CONFIG, Digest.sha256(CONFIG_BYTES), CONFIG_BYTES.length, Map.of());
    }

    public static byte[] configBytes() {
        return CONFIG_BYTES.clone();
    }

    /**
     * The manifest of a file; the same file, title and annotations give the same bytes.
     *
     * @param title the file's name, which other programs give it when they fetch it
     */
    public static byte[] manifest(Digest sif, long size, String title, Map<String, String> annotations) {
        ObjectNode manifest = Json.object();
        manifest.put("schemaVersion", 2);
        manifest.put("mediaType", MediaTypes.OCI_MANIFEST);
        manifest.set("config", descriptor(config()));
        manifest.putArray("layers").add(descriptor(new Descriptor(LAYER, sif, size, Map.of(TITLE, title))));
        if (!annotations.isEmpty()) {
            manifest.set("annotations", Json.texts(annotations));
        }
        return Json.text(manifest).getBytes(StandardCharsets.UTF_8);
    }

    private static ObjectNode descriptor(Descriptor descriptor) {
        ObjectNode fields = Json.object();
        fields.put("mediaType", descriptor.mediaType());
        fields.put("digest", descriptor.digest().toString());
        fields.put("size", descriptor.size());
        if (!descriptor.annotations().isEmpty()) {
            fields.set("annotations", Json.texts(descriptor.annotations()));
        }
        return fields;
    }
}
