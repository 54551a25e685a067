package org.berth.cli;

import java.nio.file.Path;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.host.Host;
import org.berth.oci.ImageReference;
import org.berth.registry.RegistryClient;
import org.berth.registry.RegistrySettings.Transport;

/** {@code pull}: an image from a registry into a file. */
final class PullCommand {
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Messages messages;

    PullCommand(Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.messages = messages;
    }

    int run() {
        List<String> operands = invocation.operands();
        String uri = operands.getLast();
        Pulling pulling = new Pulling(invocation, host, site, messages);
        switch (ImageName.parse(uri)) {
            case ImageName.LocalPath(String path) ->
                throw new UsageException("'%s' names no registry".formatted(path))
                        .hint("write docker://%s for an image of Docker Hub".formatted(path));
            case ImageName.Docker(String whole, String from) -> {
                ImageReference reference = ImageReference.parse(from);
                Path destination = destination(reference);
                try (RegistryClient client = pulling.client(Transport.HTTPS)) {
                    pulling.puller(client).pullTo(reference, from, pulling.platform(), destination);
                    RegistryAccess.tellLimit(client, messages);
                }
            }
            case ImageName.Oras(String whole, String from) -> {
                ImageReference reference = ImageReference.parse(from, "oras");
                Path destination = destination(reference);
                try (RegistryClient client = pulling.client(Transport.HTTPS_OR_LOOPBACK)) {
                    pulling.artifactPuller(client).pullTo(reference, pulling.platform(), destination);
                }
            }
        }
        return Program.SUCCESS;
    }

    /** The file to make, if it can be made. */
    private Path destination(ImageReference reference) {
        Path destination = path(reference);
        if (host.isDirectory(destination)) {
            throw new HostException("the output %s is a directory".formatted(destination));
        }
        if (host.exists(destination) && !invocation.flag("force")) {
            throw new HostException(
                            "Image file already exists: \"%s\" - will not overwrite".formatted(named(reference)))
                    .hint("--force overwrites it");
        }
        Path folder = destination.getParent();
        if (folder == null || !host.isDirectory(folder)) {
            throw new HostException("could not write %s: there is no directory %s".formatted(destination, folder));
        }
        if (!host.isWritable(folder)) {
            throw new HostException("could not write %s: permission denied".formatted(destination));
        }
        return destination;
    }

    private Path path(ImageReference reference) {
        String name = named(reference);
        return invocation
                .value("dir")
                .map(dir -> host.path(dir).resolve(name).normalize())
                .orElseGet(() -> host.path(name));
    }

    private String named(ImageReference reference) {
        if (invocation.operands().size() > 1) {
            return invocation.operands().getFirst();
        }
        return invocation.value("name").orElseGet(reference::defaultFileName);
    }
}
