package org.berth.oci;

import java.nio.charset.StandardCharsets;

/** Documents for tests, as text. */
public final class Documents {
    public static final String DIGEST = "sha256:" + "1".repeat(64);

    private Documents() {}

    public static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    public static String descriptor(String mediaType, String digest, String size) {
        return "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%s}".formatted(mediaType, digest, size);
    }

    public static String config() {
        return descriptor("application/vnd.oci.image.config.v1+json", DIGEST, "2");
    }

    public static String layer(String size) {
        return descriptor("application/vnd.oci.image.layer.v1.tar+gzip", DIGEST, size);
    }

    public static String manifest(String config, String layers) {
        return "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":%s,\"layers\":%s}"
                .formatted(MediaTypes.OCI_MANIFEST, config, layers);
    }

    public static String index(String entries) {
        return "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":%s}".formatted(MediaTypes.OCI_INDEX, entries);
    }

    public static String entry(String digest, String os, String architecture, String variant) {
        return ("{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":2,\"platform\":"
                        + "{\"os\":\"%s\",\"architecture\":\"%s\",\"variant\":\"%s\"}}")
                .formatted(MediaTypes.OCI_MANIFEST, digest, os, architecture, variant);
    }

    public static ManifestDocument read(String text) {
        return ManifestReader.read(utf8(text), "", Digest.sha256(utf8(text)), "manifest");
    }
}
