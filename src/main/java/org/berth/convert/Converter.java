package org.berth.convert;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.berth.convert.ConvertOptions.DiffIds;
import org.berth.convert.LayerFeed.Layer;
import org.berth.convert.TreeBuilder.Missing;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.LayerSource;
import org.berth.squashfs.FileData;
import org.berth.squashfs.Node;
import org.berth.squashfs.SquashfsWriter;

/**
 * Turns the layers of an image into one squashfs, in one pass and without a temporary tree.
 *
 * <p>Layers are read from the top, several at once, and the content that no higher layer hides is compressed and written as
 * it comes; their entries are only logged. Then the logs are put on top of each other from the bottom, which gives exactly
 * the tree that unpacking would have given, and the tree is written behind the content. The rare file that was taken for
 * hidden but is not (a hard link to a file that a higher layer replaces, for one) is fetched by reading its layer again.
 *
 * <pre>
 * blob ─ inflate ─┐                    ┌ compress ┐
 * blob ─ inflate ─┼─ scan, top first ──┼ compress ┼─ write ─► content │ tree
 * blob ─ inflate ─┘        └─ logs ── build, bottom first ─────────────────┘
 * </pre>
 */
public final class Converter {
    private static final int INFLATERS = 3;

    private Converter() {}

    /**
     * What came of it.
     *
     * @param bytes length of the image with its padding to 4096
     * @param entries archive entries of all layers
     * @param hiddenBytes bytes of files that higher layers replace or delete
     * @param duplicates files whose content was in the image already
     * @param layersReadAgain second passes over a layer
     * @param droppedXattrs attributes that squashfs cannot hold
     * @param notes what the user may want to know
     */
    public record Result(
            long bytes,
            long inodes,
            long entries,
            long hiddenBytes,
            long duplicates,
            int layersReadAgain,
            long droppedXattrs,
            List<String> notes) {
        public Result {
            notes = List.copyOf(notes);
        }
    }

    /**
     * Writes the image of {@code layers} into a file. The result follows from the arguments alone, byte for byte.
     *
     * @param layers lowest first
     * @param diffIds digests of the uncompressed layers, lowest first; empty if they are not known
     * @param out open for reading and writing; on failure the caller deletes what was written, and the channel may be closed
     * @param offset where the image starts, a multiple of 4096
     * @throws ImageException if a layer is not what it should be; the message names it and the entry
     * @throws HostException if the blobs cannot be read or the image cannot be written
     */
    public static Result convert(
            List<Descriptor> layers,
            List<Digest> diffIds,
            LayerSource source,
            List<Extra> extras,
            ConvertOptions options,
            FileChannel out,
            long offset) {
        if (!diffIds.isEmpty() && diffIds.size() != layers.size()) {
            throw new ImageException("the image has %d layers, but its configuration names %d (rootfs.diff_ids)"
                    .formatted(layers.size(), diffIds.size()));
        }
        var topFirst = new ArrayList<Layer>();
        for (int i = layers.size() - 1; i >= 0; i--) {
            boolean check = !diffIds.isEmpty() && options.diffIdCheck() == DiffIds.CHECK;
            topFirst.add(new Layer(layers.get(i), check ? Optional.of(diffIds.get(i)) : Optional.empty()));
        }
        try (var image =
                new SquashfsWriter(out, offset, options.compression().codec(options.level()), options.threads())) {
            return new Conversion(topFirst, source, extras, options, image).run();
        } catch (IOException e) {
            throw new HostException("the image cannot be written: " + e.getMessage(), e);
        } catch (OutOfMemoryError e) {
            throw new HostException("not enough memory to convert the image", e)
                    .hint("give the Java machine more by -Xmx, or convert on a larger machine");
        } catch (LinkageError e) {
            String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new HostException("the compression library cannot be loaded: " + reason, e)
                    .hint(
                            "the temporary directory must allow programs (no noexec), or ZstdNativePath name the library");
        }
    }

    /** One conversion at work. */
    private record Conversion(
            List<Layer> topFirst,
            LayerSource source,
            List<Extra> extras,
            ConvertOptions options,
            SquashfsWriter image) {
        Result run() throws IOException {
            var scan = new LayerScan(image, options.limits());
            List<EntryLog> logs = scanLayers(scan);
            TreeBuilder tree = build(logs, scan);
            List<String> notes = addExtras(tree);
            int again = fetchMissing(tree, scan);
            SquashfsWriter.Summary summary = image.finish(tree.root(), options.imageTime());
            return new Result(
                    summary.bytes(),
                    summary.inodes(),
                    scan.entries(),
                    scan.hiddenBytes(),
                    summary.duplicates(),
                    again,
                    scan.droppedXattrs(),
                    notes);
        }

        /** The logs of all layers, the lowest last. A layer that comes again is not read again. */
        private List<EntryLog> scanLayers(LayerScan scan) throws IOException {
            var different = topFirst.stream().distinct().toList();
            var logs = new HashMap<Layer, EntryLog>();
            var filter = new ShadowFilter();
            try (var feed = new LayerFeed(different, source, options.limits(), INFLATERS, image::check)) {
                for (int i = 0; i < different.size(); i++) {
                    Layer layer = different.get(i);
                    try {
                        if (i + 1 == different.size()) {
                            filter.lowestLayer();
                        }
                        logs.put(layer, scan.scan(new TarInput(feed.layer(i)), filter));
                    } catch (ImageException e) {
                        feed.rethrow();
                        throw named(layer, e);
                    }
                }
            }
            long entries = 0;
            for (Layer layer : topFirst) {
                entries += Objects.requireNonNull(logs.get(layer)).size();
                options.limits().checkEntries(entries);
            }
            return new ArrayList<>(topFirst.stream().map(logs::get).toList());
        }

        private TreeBuilder build(List<EntryLog> logs, LayerScan scan) {
            var tree =
                    new TreeBuilder(options.limits(), (int) options.imageTime().getEpochSecond());
            for (int number = 0; number < topFirst.size(); number++) {
                EntryLog log = logs.removeLast();
                try {
                    // A layer that is there twice shares its log.
                    tree.apply(number, logs.contains(log) ? log.read() : log.drain(), scan);
                } catch (ImageException e) {
                    throw named(topFirst.get(topFirst.size() - 1 - number), e);
                }
            }
            return tree;
        }

        private List<String> addExtras(TreeBuilder tree) throws IOException {
            var notes = new ArrayList<String>();
            for (Extra extra : extras) {
                FileData content = FileData.EMPTY;
                if (extra.kind() == Extra.Kind.FILE) {
                    image.beginFile(extra.content().length);
                    image.write(extra.content(), 0, extra.content().length);
                    content = image.endFile();
                }
                if (!tree.add(extra, content, topFirst.size())) {
                    notes.add("/%s is not added to the image: something that is no directory is in the way"
                            .formatted(extra.path()));
                }
            }
            return notes;
        }

        /** Reads those layers again whose content is needed after all, and returns how many there were. */
        private int fetchMissing(TreeBuilder tree, LayerScan scan) throws IOException {
            var wanted = new TreeMap<Integer, Map<Integer, Node.File>>();
            for (Missing file : tree.missing()) {
                wanted.computeIfAbsent(file.layer(), layer -> new HashMap<>()).put(file.entry(), file.file());
            }
            List<Layer> layers = wanted.keySet().stream()
                    .map(number -> topFirst.get(topFirst.size() - 1 - number))
                    .toList();
            try (var feed = new LayerFeed(layers, source, options.limits(), INFLATERS, image::check)) {
                int i = 0;
                for (Map<Integer, Node.File> files : wanted.values()) {
                    try {
                        scan.fetch(new TarInput(feed.layer(i)), files);
                    } catch (ImageException e) {
                        feed.rethrow();
                        throw named(layers.get(i), e);
                    }
                    i++;
                }
            }
            return layers.size();
        }

        private static ImageException named(Layer layer, ImageException e) {
            return LayerFeed.named(layer.blob(), e);
        }
    }
}
