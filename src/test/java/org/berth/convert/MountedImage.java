package org.berth.convert;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** A squashfs image as another implementation shows it: the kernel where that is allowed, squashfuse where not. */
final class MountedImage implements AutoCloseable {
    private final Path directory;
    private final List<String> unmount;

    private MountedImage(Path directory, List<String> unmount) {
        this.directory = directory;
        this.unmount = unmount;
    }

    /** How an image is shown. */
    enum By {
        KERNEL,
        SQUASHFUSE
    }

    /** Mounts by the kernel as root, else by squashfuse; skips the test if neither works here. */
    static MountedImage open(Path image) throws Exception {
        boolean root = "root".equals(System.getProperty("user.name"));
        return open(image, root ? By.KERNEL : By.SQUASHFUSE);
    }

    static MountedImage open(Path image, By by) throws Exception {
        Path directory = Files.createTempDirectory("mounted");
        List<String> mount = switch (by) {
            case KERNEL -> List.of("mount", "-o", "loop,ro", image.toString(), directory.toString());
            case SQUASHFUSE -> List.of("squashfuse_ll", image.toString(), directory.toString());
        };
        Output done = run(mount);
        if (done.status() != 0) {
            Files.delete(directory);
        }
        assumeTrue(done.status() == 0, "cannot mount an image: " + done.text());
        String unmount = by == By.KERNEL ? "umount" : "fusermount";
        List<String> option = by == By.KERNEL ? List.of() : List.of("-u");
        var command = new ArrayList<>(List.of(unmount));
        command.addAll(option);
        command.add(directory.toString());
        return new MountedImage(directory, command);
    }

    Path directory() {
        return directory;
    }

    /** Everything that is there, by absolute path, in the terms of the corpus' {@code rootfs.jsonl}. */
    Map<String, JsonNode> tree() throws Exception {
        Output listing = run(List.of("python3", script().toString(), directory.toString()));
        var json = new ObjectMapper();
        var tree = new TreeMap<String, JsonNode>();
        for (String line : listing.text().split("\n")) {
            JsonNode node = json.readTree(line);
            tree.put(node.get("path").asText(), node);
        }
        return tree;
    }

    /** Differences from a {@code rootfs.jsonl}; empty if there are none. */
    String differences(Path listing, String... extras) throws Exception {
        return differences(directory, listing, extras);
    }

    /** The same for a directory that is no mount. */
    static String differences(Path directory, Path listing, String... extras) throws Exception {
        var command =
                new ArrayList<>(List.of("python3", script().toString(), directory.toString(), listing.toString()));
        command.addAll(Arrays.asList(extras));
        Output done = run(command);
        return done.status() == 0 ? "" : done.text() + "status " + done.status();
    }

    @Override
    public void close() throws Exception {
        Output done = run(unmount);
        if (done.status() != 0) {
            throw new IOException("cannot unmount: " + done.text());
        }
        Files.delete(directory);
    }

    record Output(int status, String text) {}

    static Output run(List<String> command) throws Exception {
        Process process;
        try {
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .start();
        } catch (IOException e) {
            return new Output(127, e.getMessage());
        }
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(120, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
        return new Output(process.waitFor(), text);
    }

    private static Path script() throws URISyntaxException {
        return Path.of(MountedImage.class.getResource("tree_diff.py").toURI());
    }
}
