package org.berth.sif;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;
import org.berth.error.ImageException;

/**
 * Collects an image's {@link InspectMetadata} from the files in it: for images that have no metadata object (sandboxes,
 * squashfs files, SIFs of other makers), and for writing the object.
 */
public final class InspectFiles {
    private static final String IMAGE_FOLDER = "/.singularity.d";
    private static final String APPS_FOLDER = "/scif/apps";

    private InspectFiles() {}

    /** The files of an image, whatever holds them; paths are absolute in the image. */
    public interface Tree {
        /** The bytes of a regular file; empty if there is none. */
        Optional<byte[]> read(String path);

        /** The names in a directory, in byte order; empty if there is none. */
        List<String> list(String directory);
    }

    /**
     * Reads all of it.
     *
     * @param name of the image, for messages
     * @throws ImageException if a {@code labels.json} is no JSON object of texts
     */
    public static InspectMetadata collect(Tree tree, String name) {
        SequencedMap<String, InspectMetadata.Section> apps = new TreeMap<>();
        for (String app : tree.list(APPS_FOLDER)) {
            String folder = APPS_FOLDER + "/" + app + "/scif";
            if (!tree.list(folder).isEmpty()) {
                apps.put(app, section(tree, folder, name));
            }
        }
        return new InspectMetadata(
                apps,
                section(tree, IMAGE_FOLDER, name),
                text(tree, IMAGE_FOLDER + "/Singularity"),
                text(tree, IMAGE_FOLDER + "/startscript"));
    }

    private static InspectMetadata.Section section(Tree tree, String folder, String name) {
        SequencedMap<String, String> environment = new TreeMap<>();
        for (String script : tree.list(folder + "/env")) {
            boolean ofDocker = folder.equals(IMAGE_FOLDER) && script.matches("10-docker.*\\.sh");
            if (ofDocker || script.matches("9.*-environment\\.sh")) {
                String path = folder + "/env/" + script;
                tree.read(path).ifPresent(bytes -> environment.put(path, trimmed(bytes)));
            }
        }
        Map<String, String> labels = tree.read(folder + "/labels.json")
                .map(bytes -> InspectMetadata.parseLabels(bytes, name))
                .orElseGet(TreeMap::new);
        return new InspectMetadata.Section(
                environment,
                new TreeMap<>(labels),
                text(tree, folder + "/runscript"),
                text(tree, folder + "/test"),
                text(tree, folder + "/runscript.help"));
    }

    private static String text(Tree tree, String path) {
        return tree.read(path).map(InspectFiles::trimmed).orElse("");
    }

    private static String trimmed(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == '\n') {
            end--;
        }
        return text.substring(0, end);
    }
}
