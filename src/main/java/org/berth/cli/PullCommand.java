package org.berth.cli;

import java.nio.file.Path;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.host.Host;
import org.berth.oci.ImageReference;
import org.berth.oci.Platform;
import org.berth.registry.RegistryClient;

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
        switch (ImageName.parse(uri)) {
            case ImageName.LocalPath(String path) ->
                throw new UsageException("'%s' names no registry".formatted(path))
                        .hint("write docker://%s for an image of Docker Hub".formatted(path));
            case ImageName.Docker(String whole, String from) -> pull(from);
        }
        return Program.SUCCESS;
    }

    private void pull(String from) {
        ImageReference reference = ImageReference.parse(from);
        Pulling pulling = new Pulling(invocation, host, site, messages);
        Platform platform = pulling.platform();
        Path destination = destination(reference);
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
        try (RegistryClient client = pulling.client()) {
            pulling.puller(client).pullTo(reference, from, platform, destination);
        }
    }

    private Path destination(ImageReference reference) {
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
