package org.berth.gather;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.berth.cache.Uses;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.OutputFiles;
import org.berth.files.OwnFiles;
import org.berth.files.Reason;
import org.berth.files.Trees;
import org.berth.host.FileIdentity;
import org.berth.host.Host;
import org.berth.host.Owners;
import org.berth.image.RootfsSource;
import org.berth.image.RunnableImage;
import org.berth.policy.Provenance;
import org.berth.policy.SitePolicy;
import org.berth.resolve.LocalImages;
import org.berth.resolve.LocalImages.Mounting;
import org.berth.resolve.Puller;
import org.berth.squashfs.SquashfsReader;
import org.berth.squashfs.Unpacker;

/** From what the user calls an image to one that can be mounted now. */
public final class Images {
    /** Names below the store: the user's part, {@code cache}, a part of that, the file. */
    private static final int IN_STORE = 4;

    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Listener listener;
    private final LocalImages local;
    private final SitePolicy policy;
    private final Map<Path, FileIdentity> judged = new HashMap<>();

    public Images(Invocation invocation, Host host, SiteConfig site, Listener listener) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.listener = listener;
        this.local = new LocalImages(host, site);
        this.policy = new SitePolicy(host, site, () -> KeyFiles.global(host).publicKeys());
    }

    public RunnableImage runnable(String text) {
        return runnable(text, UnaryOperator.identity());
    }

    /** @param copy what is mounted in place of an image file; it keeps the file's name */
    public RunnableImage runnable(String text, UnaryOperator<Path> copy) {
        return switch (ImageName.parse(text)) {
            case ImageName.LocalPath(String path) -> {
                Path file = host.path(path);
                Path mounted = copy.apply(file);
                requireAllowed(mounted, file, new Provenance.Named(), false);
                Origin origin = !mounted.equals(file) || isStored(file) ? Origin.FOUND : Origin.NAMED;
                yield mountable(mounted, String.valueOf(file.getFileName()), origin)
                        .shownAs(file.toString());
            }
            case ImageName.Distant distant -> {
                Pulling pulling = new Pulling(invocation, host, site, listener);
                Puller.PulledImage pulled = pulling.acquire(distant);
                pulling.places().markUse(pulled);
                requireAllowed(pulled.file(), pulled.file(), distant.provenance(), pulled.temporary());
                yield mountable(pulled.file(), distant.uri(), Origin.of(pulled));
            }
        };
    }

    /** A file or directory of this machine, under the name that it was called by. */
    public RunnableImage runnable(Path file, String name, Provenance provenance) {
        requireAllowed(file, file, provenance, false);
        boolean named = provenance instanceof Provenance.Named && !isStored(file);
        return mountable(file, name, named ? Origin.NAMED : Origin.FOUND);
    }

    /** Who says that a file is the image. */
    private enum Origin {
        /** The user, who may take whosever he likes. */
        NAMED,
        /** Berth: in a cache or among the copies of this node. Only a file that nobody else wrote is taken. */
        FOUND,
        /** Berth, which made it for this use alone. */
        TEMPORARY;

        static Origin of(Puller.PulledImage image) {
            return image.temporary() ? TEMPORARY : FOUND;
        }
    }

    /** In srun an image was put into the store, or a cache in its place, and its file is what the nodes are told. */
    private boolean isStored(Path file) {
        Optional<Path> store = invocation.shared().value("store").map(Path::of);
        if (store.isEmpty()) {
            return false;
        }
        boolean below = file.startsWith(store.orElseThrow())
                && file.getNameCount() == store.orElseThrow().getNameCount() + IN_STORE
                && OutputFiles.folder(OutputFiles.folder(file)).endsWith("cache");
        return below
                || new Places(invocation, host, site)
                        .cacheDirectory()
                        .flatMap(root -> Uses.entry(root, file))
                        .isPresent();
    }

    private RunnableImage mountable(Path file, String name, Origin origin) {
        boolean temporary = origin == Origin.TEMPORARY;
        if (origin == Origin.NAMED) {
            return mountable(file, name, temporary);
        }
        String identity = identity(file, Owners.Kind.FILE);
        RunnableImage image = mountable(file, name, temporary);
        if (image.rootfs() instanceof RootfsSource.Unpacked) {
            return image;
        }
        // Where it was judged too, that says more; it has to be the same file.
        Optional<String> state = image.identity();
        if (state.filter(text -> !text.startsWith(identity + ":")).isPresent()) {
            throw new ImageException("image %s was changed while it was looked at".formatted(file));
        }
        return state.isPresent() ? image : image.with(identity);
    }

    private String identity(Path path, Owners.Kind kind) {
        try {
            return Places.owners(host, site).identity(path, kind);
        } catch (IOException e) {
            throw new HostException("the image is not used: %s %s".formatted(path, Reason.of(e)), e);
        }
    }

    /** What was judged is what is mounted: that file, in that state. */
    private RunnableImage mountable(Path file, String name, boolean temporary) {
        RunnableImage image = looked(file, name, temporary);
        Optional<FileIdentity> identity = Optional.ofNullable(judged.get(file));
        if (identity.isEmpty()) {
            return image;
        }
        boolean unpacked = image.rootfs() instanceof RootfsSource.Unpacked;
        if (!(unpacked && temporary) && !host.statNow(file).equals(identity)) {
            if (image.rootfs() instanceof RootfsSource.Unpacked(Path directory)) {
                Trees.remove(directory);
            }
            throw new ImageException("image %s was changed while it was looked at".formatted(file));
        }
        return unpacked ? image : image.with(identity.orElseThrow().text());
    }

    private RunnableImage looked(Path file, String name, boolean temporary) {
        Optional<String> obstacle =
                invocation.flag("unsquash") ? Optional.of("--unsquash was given") : local.obstacle();
        RunnableImage image = local.runnable(
                local.kind(file), file, name, obstacle.isPresent() ? Mounting.UNPACK : Mounting.PREFERRED);
        if (obstacle.isPresent() && image.rootfs() instanceof RootfsSource.Squashfs squashfs) {
            Path directory = unpacked(squashfs, obstacle.orElseThrow());
            if (temporary) {
                OwnFiles.remove(file);
            }
            return new RunnableImage(new RootfsSource.Unpacked(directory.resolve("root")), image.container(), name)
                    .with(identity(directory, Owners.Kind.DIRECTORY));
        }
        return temporary ? image.asTemporary() : image;
    }

    /**
     * Asks for the file that will be mounted, which may be a copy on this node; its name, place and owner are those of what the user
     * named or what was made of it.
     */
    private void requireAllowed(Path file, Path named, Provenance provenance, boolean temporary) {
        if (policy.isOpen()) {
            return;
        }
        boolean allowed = false;
        try {
            host.statNow(file).filter(FileIdentity::regular).ifPresent(identity -> judged.put(file, identity));
            LocalImages.Kind kind = local.kind(file);
            policy.requireAllowed(kind, named, provenance);
            LocalImages.requireWhole(kind);
            allowed = true;
        } finally {
            if (!allowed && temporary) {
                OwnFiles.remove(file);
            }
        }
    }

    private Path unpacked(RootfsSource.Squashfs squashfs, String why) {
        listener.info("Converting SIF file to temporary sandbox (%s)".formatted(why));
        Path parent = new Places(invocation, host, site).temporaryDirectory(listener);
        Path directory;
        try {
            directory = Files.createTempDirectory(parent, "berth-rootfs-");
        } catch (IOException e) {
            throw new HostException("could not make a directory in %s: %s".formatted(parent, Reason.of(e)), e)
                    .hint("set APPTAINER_TMPDIR to a directory that can be written");
        }
        boolean done = false;
        try (SquashfsReader reader = SquashfsReader.open(squashfs.file(), squashfs.offset(), squashfs.size())) {
            // In a closed one: the image's root has the image's mode, and its files are nobody else's to read.
            Path root = Files.createDirectory(directory.resolve("root"));
            Unpacker.unpack(reader, root, Runtime.getRuntime().availableProcessors());
            done = true;
            return directory;
        } catch (IOException e) {
            throw new HostException("could not make a directory in %s: %s".formatted(directory, Reason.of(e)), e);
        } finally {
            if (!done) {
                Trees.remove(directory);
            }
        }
    }
}
