package org.berth.oci;

import static org.berth.oci.Documents.config;
import static org.berth.oci.Documents.index;
import static org.berth.oci.Documents.layer;
import static org.berth.oci.Documents.manifest;
import static org.berth.oci.Documents.read;
import static org.berth.oci.Documents.utf8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.berth.error.ImageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ManifestReaderTest {
    @Test
    void manifestKeepsTheOrderOfItsLayers() {
        Manifest manifest = (Manifest) read(manifest(config(), "[%s,%s]".formatted(layer("7"), layer("8"))));
        assertEquals(7, manifest.layers().get(0).size());
        assertEquals(8, manifest.layers().get(1).size());
    }

    @Test
    void mediaTypeMayBeMissing() {
        assertInstanceOf(Manifest.class, read("{\"schemaVersion\":2,\"config\":%s,\"layers\":[]}".formatted(config())));
        assertInstanceOf(Index.class, read("{\"schemaVersion\":2,\"manifests\":[]}"));
    }

    @Test
    void nullsReadAsAbsent() {
        Manifest manifest = (Manifest)
                read("{\"schemaVersion\":2,\"mediaType\":null,\"annotations\":null,\"config\":%s,\"layers\":null}"
                        .formatted(config()));
        assertTrue(manifest.layers().isEmpty());
    }

    static Stream<String> hostile() {
        String good = layer("1");
        String deep = "[".repeat(100_000) + "]".repeat(100_000);
        return Stream.of(
                "",
                " ",
                "null",
                "[]",
                "1",
                "\"x\"",
                "{",
                "{}x",
                "<html>",
                "\u007fELF",
                "{\"schemaVersion\":2}",
                "{\"schemaVersion\":2,\"layers\":null,\"config\":null}",
                "{\"schemaVersion\":1,\"fsLayers\":[]}",
                "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.docker.distribution.manifest.v1+prettyjws\"}",
                "{\"schemaVersion\":2,\"mediaType\":\"text/plain\",\"manifests\":[]}",
                "{\"schemaVersion\":2,\"mediaType\":5,\"manifests\":[]}",
                "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[]}".formatted(MediaTypes.OCI_MANIFEST),
                "{\"schemaVersion\":2,\"manifests\":[],\"config\":%s,\"layers\":[]}".formatted(config()),
                "{\"schemaVersion\":2,\"x\":%s}".formatted(deep),
                index("{}"),
                index("[1]"),
                index("[null]"),
                index("[{}]"),
                manifest("null", "[" + good + "]"),
                manifest("[]", "[]"),
                manifest("{}", "[]"),
                manifest(config(), "{}"),
                manifest(config(), "[[]]"),
                manifest(config(), "[" + layer("-1") + "]"),
                manifest(config(), "[" + layer("1.5") + "]"),
                manifest(config(), "[" + layer("1e3") + "]"),
                manifest(config(), "[" + layer("\"1\"") + "]"),
                manifest(config(), "[" + layer("null") + "]"),
                manifest(config(), "[" + layer("18446744073709551617") + "]"),
                manifest(config(), "[" + layer("9223372036854775807") + "]"),
                manifest(config(), "[" + layer("9".repeat(999)) + "]"),
                manifest(config(), "[" + layer("9".repeat(100_000)) + "]"),
                manifest(config(), "[" + Documents.descriptor("x", "sha256:../../../etc/hostname", "1") + "]"),
                manifest(config(), "[" + Documents.descriptor("x", "md5:d41d8cd98f00b204e9800998ecf8427e", "1") + "]"),
                manifest(config(), "[" + Documents.descriptor("x", "sha256:" + "A".repeat(64), "1") + "]"),
                manifest(config(), "[" + Documents.descriptor("x", "", "1") + "]"),
                manifest(
                        config(),
                        Stream.generate(() -> good).limit(20_000).collect(Collectors.joining(",", "[", "]"))));
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void hostileDocumentsEndInOneSentence(String text) {
        ImageException failure = assertThrows(ImageException.class, () -> read(text));
        assertTrue(failure.getMessage().startsWith("manifest: "), failure.getMessage());
        assertTrue(failure.getMessage().length() < 400, failure.getMessage());
        assertEquals(1, failure.getMessage().lines().count());
    }

    @Test
    void announcedTypeMustFitTheContent() {
        byte[] bytes = utf8("{\"schemaVersion\":2,\"manifests\":[]}");
        Digest digest = Digest.sha256(bytes);
        assertThrows(
                ImageException.class, () -> ManifestReader.read(bytes, MediaTypes.OCI_MANIFEST, digest, "manifest"));
        assertInstanceOf(Index.class, ManifestReader.read(bytes, "text/plain", digest, "manifest"));
    }

    @Test
    void documentsOverTheLimitAreRefusedUnread() {
        byte[] bytes = new byte[ManifestReader.MAX_BYTES + 1];
        assertThrows(
                ImageException.class, () -> ManifestReader.read(bytes, "", Digest.sha256(new byte[0]), "manifest"));
    }

    @Test
    void artifactIsNoImage() {
        String empty = Documents.descriptor("application/vnd.oci.empty.v1+json", Documents.DIGEST, "2");
        Manifest manifest = (Manifest) read(manifest(empty, "[" + layer("1") + "]"));
        ImageException failure =
                assertThrows(ImageException.class, () -> ManifestReader.requireImage(manifest, "quay.io/a:b"));
        assertEquals(
                "quay.io/a:b: unsupported image-specific operation on artifact with type "
                        + "\"application/vnd.oci.empty.v1+json\"; try changing the protocol to oras://",
                failure.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "application/vnd.example.layer.v9.tar+br",
                "text/plain",
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"
            })
    void layersOfForeignKindsAreRefused(String mediaType) {
        Manifest manifest =
                (Manifest) read(manifest(config(), "[" + Documents.descriptor(mediaType, Documents.DIGEST, "1") + "]"));
        assertThrows(ImageException.class, () -> ManifestReader.requireImage(manifest, "x"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "application/vnd.oci.image.layer.v1.tar",
                "application/vnd.oci.image.layer.v1.tar+gzip",
                "application/vnd.oci.image.layer.v1.tar+zstd",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "application/vnd.docker.image.rootfs.diff.tar.zstd"
            })
    void layersOfImagesAreAccepted(String mediaType) {
        ManifestReader.requireImage(
                (Manifest) read(manifest(config(), "[" + Documents.descriptor(mediaType, Documents.DIGEST, "1") + "]")),
                "x");
    }
}
