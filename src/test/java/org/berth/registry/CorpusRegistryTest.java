package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;
import org.berth.error.BerthException;
import org.berth.oci.Descriptor;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageReference;
import org.berth.oci.Platforms;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The test images and faults of {@code corpus serve --raw}, whose address {@code ./dev test} gives by CORPUS_RAW. */
@Timeout(60)
class CorpusRegistryTest {
    private static final String ADDRESS =
            Optional.ofNullable(System.getenv("CORPUS_RAW")).orElse("");

    /** Manifest, configuration and all layers; the message of the failure, or {@code ok}. */
    private static String pull(String name) throws IOException {
        assumeTrue(!ADDRESS.isEmpty(), "CORPUS_RAW=host:port names no running corpus server");
        RegistrySettings settings = RegistrySettings.defaults(
                        RegistrySettings.Transport.HTTP, Proxies.NONE, "berth/test")
                .with(
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(2),
                        new RetryPolicy(5, Duration.ofMillis(50), Duration.ofSeconds(5), Duration.ofSeconds(20)));
        try (RegistryClient client = new RegistryClient(settings, Credentials.ANONYMOUS)) {
            ImageReference image = ImageReference.parse(ADDRESS + "/" + name);
            client.digest(image);
            ResolvedImage resolved = client.resolve(image, Platforms.parse("amd64", ""), DocumentStore.NONE);
            for (Descriptor layer : resolved.manifest().layers()) {
                try (InputStream in = client.blobs(image).open(layer)) {
                    in.transferTo(OutputStream.nullOutputStream());
                }
            }
            return "ok";
        } catch (BerthException e) {
            return e.getMessage();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "cut, ok",
        "cut-norange, ok",
        "cut-always, tried 5 times",
        "badrange, ok",
        "flaky, ok",
        "busy, ok",
        "down, answered 503",
        "stall, nothing came for",
        "endless, ok",
        "chunked, ok",
        "redirect, ok",
        "redirect-loop, redirected more than 10 times",
        "redirect-file, redirected to a place that is not on the web",
        "nodigest, ok",
        "baddigest, the registry calls it",
        "notype, ok",
        "html, answered with a web page",
        "nohead, ok",
        "swap, ok",
        "auth-loop, unauthorized",
        "auth-realm, not a place to send one to",
        "auth-needed, ok",
        "gone, blob_unknown",
    })
    void faultsEndInTheImageOrInOneSentence(String kind, String expected) throws IOException {
        String result = pull("fault/" + kind + "/hello");
        assertTrue(result.contains(expected), result);
        assertEquals(1, result.lines().count(), result);
    }

    @ParameterizedTest
    @CsvSource({
        "hello, ok",
        "multiarch, ok",
        "multiarch-docker, ok",
        "docker-v2s2, ok",
        "nested-index, ok",
        "no-mediatype, ok",
        "null-config, ok",
        "null-config-all, ok",
        "mislabelled, ok",
        "sha512, ok",
        "scratch, ok",
        "layers127, ok",
        "artifact, unsupported image-specific operation on artifact",
        "oras-sif, unsupported image-specific operation on artifact",
        "evil/big-manifest, larger than",
        "evil/big-config, larger than",
        "evil/config-array, not a JSON object",
        "evil/config-arch, an image for windows",
        "evil/config-deep, not JSON",
        "evil/config-empty, not JSON",
        "evil/config-notjson, not JSON",
        "evil/config-types, field 'Env' is an object",
        "evil/config-dupkeys, ok",
        "evil/digest-bad, unsupported algorithm",
        "evil/digest-missing, blob_unknown",
        "evil/digest-path, not a valid sha256 digest",
        "evil/digest-upper, not a valid sha256 digest",
        "evil/diffid-count, lists 1 layers",
        "evil/foreign-layer, is a foreign layer",
        "evil/index-deep, indexes in indexes",
        "evil/index-loop, the registry calls it",
        "evil/index-wide, no child with platform linux/amd64",
        "evil/many-layers, 20000 layers",
        "evil/manifest-both, a manifest and an index in one",
        "evil/manifest-cut, not JSON",
        "evil/manifest-deep, not JSON",
        "evil/manifest-empty, no extractable",
        "evil/manifest-notjson, not JSON",
        "evil/manifest-null, neither a manifest",
        "evil/manifest-schema1, schema 1",
        "evil/manifest-utf8, not JSON",
        "evil/media-unknown, unknown media type",
        "evil/null-rootfs, lists 0 layers",
        "evil/size-float-desc, not a number",
        "evil/size-huge-desc, is not believable",
        "evil/size-negative-desc, is negative",
        "evil/size-overflow-desc, not a whole number",
        "evil/annotations-odd, ok",
        "evil/env-inject, ok",
        "evil/wrong-digest-config, the registry has",
        "evil/wrong-digest-layer, the registry has",
        "evil/wrong-digest-manifest, the registry calls it",
        "evil/wrong-digest-same-size, has other bytes",
        "evil/wrong-digest-short, the registry has",
        "evil/wrong-size-large, the registry has",
        "evil/wrong-size-small, the registry has",
    })
    void imagesAreReadOrRefusedInOneSentence(String name, String expected) throws IOException {
        String result = pull(name);
        assertTrue(result.contains(expected), result);
        assertEquals(1, result.lines().count(), result);
    }
}
