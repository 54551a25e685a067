package org.berth.oci;

import static org.berth.oci.Documents.config;
import static org.berth.oci.Documents.entry;
import static org.berth.oci.Documents.index;
import static org.berth.oci.Documents.layer;
import static org.berth.oci.Documents.manifest;
import static org.berth.oci.Documents.utf8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.random.RandomGenerator;
import org.berth.error.ImageException;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.berth.json.Json;
import org.junit.jupiter.api.Test;

/** Documents of registries and names of images as nobody would write them. */
class OciFuzzTest {
    private static final List<String> JSON = Mutation.json(
            "\"",
            "null",
            "true",
            "1",
            "-1",
            "1.5",
            "1e999",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "{}",
            "[]",
            "\"schemaVersion\":1",
            "\"mediaType\":",
            "\"config\":",
            "\"layers\":",
            "\"manifests\":",
            "\"digest\":",
            "\"size\":",
            "\"platform\":",
            "\"annotations\":",
            "\"fsLayers\":[]",
            "[{",
            "{\"a\":",
            "[[[[",
            "]]]]",
            "sha256:",
            "sha512:",
            "0");
    private static final List<String> DOCUMENTS = List.of(
            manifest(config(), "[" + layer("3") + "," + layer("9") + "]"),
            index("[" + entry(Documents.DIGEST, "linux", "amd64", "") + ","
                    + entry(Documents.DIGEST, "linux", "arm", "v7") + "]"));
    private static final String CONFIG = """
            {"architecture":"amd64","os":"linux","created":"2020-01-01T00:00:00Z","config":{"Env":["PATH=/bin"],"Cmd":["sh"],
            "Entrypoint":null,"User":"1:2","WorkingDir":"/w","Labels":{"a":"b"}},"rootfs":{"type":"layers","diff_ids":["%s"]}}
            """.formatted(Documents.DIGEST);
    private static final List<String> REFERENCE = List.of(
            "docker.io",
            "localhost",
            "ghcr.io",
            "library/",
            "alpine",
            ":5000",
            ":latest",
            ":",
            "@",
            "/",
            "sha256:",
            "[::1]",
            "[::::]",
            "[1:2:3]",
            ":99999",
            ":0",
            "A",
            "_",
            "__",
            "___",
            "-",
            ".",
            "..",
            "a".repeat(300),
            "0".repeat(64),
            "@" + Documents.DIGEST,
            "%",
            "%zz",
            "é",
            "a_b");
    private static final List<String> REFERENCES = List.of(
            "alpine",
            "alpine:3.20",
            "ghcr.io/owner/name:tag",
            "localhost:5000/a/b/c@" + Documents.DIGEST,
            "[::1]:5000/x:y");

    @Test
    void manifestsAndIndexes() {
        Platform wanted = Platforms.parse("arm", "v7");
        Fuzz.of("manifest").cases(2000).run(random -> {
            byte[] bytes = json(Mutation.one(DOCUMENTS, random), random);
            ManifestDocument document = ManifestReader.read(bytes, "", Digest.sha256(bytes), "manifest");
            ImageSelection.select(
                            document,
                            wanted,
                            child -> ManifestReader.read(bytes, child.mediaType(), child.digest(), "child"),
                            "image")
                    .ifPresent(manifest -> ManifestReader.requireImage(manifest, "image"));
        });
    }

    @Test
    void configurations() {
        Manifest manifest = (Manifest) Documents.read(manifest(config(), "[" + layer("3") + "]"));
        Fuzz.of("config").cases(2000).run(random -> {
            ImageConfig config = ConfigReader.read(json(CONFIG, random), "configuration");
            ConfigReader.requireFits(config, manifest, "configuration");
        });
    }

    /** What is read and written again is the same, and a message is one line. */
    @Test
    void anyJson() {
        Fuzz.of("json").cases(3000).run(random -> {
            byte[] bytes = random.nextBoolean()
                    ? json(Mutation.one(DOCUMENTS, random), random)
                    : utf8(Mutation.text(JSON, 60, random));
            try {
                JsonNode value = Json.parse(bytes, "document");
                String text = Json.text(value);
                // An escaped half of a surrogate pair cannot be written in UTF-8.
                assertEquals(text.replaceAll("\\p{Cs}", "?"), Json.text(Json.parse(utf8(text), "again")));
            } catch (ImageException e) {
                assertFalse(e.getMessage().matches("(?s).*\\p{Cntrl}.*"), e.getMessage());
            }
        });
    }

    @Test
    void imageReferences() {
        Fuzz.of("reference").cases(5000).run(random -> {
            String text = random.nextInt(3) == 0
                    ? Mutation.text(REFERENCE, 8, random)
                    : Mutation.text(Mutation.one(REFERENCES, random), REFERENCE, random);
            ImageReference reference = ImageReference.parse(text);
            assertEquals(
                    reference.toString(),
                    ImageReference.parse(reference.toString()).toString());
            assertFalse(reference.defaultFileName().contains("/"));
        });
    }

    private static byte[] json(String whole, RandomGenerator random) {
        return random.nextInt(4) == 0
                ? Mutation.bytes(utf8(whole), random)
                : Mutation.text(whole, JSON, random).getBytes(StandardCharsets.UTF_8);
    }
}
