package org.berth.gather;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import org.berth.devices.ImageLibraries;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.image.RootfsSource;
import org.berth.squashfs.Inode;
import org.berth.squashfs.Links;
import org.berth.squashfs.SquashfsReader;

/** The files of an image that is not mounted yet; paths are resolved inside it. */
public interface ImageFiles extends ImageLibraries.Tree {
    boolean has(String path);

    /** What the question gets out of the image; {@code unknown} for one that is damaged, which its mount reports better. */
    static <T> T of(Host host, RootfsSource rootfs, Function<ImageFiles, T> question, T unknown) {
        return switch (rootfs) {
            case RootfsSource.Directory(Path root) -> question.apply(new InDirectory(host, root));
            case RootfsSource.Unpacked(Path root) -> question.apply(new InDirectory(host, root));
            case RootfsSource.Squashfs(Path file, long offset, long size, Path server) ->
                ofSquashfs(file, offset, size, question, unknown);
            case RootfsSource.KernelSquashfs(Path file, long offset, long size) ->
                ofSquashfs(file, offset, size, question, unknown);
        };
    }

    private static <T> T ofSquashfs(Path file, long offset, long size, Function<ImageFiles, T> question, T unknown) {
        try (SquashfsReader reader = SquashfsReader.open(file, offset, size)) {
            return question.apply(new InSquashfs(reader));
        } catch (ImageException e) {
            return unknown;
        }
    }

    /** Of an unpacked image. */
    record InDirectory(Host host, Path root) implements ImageFiles {
        @Override
        public boolean has(String path) {
            return host.inside(root, path).filter(host::exists).isPresent();
        }

        @Override
        public Optional<byte[]> read(String path, int limit) {
            return host.inside(root, path)
                    .filter(file -> host.isReadable(file) && !host.isDirectory(file))
                    .flatMap(file -> host.read(file, limit));
        }
    }

    /** Of an image file. */
    record InSquashfs(SquashfsReader reader) implements ImageFiles {
        @Override
        public boolean has(String path) {
            return reader.find(path, Links.FOLLOW).isPresent();
        }

        @Override
        public Optional<byte[]> read(String path, int limit) {
            return reader.find(path, Links.FOLLOW)
                    .filter(Inode.RegularFile.class::isInstance)
                    .map(Inode.RegularFile.class::cast)
                    .filter(inode -> inode.size() <= limit)
                    .map(inode -> reader.read(inode, limit));
        }
    }
}
