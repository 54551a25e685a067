package org.berth.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.berth.cache.OwnFiles;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.host.Trees;
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
final class Images {
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Messages messages;
    private final LocalImages local;
    private final SitePolicy policy;

    Images(Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.messages = messages;
        this.local = new LocalImages(host, site);
        this.policy = new SitePolicy(host, site, () -> KeyFiles.global(host).publicKeys());
    }

    RunnableImage runnable(String text) {
        return runnable(text, UnaryOperator.identity());
    }

    /** @param copy what is mounted in place of an image file; it keeps the file's name */
    RunnableImage runnable(String text, UnaryOperator<Path> copy) {
        return switch (ImageName.parse(text)) {
            case ImageName.LocalPath(String path) -> {
                Path file = host.path(path);
                requireAllowed(file, new Provenance.Named(), false);
                RunnableImage image = mountable(copy.apply(file), String.valueOf(file.getFileName()), false);
                yield new RunnableImage(image.rootfs(), file.toString(), image.name(), image.removedWhenMounted());
            }
            case ImageName.Remote remote -> {
                Pulling pulling = new Pulling(invocation, host, site, messages);
                Puller.PulledImage pulled =
                        pulling.from(remote, source -> pulling.puller().pull(source));
                pulling.places().markUse(pulled);
                requireAllowed(pulled.file(), new Provenance.Converted(remote.uri()), pulled.temporary());
                yield mountable(pulled.file(), remote.uri(), pulled.temporary());
            }
            case ImageName.Whole whole -> {
                Pulling pulling = new Pulling(invocation, host, site, messages);
                Puller.PulledImage pulled = pulling.fetch(whole);
                pulling.places().markUse(pulled);
                requireAllowed(pulled.file(), new Provenance.Fetched(whole.uri()), pulled.temporary());
                yield mountable(pulled.file(), whole.uri(), pulled.temporary());
            }
        };
    }

    /** A file or directory of this machine, under the name that it was called by. */
    RunnableImage runnable(Path file, String name, Provenance provenance) {
        requireAllowed(file, provenance, false);
        return mountable(file, name, false);
    }

    private RunnableImage mountable(Path file, String name, boolean temporary) {
        Optional<String> obstacle =
                invocation.flag("unsquash") ? Optional.of("--unsquash was given") : local.obstacle();
        RunnableImage image = local.runnable(
                local.kind(file), file, name, obstacle.isPresent() ? Mounting.UNPACK : Mounting.PREFERRED);
        if (obstacle.isPresent() && image.rootfs() instanceof RootfsSource.Squashfs squashfs) {
            Path directory = unpacked(squashfs, obstacle.orElseThrow());
            if (temporary) {
                OwnFiles.remove(file);
            }
            return new RunnableImage(new RootfsSource.Unpacked(directory), image.container(), name);
        }
        return temporary ? image.asTemporary() : image;
    }

    /** Asks for what the user named or what was made of it, not for a copy of that on this node. */
    private void requireAllowed(Path file, Provenance provenance, boolean temporary) {
        if (policy.isOpen()) {
            return;
        }
        boolean allowed = false;
        try {
            policy.requireAllowed(local.kind(file), file, provenance);
            allowed = true;
        } finally {
            if (!allowed && temporary) {
                OwnFiles.remove(file);
            }
        }
    }

    private Path unpacked(RootfsSource.Squashfs squashfs, String why) {
        messages.info("Converting SIF file to temporary sandbox (%s)".formatted(why));
        Path parent = new Places(invocation, host, site).temporaryDirectory();
        Path directory;
        try {
            directory = Files.createTempDirectory(parent, "berth-rootfs-");
        } catch (IOException e) {
            throw new HostException("could not make a directory in %s: %s".formatted(parent, Host.reason(e)), e)
                    .hint("set APPTAINER_TMPDIR to a directory that can be written");
        }
        boolean done = false;
        try (SquashfsReader reader = SquashfsReader.open(squashfs.file(), squashfs.offset(), squashfs.size())) {
            Unpacker.unpack(reader, directory, Runtime.getRuntime().availableProcessors());
            done = true;
            return directory;
        } finally {
            if (!done) {
                Trees.remove(directory);
            }
        }
    }
}
