package org.berth.command;

import java.nio.file.Path;
import java.util.List;
import org.berth.cache.ImageCopies;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.files.OwnFiles;
import org.berth.gather.BuildTarget;
import org.berth.gather.ImageName;
import org.berth.gather.Pulling;
import org.berth.gather.Sandboxes;
import org.berth.host.Host;
import org.berth.resolve.LocalImages;
import org.berth.resolve.Puller;
import org.berth.squashfs.Unpacker;
import org.berth.terminal.Messages;

/** {@code pull}: an image from wherever it is into a file, or a sandbox. */
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
        Pulling pulling = new Pulling(invocation, host, site, new TerminalListener(messages));
        BuildTarget made = switch (ImageName.parse(uri)) {
            case ImageName.LocalPath(String path) ->
                throw new UsageException("'%s' names no registry".formatted(path))
                        .hint(
                                operands.size() > 1 && ImageName.hasScheme(operands.getFirst())
                                        ? "the file stands before what it is made from: berth pull %s %s"
                                                .formatted(path, operands.getFirst())
                                        : "write docker://%s for an image of Docker Hub".formatted(path));
            case ImageName.Remote remote -> pull(pulling, remote);
            case ImageName.Whole whole -> pull(pulling, whole);
        };
        messages.done(made.destination());
        return ExitStatus.SUCCESS;
    }

    private BuildTarget pull(Pulling pulling, ImageName.Remote name) {
        if (invocation.flag("sandbox")) {
            BuildTarget target = target(name.fileName().replaceFirst("\\.sif$", ""), BuildTarget.Form.SANDBOX);
            unpack(pulling.acquire(name), target);
            return target;
        }
        BuildTarget target = target(name.fileName(), BuildTarget.Form.FILE);
        pulling.from(name, source -> {
            pulling.puller().pullTo(source, target.unfinished());
            return target;
        });
        target.publish();
        return target;
    }

    private BuildTarget pull(Pulling pulling, ImageName.Whole name) {
        boolean sandbox = invocation.flag("sandbox");
        BuildTarget target = target(name.fileName(), sandbox ? BuildTarget.Form.SANDBOX : BuildTarget.Form.FILE);
        Puller.PulledImage image = pulling.acquire(name);
        if (sandbox) {
            unpack(image, target);
            return target;
        }
        try {
            ImageCopies.copy(
                    image.file(), target.unfinished(), 0777 & ~host.facts().umask());
            target.publish();
            return target;
        } finally {
            removeTemporary(image);
        }
    }

    private void unpack(Puller.PulledImage image, BuildTarget target) {
        try {
            Sandboxes.unpack(new LocalImages(host, site).kind(image.file()), target, Unpacker.Rights.KEPT);
        } finally {
            removeTemporary(image);
        }
    }

    private static void removeTemporary(Puller.PulledImage image) {
        if (image.temporary()) {
            OwnFiles.remove(image.file());
        }
    }

    private BuildTarget target(String fileName, BuildTarget.Form form) {
        String name = named(fileName);
        if (name.startsWith("/") && invocation.value("dir").isPresent()) {
            throw new HostException("--dir %s and the output %s exclude each other: it is a whole path"
                            .formatted(invocation.value("dir").orElseThrow(), name))
                    .hint("leave one of them out");
        }
        Path destination = invocation
                .value("dir")
                .map(dir -> host.path(dir).resolve(name).normalize())
                .orElseGet(() -> host.path(name));
        BuildTarget target = new BuildTarget(host, destination, name, form);
        if (form == BuildTarget.Form.FILE && host.isDirectory(destination)) {
            throw new HostException("the output %s is a directory".formatted(destination));
        }
        if (host.exists(destination) && !invocation.flag("force")) {
            throw new HostException("Image file already exists: \"%s\" - will not overwrite".formatted(name))
                    .hint("--force overwrites it");
        }
        target.requirePossible();
        return target;
    }

    private String named(String fileName) {
        if (invocation.operands().size() > 1) {
            return invocation.operands().getFirst();
        }
        return invocation.value("name").orElse(fileName);
    }
}
