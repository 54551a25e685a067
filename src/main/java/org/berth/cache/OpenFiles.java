package org.berth.cache;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Set;

/**
 * Files that processes of this user on this machine have open, and files behind loop devices: the images of what runs here.
 *
 * <p>A squashfs server has its image open as long as a container lives. It is looked for by its inode, since in another mount
 * namespace the file may have another path.
 */
final class OpenFiles {
    private static final Path PROCESSES = Path.of("/proc");
    private static final Path BLOCK_DEVICES = Path.of("/sys/block");

    private final Set<Object> files = new HashSet<>();

    private OpenFiles() {}

    /** @param names of the files that matter; others are not looked at, as they may be on a server that hangs */
    static OpenFiles now(Set<String> names) {
        OpenFiles open = new OpenFiles();
        for (Path process : entries(PROCESSES, "[0-9]*")) {
            for (Path descriptor : entries(process.resolve("fd"), "*")) {
                open.look(descriptor, names);
            }
        }
        for (Path device : entries(BLOCK_DEVICES, "loop*")) {
            open.lookBehind(device.resolve("loop/backing_file"), names);
        }
        return open;
    }

    boolean contains(Path file) throws IOException {
        return files.contains(key(file));
    }

    private void look(Path descriptor, Set<String> names) {
        try {
            Path target = Files.readSymbolicLink(descriptor);
            if (target.isAbsolute() && names.contains(String.valueOf(target.getFileName()))) {
                files.add(key(descriptor));
            }
        } catch (IOException e) {
            // Closed meanwhile.
        }
    }

    private void lookBehind(Path backing, Set<String> names) {
        try {
            Path target =
                    Path.of(Files.readString(backing, StandardCharsets.UTF_8).strip());
            if (names.contains(String.valueOf(target.getFileName()))) {
                files.add(key(target));
            }
        } catch (IOException e) {
            // A device without a file.
        }
    }

    private static Object key(Path file) throws IOException {
        Object key = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        return key == null ? file : key;
    }

    /** What there is to see: other users' processes are closed, and processes end. */
    private static Set<Path> entries(Path directory, String glob) {
        Set<Path> entries = new HashSet<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, glob)) {
            stream.forEach(entries::add);
        } catch (IOException | DirectoryIteratorException e) {
            // See above.
        }
        return entries;
    }
}
