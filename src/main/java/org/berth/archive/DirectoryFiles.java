package org.berth.archive;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.Reason;

/** The files of a directory; links are followed as long as they stay inside. */
final class DirectoryFiles extends StoredFiles {
    private static final int BUFFER = 1 << 16;

    private final Path root;
    private final Path real;

    /** @throws ImageException if there is no such directory */
    DirectoryFiles(Path root) {
        this.root = root;
        try {
            this.real = root.toRealPath();
            if (!Files.isDirectory(real)) {
                throw new NotDirectoryException(root.toString());
            }
        } catch (IOException e) {
            throw new ImageException("could not open %s: %s".formatted(root, Reason.of(e)), e);
        }
    }

    @Override
    String name() {
        return root.toString();
    }

    @Override
    Optional<Long> size(String path) {
        try {
            Path file = file(path);
            if (!Files.isRegularFile(file)) {
                throw new ImageException("%s: its %s is no regular file".formatted(root, shown(path)));
            }
            return Optional.of(Files.size(file));
        } catch (NoSuchFileException | NotDirectoryException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new HostException("could not read %s: %s".formatted(root.resolve(path), Reason.of(e)), e);
        }
    }

    @Override
    InputStream open(String path) throws IOException {
        return new BufferedInputStream(Files.newInputStream(file(path)), BUFFER);
    }

    private Path file(String path) throws IOException {
        Path file = real.resolve(path).toRealPath();
        if (!file.startsWith(real)) {
            throw new ImageException("%s: its %s is a link that leads out of it".formatted(root, shown(path)));
        }
        return file;
    }

    @Override
    public void close() {}
}
