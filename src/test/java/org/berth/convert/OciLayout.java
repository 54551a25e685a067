package org.berth.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.LayerSource;

/** An OCI layout on disk as a source of layers; just enough for tests and benchmarks. */
public record OciLayout(Path root, List<Descriptor> layers, List<Digest> diffIds) implements LayerSource {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Opens the first image of the layout, in an index the one for amd64. */
    public static OciLayout open(Path root) throws IOException {
        JsonNode manifest = JSON.readTree(root.resolve("index.json").toFile());
        for (int depth = 0; manifest.has("manifests"); depth++) {
            JsonNode chosen = null;
            for (JsonNode candidate : manifest.get("manifests")) {
                boolean fits =
                        candidate.at("/platform/architecture").asText("amd64").equals("amd64");
                chosen = chosen == null && fits ? candidate : chosen;
            }
            if (chosen == null || depth > 500) {
                throw new ImageException("no image for this machine in " + root);
            }
            manifest = JSON.readTree(blob(root, digest(chosen)).toFile());
        }
        var layers = new ArrayList<Descriptor>();
        for (JsonNode layer : manifest.path("layers")) {
            long size = layer.path("size").asLong();
            layers.add(new Descriptor(layer.path("mediaType").asText(), digest(layer), size, Map.of()));
        }
        var diffIds = new ArrayList<Digest>();
        JsonNode config =
                JSON.readTree(blob(root, digest(manifest.path("config"))).toFile());
        for (JsonNode diffId : config.at("/rootfs/diff_ids")) {
            diffIds.add(Digest.parse(diffId.asText()));
        }
        return new OciLayout(root, layers, diffIds);
    }

    @Override
    public InputStream open(Descriptor descriptor) throws IOException {
        Digest digest = descriptor.digest();
        InputStream file = new BufferedInputStream(Files.newInputStream(blob(root, digest)), 1 << 16);
        return new Checked(file, digest, descriptor.size());
    }

    private static Digest digest(JsonNode descriptor) {
        return Digest.parse(descriptor.path("digest").asText());
    }

    private static Path blob(Path root, Digest digest) {
        return root.resolve("blobs").resolve(digest.algorithm()).resolve(digest.hex());
    }

    private static final class Checked extends FilterInputStream {
        private final MessageDigest hash;
        private final Digest digest;
        private long left;

        Checked(InputStream in, Digest digest, long size) {
            super(in);
            this.hash = digest.hasher();
            this.digest = digest;
            this.left = size;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] out, int from, int length) throws IOException {
            int n = in.read(out, from, length);
            if (n > 0) {
                left -= n;
                hash.update(out, from, n);
            }
            if (left < 0 || n < 0 && left > 0) {
                throw new ImageException("blob %s has another size than its descriptor".formatted(digest));
            }
            if (n < 0 && !atEnd().equals(digest)) {
                throw new ImageException("blob %s has another digest".formatted(digest));
            }
            return n;
        }

        private Digest atEnd() {
            try {
                // A copy, since the end may be asked for more than once.
                return Digest.of(digest.algorithm(), ((MessageDigest) hash.clone()).digest());
            } catch (CloneNotSupportedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
