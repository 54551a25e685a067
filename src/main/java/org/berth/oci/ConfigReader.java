package org.berth.oci;

import java.util.List;
import org.berth.error.ImageException;
import org.berth.json.JsonObject;

/** Reads the configuration of an image (OCI image specification, config.md), which Docker and OCI write alike. */
public final class ConfigReader {
    /** Bytes; real ones have some thousand. */
    public static final int MAX_BYTES = 8 << 20;

    private ConfigReader() {}

    /**
     * Reads a configuration.
     *
     * @param what the document's name in messages
     * @throws ImageException in one sentence, whatever the bytes are
     */
    public static ImageConfig read(byte[] bytes, String what) {
        if (bytes.length > MAX_BYTES) {
            throw new ImageException("%s: larger than %d bytes".formatted(what, MAX_BYTES));
        }
        JsonObject root = JsonObject.parse(bytes, what);
        try {
            return read(root);
        } catch (ImageException e) {
            throw new ImageException(what + ": " + e.getMessage(), e);
        }
    }

    private static ImageConfig read(JsonObject root) {
        JsonObject config = root.object("config").orElse(JsonObject.empty());
        List<Digest> diffIds = root.object("rootfs").map(rootfs -> rootfs.texts("diff_ids")).orElse(List.of()).stream()
                .map(Digest::parse)
                .toList();
        return new ImageConfig(
                new Platform(
                        root.text("os").orElse(""),
                        root.text("architecture").orElse(""),
                        root.text("variant").orElse("")),
                config.texts("Env"),
                config.texts("Entrypoint"),
                config.texts("Cmd"),
                config.text("User").orElse(""),
                config.text("WorkingDir").orElse(""),
                config.textMap("Labels"),
                diffIds,
                root.text("created"),
                config.json());
    }

    /**
     * Checks that a configuration belongs to its manifest and to Linux.
     *
     * @throws ImageException if it is for another system, or does not list the manifest's layers
     */
    public static void requireFits(ImageConfig config, Manifest manifest, String what) {
        String os = config.platform().os();
        if (!os.isEmpty() && !os.equals("linux")) {
            throw new ImageException("%s: an image for %s, not for linux".formatted(what, os));
        }
        if (config.diffIds().size() != manifest.layers().size()) {
            throw new ImageException("%s: its configuration lists %d layers (rootfs.diff_ids), its manifest %d"
                    .formatted(what, config.diffIds().size(), manifest.layers().size()));
        }
    }
}
