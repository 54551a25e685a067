package org.berth.oci;

import java.util.List;
import java.util.regex.Pattern;

/** The media types of images, Docker's (image manifest version 2, schema 2) and OCI's (media-types.md). */
public final class MediaTypes {
    public static final String DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
    public static final String DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
    public static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
    public static final String OCI_INDEX = "application/vnd.oci.image.index.v1+json";

    /** What every request for a manifest accepts: a registry may convert or refuse what is not listed. */
    public static final List<String> MANIFESTS = List.of(OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST);

    private static final Pattern SCHEMA_1 =
            Pattern.compile("application/vnd\\.docker\\.distribution\\.manifest\\.v1\\+(pretty)?(jws|json)");

    private static final Pattern LAYER =
            Pattern.compile("application/vnd\\.docker\\.image\\.rootfs\\.diff\\.tar(\\.gzip|\\.zstd)?"
                    + "|application/vnd\\.oci\\.image\\.layer\\.v1\\.tar(\\+gzip|\\+zstd)?");

    /** Layers that a registry need not have: their makers let nobody else hand them out. */
    private static final Pattern FOREIGN = Pattern.compile("application/vnd\\.docker\\.image\\.rootfs\\.foreign\\..*"
            + "|application/vnd\\.oci\\.image\\.layer\\.nondistributable\\..*");

    /** Docker 1.10 and some builders after it pushed configurations as octet streams. */
    private static final List<String> CONFIGS = List.of(
            "application/vnd.oci.image.config.v1+json",
            "application/vnd.docker.container.image.v1+json",
            "application/octet-stream",
            "");

    private MediaTypes() {}

    static boolean isIndex(String mediaType) {
        return mediaType.equals(OCI_INDEX) || mediaType.equals(DOCKER_LIST);
    }

    static boolean isManifest(String mediaType) {
        return mediaType.equals(OCI_MANIFEST) || mediaType.equals(DOCKER_MANIFEST);
    }

    static boolean isSchema1(String mediaType) {
        return SCHEMA_1.matcher(mediaType).matches();
    }

    static boolean isImageConfig(String mediaType) {
        return CONFIGS.contains(mediaType);
    }

    static boolean isForeignLayer(String mediaType) {
        return FOREIGN.matcher(mediaType).matches();
    }

    static boolean isLayer(String mediaType) {
        return mediaType.isEmpty() || LAYER.matcher(mediaType).matches();
    }
}
