package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.berth.config.Setting;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.image.RootfsSource;
import org.berth.image.RunnableImage;
import org.berth.launch.LaunchRequest.Layer;

/** The container's root: the image, and over it what it lacks. */
final class RootfsOps {
    private static final Path ETC = Path.of("/etc");
    private static final long KIB = 1024; // in a MiB

    private RootfsOps() {}

    static List<Op> of(
            LaunchRequest request, RunnableImage image, LaunchHost host, SiteConfig site, List<Op> mountPoints) {
        List<Op> ops = new ArrayList<>();
        ops.add(new Op.Session(host.session(), memoryKib(request, host, site)));
        ops.add(imageOp(image.rootfs(), image.identity()));
        if (image.removedWhenMounted()) {
            imageFile(image.rootfs()).ifPresent(file -> ops.add(new Op.RemoveFile(file)));
        }
        if (request.writes().layer().isPresent() || request.writes().root() == LaunchRequest.Root.TMPFS) {
            requireOverlay(request, site);
        }
        if (request.writes().layer().isPresent()) {
            Layer layer = request.writes().layer().orElseThrow();
            ops.addAll(mountPoints);
            ops.add(new Op.RootOverlayDirectory(layer.upper(), layer.work(), layer.writable(), List.of()));
            return ops;
        }
        switch (request.writes().root()) {
            case WRITABLE -> {
                requireSandbox(image);
                ops.add(new Op.RootBind(true));
            }
            case READ_ONLY -> {
                if (site.layers().mountPoints()) {
                    ops.addAll(mountPoints);
                    ops.add(new Op.RootOverlay(false));
                } else {
                    ops.add(new Op.RootBind(false));
                }
            }
            case TMPFS -> {
                ops.addAll(mountPoints);
                ops.add(new Op.Skeleton(ETC, true, true));
                ops.add(new Op.RootOverlay(true));
            }
        }
        return ops;
    }

    /** Whether the root is the image as it is: what it lacks cannot be made, or would stay in it. */
    static boolean isBare(LaunchRequest request, SiteConfig site) {
        return request.writes().layer().isEmpty()
                && switch (request.writes().root()) {
                    case WRITABLE -> true;
                    case READ_ONLY -> !site.layers().mountPoints();
                    case TMPFS -> false;
                };
    }

    private static void requireOverlay(LaunchRequest request, SiteConfig site) {
        if (!site.layers().overlay()) {
            throw new HostException("%s needs an overlay, which this site forbids (%s)"
                            .formatted(
                                    request.writes().layer().isPresent()
                                            ? "a named container"
                                            : request.lifetime() instanceof Lifetime.Held
                                                    ? "--container-writable"
                                                    : "--writable-tmpfs (and --compat)",
                                    Setting.ENABLE_OVERLAY.key()))
                    .hint("directories can be bound to what has to be written");
        }
    }

    /**
     * How much the session's tmpfs takes. A step's memory is its job's, which Slurm bounds, and programs that expect a root on a
     * disk write into it.
     */
    static OptionalLong memoryKib(LaunchRequest request, LaunchHost host, SiteConfig site) {
        if (request.writes().memoryMib().isPresent()) {
            return kib(request.writes().memoryMib());
        }
        if (request.lifetime() instanceof Lifetime.Held) {
            return kib(site.tmpfsMib());
        }
        return OptionalLong.of(host.facts().root() ? 0 : site.sessionMib() * KIB);
    }

    private static OptionalLong kib(OptionalInt mib) {
        return mib.isPresent() ? OptionalLong.of(mib.getAsInt() * KIB) : OptionalLong.empty();
    }

    private static void requireSandbox(RunnableImage image) {
        if (!(image.rootfs() instanceof RootfsSource.Directory)) {
            throw new HostException(
                            "--writable: %s is no sandbox: an image file cannot be changed".formatted(image.name()))
                    .hint("'berth build --sandbox DIR %s' makes one, --writable-tmpfs forgets the changes at the end"
                            .formatted(image.name()));
        }
    }

    private static Optional<Path> imageFile(RootfsSource rootfs) {
        return switch (rootfs) {
            case RootfsSource.Directory directory -> Optional.empty();
            case RootfsSource.Unpacked unpacked -> Optional.empty();
            case RootfsSource.Squashfs(Path file, long offset, long size, Path server) -> Optional.of(file);
            case RootfsSource.KernelSquashfs(Path file, long offset, long size) -> Optional.of(file);
        };
    }

    private static Op imageOp(RootfsSource rootfs, Optional<String> identity) {
        return switch (rootfs) {
            case RootfsSource.Directory(Path root) -> new Op.ImageDirectory(root, MountOptions.SAFE);
            case RootfsSource.Unpacked(Path root) ->
                new Op.ImageTemporary(Objects.requireNonNull(root.getParent()), identity);
            case RootfsSource.Squashfs(Path file, long offset, long size, Path server) ->
                new Op.ImageSquash(file, offset, server, identity);
            case RootfsSource.KernelSquashfs(Path file, long offset, long size) ->
                new Op.ImageLoop(file, offset, size, identity);
        };
    }
}
