package org.berth.archive;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.json.Json;
import org.berth.json.JsonObject;
import org.berth.oci.ConfigReader;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.ImageConfig;
import org.berth.oci.ImageReference;
import org.berth.oci.LayerSource;
import org.berth.oci.Manifest;
import org.berth.oci.ManifestReader;

/**
 * Reads what {@code docker save} writes: {@code manifest.json} and what it names.
 *
 * <pre>
 * [{"Config": "HEX.json", "RepoTags": ["name:tag"], "Layers": ["ID/layer.tar", …]}]                 until version 24
 * [{"Config": "blobs/sha256/HEX", "RepoTags": […], "Layers": ["blobs/sha256/HEX", …]}]              since version 25
 * </pre>
 *
 * The configuration's name holds its digest. A layer's name holds one in the newer form; in the older one a layer is known
 * by its diffID alone, which whoever uncompresses it has to check.
 */
final class DockerArchive {
    private static final String MANIFEST = "manifest.json";
    private static final Pattern DIGEST_NAME = Pattern.compile("(?:.*/)?([0-9a-f]{64})(?:\\.json)?");
    private static final Pattern BLOB_NAME = Pattern.compile("blobs/sha256/([0-9a-f]{64})");

    private DockerArchive() {}

    /** One object of manifest.json. */
    private record Entry(String config, List<String> tags, List<String> layers) {}

    /** Where a layer lies, and whether its name says what it must hash to. */
    private record Stored(String path, boolean digestKnown) {}

    /**
     * Reads the documents of one image.
     *
     * @param wanted a name and tag, or {@code @N} for the image at that place; needed where there are several images
     * @throws ImageException if there is no such image or it is damaged
     */
    static StoredImage read(StoredFiles files, Optional<String> wanted) {
        Entry entry = choose(files, entries(files), wanted);
        String configPath = files.inside(entry.config());
        byte[] bytes = files.read(configPath, ConfigReader.MAX_BYTES)
                .orElseThrow(() -> new ImageException(
                        "%s: it lacks the configuration %s".formatted(files.name(), StoredFiles.shown(configPath))));
        Digest digest = Digest.sha256(bytes);
        Matcher named = DIGEST_NAME.matcher(configPath);
        if (named.matches() && !named.group(1).equals(digest.hex())) {
            throw new ImageException("%s: its configuration %s has other bytes, their digest is %s"
                    .formatted(files.name(), StoredFiles.shown(configPath), digest));
        }
        ImageConfig config = ConfigReader.read(bytes, "configuration of " + files.name());
        if (entry.layers().size() > ManifestReader.MAX_LAYERS) {
            throw new ImageException("%s: an image of %d layers"
                    .formatted(files.name(), entry.layers().size()));
        }
        Map<Descriptor, Stored> places = new HashMap<>();
        Manifest manifest = new Manifest(
                digest,
                "",
                new Descriptor("", digest, bytes.length, Map.of()),
                layers(files, entry, config, places),
                Map.of());
        ManifestReader.requireImage(manifest, files.name());
        ConfigReader.requireFits(config, manifest, files.name());
        return new StoredImage(digest, manifest, config, new Layers(files, Map.copyOf(places)));
    }

    private static List<Descriptor> layers(
            StoredFiles files, Entry entry, ImageConfig config, Map<Descriptor, Stored> places) {
        List<Descriptor> layers = new ArrayList<>();
        for (String name : entry.layers()) {
            String path = files.inside(name);
            long size = files.size(path)
                    .orElseThrow(() -> new ImageException(
                            "%s: it lacks the layer %s".formatted(files.name(), StoredFiles.shown(path))));
            Matcher blob = BLOB_NAME.matcher(path);
            boolean known = blob.matches();
            // Where the lists differ in length the image is refused afterwards, with a message of its own.
            Digest diffId = layers.size() < config.diffIds().size()
                    ? config.diffIds().get(layers.size())
                    : Digest.sha256(new byte[0]);
            Descriptor layer = new Descriptor("", known ? new Digest("sha256", blob.group(1)) : diffId, size, Map.of());
            layers.add(layer);
            places.put(layer, new Stored(path, known));
        }
        return layers;
    }

    private record Layers(StoredFiles files, Map<Descriptor, Stored> places) implements LayerSource {
        @Override
        public InputStream open(Descriptor layer) throws IOException {
            Stored place = Optional.ofNullable(places.get(layer)).orElseThrow();
            return place.digestKnown() ? files.verified(place.path(), layer) : files.open(place.path());
        }
    }

    private static Entry choose(StoredFiles files, List<Entry> entries, Optional<String> wanted) {
        if (entries.isEmpty()) {
            throw new ImageException("%s: its manifest.json lists no image".formatted(files.name()));
        }
        if (wanted.isEmpty()) {
            if (entries.size() > 1) {
                throw new ImageException(
                                "%s: it holds %d images, one must be named".formatted(files.name(), entries.size()))
                        .hint("add one of them: " + offered(entries));
            }
            return entries.getFirst();
        }
        String name = wanted.orElseThrow();
        if (name.matches("@[0-9]{1,4}") && Integer.parseInt(name.substring(1)) < entries.size()) {
            return entries.get(Integer.parseInt(name.substring(1)));
        }
        return entries.stream()
                .filter(entry -> entry.tags().stream().anyMatch(tag -> same(tag, name)))
                .findFirst()
                .orElseThrow(() -> new ImageException("%s: it holds no image %s".formatted(files.name(), name))
                        .hint("it holds: " + offered(entries)));
    }

    private static boolean same(String tag, String name) {
        return tag.equals(name)
                || ImageReference.parse(tag)
                        .toString()
                        .equals(ImageReference.parse(name).toString());
    }

    private static String offered(List<Entry> entries) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < entries.size(); i++) {
            List<String> tags = entries.get(i).tags();
            names.add(":" + (tags.isEmpty() ? "@" + i : tags.getFirst()));
        }
        return names.stream().limit(12).collect(Collectors.joining(", "));
    }

    private static List<Entry> entries(StoredFiles files) {
        String what = MANIFEST + " of " + files.name();
        byte[] bytes = files.read(MANIFEST, ManifestReader.MAX_BYTES).orElseThrow(() -> lacking(files));
        JsonNode items = Json.parse(bytes, what);
        if (!items.isArray()) {
            throw new ImageException("%s: not a JSON array".formatted(what));
        }
        try {
            return items.valueStream().map(DockerArchive::entry).toList();
        } catch (ImageException e) {
            throw new ImageException(what + ": " + e.getMessage(), e);
        }
    }

    private static ImageException lacking(StoredFiles files) {
        ImageException failure = new ImageException("%s: file manifest.json not found in tar".formatted(files.name()));
        return files.size("index.json").isPresent()
                ? failure.hint("it is an OCI layout: write oci-archive:%s".formatted(files.name()))
                : failure;
    }

    private static Entry entry(JsonNode item) {
        JsonObject object =
                JsonObject.of(item).orElseThrow(() -> new ImageException("an image that is no JSON object"));
        List<String> tags = object.texts("RepoTags");
        for (String tag : tags) {
            try {
                ImageReference.parse(tag);
            } catch (UsageException e) {
                throw new ImageException("'%s' in RepoTags is no image name".formatted(StoredFiles.shown(tag)), e);
            }
        }
        return new Entry(
                object.text("Config").orElseThrow(() -> new ImageException("an image without a Config")),
                tags,
                object.texts("Layers"));
    }
}
