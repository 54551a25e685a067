package org.berth.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.berth.config.SiteConfig;
import org.berth.devices.GpuFacts;
import org.berth.devices.GpuReader;
import org.berth.devices.GpuRequest;
import org.berth.devices.GpuRequest.Audience;
import org.berth.devices.GpuRequest.Wish;
import org.berth.devices.ImageLibraries;
import org.berth.error.ImageException;
import org.berth.host.Host;
import org.berth.image.RootfsSource;
import org.berth.image.RunnableImage;
import org.berth.squashfs.Inode;
import org.berth.squashfs.Links;
import org.berth.squashfs.SquashfsReader;

/** The GPUs of a launch: what was asked for, and what is there, on the host and in the image. */
final class Gpus {
    private Gpus() {}

    /** By the options, the site's settings, and by Slurm for a step that was given GPUs. */
    static GpuRequest request(Invocation invocation, Host host, SiteConfig site, Audience audience) {
        boolean offNvidia = invocation.flag("no-nv");
        boolean offAmd = invocation.flag("no-rocm");
        boolean nvidia = !offNvidia && (invocation.flag("nv") || site.gpus().alwaysNvidia());
        boolean amd = !offAmd && (invocation.flag("rocm") || site.gpus().alwaysAmd());
        Wish other = site.gpus().inSteps() && GpuReader.inStepWithGpus(host) ? Wish.AUTO : Wish.NO;
        return new GpuRequest(
                nvidia ? Wish.YES : offNvidia ? Wish.NO : other,
                amd ? Wish.YES : offAmd ? Wish.NO : other,
                other,
                audience);
    }

    static GpuFacts facts(Host host, GpuRequest request, SiteConfig site, RunnableImage image) {
        return GpuReader.read(host, request, site.gpus(), () -> libraries(host, image.rootfs()));
    }

    private static ImageLibraries libraries(Host host, RootfsSource rootfs) {
        return switch (rootfs) {
            case RootfsSource.Directory(Path root) -> ImageLibraries.of(tree(host, root));
            case RootfsSource.Unpacked(Path root) -> ImageLibraries.of(tree(host, root));
            case RootfsSource.Squashfs(Path file, long offset, long size, Path server) -> squashfs(file, offset, size);
            case RootfsSource.KernelSquashfs(Path file, long offset, long size) -> squashfs(file, offset, size);
        };
    }

    private static ImageLibraries.Tree tree(Host host, Path root) {
        return (path, limit) -> host.inside(root, path)
                .filter(file -> host.isReadable(file) && !host.isDirectory(file))
                .flatMap(file -> host.read(file, limit));
    }

    /** An image that is damaged is reported by the mount of it, better than from here. */
    private static ImageLibraries squashfs(Path file, long offset, long size) {
        try (SquashfsReader reader = SquashfsReader.open(file, offset, size)) {
            return ImageLibraries.of((path, limit) -> read(reader, path, limit));
        } catch (ImageException e) {
            return ImageLibraries.UNKNOWN;
        }
    }

    private static Optional<byte[]> read(SquashfsReader reader, String path, int limit) {
        return reader.find(path, Links.FOLLOW)
                .filter(Inode.RegularFile.class::isInstance)
                .map(Inode.RegularFile.class::cast)
                .filter(inode -> inode.size() <= limit)
                .map(inode -> reader.read(inode, limit));
    }
}
