package org.berth.convert;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.LayerSource;

/** Layers held in memory, and how often each was opened. */
final class MemoryLayers implements LayerSource {
    private final List<Descriptor> descriptors = new ArrayList<>();
    private final Map<Digest, byte[]> blobs = new HashMap<>();

    static MemoryLayers of(byte[]... tars) {
        var layers = new MemoryLayers();
        for (byte[] tar : tars) {
            layers.add(gzip(tar));
        }
        return layers;
    }

    MemoryLayers add(byte[] blob) {
        Digest digest = Digest.sha256(blob);
        blobs.put(digest, blob);
        descriptors.add(new Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", digest, blob.length, Map.of()));
        return this;
    }

    List<Descriptor> descriptors() {
        return descriptors;
    }

    @Override
    public InputStream open(Descriptor blob) {
        return new ByteArrayInputStream(blobs.get(blob.digest()));
    }

    static byte[] gzip(byte[] bytes) {
        var out = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }
}
