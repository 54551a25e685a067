package org.berth.command;

import java.nio.file.Path;
import java.util.Optional;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.files.OwnFiles;
import org.berth.gather.BuildTarget;
import org.berth.gather.ImageName;
import org.berth.gather.Places;
import org.berth.gather.Pulling;
import org.berth.gather.SavedPath;
import org.berth.host.FileIdentity;
import org.berth.host.Host;
import org.berth.instance.ContainerName;
import org.berth.instance.KeptContainer;
import org.berth.instance.KeptContainers;
import org.berth.instance.KeptImage;
import org.berth.resolve.LocalImages;
import org.berth.resolve.Puller;
import org.berth.resolve.SavedForm;
import org.berth.sif.Architecture;
import org.berth.terminal.Messages;

/**
 * A kept container becomes an image: {@code container save}, and {@code save}, by which the Slurm plugin does what
 * {@code --container-save} asks for when the tasks of a node have ended.
 */
final class SaveCommand {
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Messages messages;

    SaveCommand(Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.messages = messages;
    }

    /** Makes sure, before a step runs, that what {@code --save} names can be written at its end. */
    static void requirePossible(Invocation invocation, Host host) {
        invocation.value("save").ifPresent(text -> {
            if (invocation.flag("read-only")) {
                throw new UsageException("--container-save and --container-readonly exclude each other");
            }
            target(ofStep(invocation, host, text), host).requirePossible();
        });
    }

    /** {@code container save NAME FILE}. */
    int named() {
        String file = invocation.operands().getLast();
        target(file, host).requireFree(invocation.flag("force"), new TerminalListener(messages));
        save(
                new ContainerName(invocation.operands().getFirst(), ContainerName.Mode.AUTO, invocation.value("job")),
                file);
        messages.info("Container saved: " + file);
        return ExitStatus.SUCCESS;
    }

    int ofStep() {
        String text = invocation
                .value("save")
                .orElseThrow(() -> new UsageException("save is called by Berth's Slurm plugin: --save is missing")
                        .hint("berth container save NAME FILE saves a named container"));
        String file = ofStep(invocation, host, text);
        target(file, host).requirePossible();
        save(ContainerName.parse(invocation.value("name").orElse(""), invocation.value("job")), file);
        return ExitStatus.SUCCESS;
    }

    private static String ofStep(Invocation invocation, Host host, String text) {
        String nodes =
                invocation.value("nodes").filter(n -> n.matches("[0-9]{1,9}")).orElse("1");
        return SavedPath.on(invocation.value("node").orElse(host.facts().hostname()), Integer.parseInt(nodes), text);
    }

    private static BuildTarget target(String name, Host host) {
        Path path = host.path(name);
        SavedForm.of(path);
        if (host.isDirectory(path)) {
            throw new UsageException("could not write %s: it is a directory".formatted(path));
        }
        return new BuildTarget(host, path, name, BuildTarget.Form.FILE);
    }

    private void save(ContainerName name, String file) {
        KeptContainer container = new KeptContainers(site.containers(), Places.owners(host, site))
                .find(name)
                .orElseThrow(
                        () -> new HostException("container %s does not exist on this machine".formatted(name.name()))
                                .hint("'berth container list' lists them"));
        KeptImage kept = container.image();
        boolean named = kept.reference().startsWith("/");
        Optional<Path> there = kept.file()
                .filter(image -> isUnchanged(image, kept) && (named || Places.isBelieved(image, host, site)));
        if (there.isPresent()) {
            save(there.orElseThrow(), container, file);
            return;
        }
        Pulling pulling = new Pulling(invocation, host, site, new TerminalListener(messages));
        Puller.PulledImage image = switch (ImageName.parse(kept.reference())) {
            case ImageName.LocalPath(String path) ->
                throw new ImageException("the image of container %s is gone or has changed since it was made: %s"
                                .formatted(name.name(), path))
                        .hint("bring the old one back");
            case ImageName.Distant distant -> pulling.acquire(distant);
        };
        try {
            save(image.file(), container, file);
        } finally {
            if (image.temporary()) {
                OwnFiles.remove(image.file());
            }
        }
    }

    private boolean isUnchanged(Path image, KeptImage kept) {
        Optional<FileIdentity> found = host.stat(image);
        return found.filter(FileIdentity::directory).isPresent()
                || found.filter(file -> file.size() == kept.size() && file.mtimeNanos() == kept.modifiedNanos())
                        .isPresent();
    }

    private void save(Path image, KeptContainer container, String file) {
        Pulling pulling = new Pulling(invocation, host, site, new TerminalListener(messages));
        pulling.localBuild(new LocalImages(host, site))
                .changed(
                        image,
                        container.upper(),
                        container.image().reference(),
                        Architecture.ofWord(pulling.platform().architecture()),
                        host.path(file));
    }
}
