package org.berth.gather;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.host.FileIdentity;
import org.berth.host.Host;
import org.berth.image.RootfsSource;
import org.berth.image.RunnableImage;
import org.berth.instance.Choice;
import org.berth.instance.ContainerName;
import org.berth.instance.KeptContainer;
import org.berth.instance.KeptContainers;
import org.berth.instance.KeptImage;
import org.berth.instance.Occupants;
import org.berth.launch.LaunchRequest;
import org.berth.launch.LaunchRequest.Layer;
import org.berth.launch.LaunchRequest.Lease;
import org.berth.launch.Op;
import org.berth.policy.Provenance;

/** A Slurm step in a container that is kept under a name: joined, started again, or made. */
public final class NamedContainer {
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Listener listener;
    private final ContainerName name;
    private final KeptContainers containers;

    public NamedContainer(Invocation invocation, Host host, SiteConfig site, Listener listener) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.listener = listener;
        this.name = ContainerName.parse(invocation.value("name").orElseThrow(), invocation.value("job"));
        this.containers = new KeptContainers(site.containers(), Places.owners(host, site));
    }

    /** What is to be done for a step in it. */
    public sealed interface Found {
        /** A container is started. */
        record Start(LaunchRequest request, RunnableImage image) implements Found {}

        /** One that runs is entered. */
        record Join(RunnableImage image, Op.Join join) implements Found {}
    }

    /** @param image as the user calls it */
    public Found found(LaunchRequest request, Optional<String> image) {
        if (invocation.flag("writable")) {
            throw new UsageException("--writable and --container-name exclude each other")
                    .hint("a named container can be written to as it is");
        }
        if (!onlyShown()) {
            EndedJobs.remove(containers, host, name.job());
        }
        Optional<KeptContainer> there = containers.find(name);
        boolean touched = there.filter(c -> !containers.isUntouched(c)).isPresent();
        Optional<Occupants.Holder> holder = there.flatMap(Occupants::living);
        if (there.isPresent() && (touched || holder.isPresent())) {
            image.ifPresent(given -> requireSame(there.orElseThrow(), given));
        }
        return switch (Choice.of(name, there, touched, holder)) {
            case Choice.Join(KeptContainer container, Occupants.Holder running) -> {
                tellOfIgnored(request);
                yield new Found.Join(
                        new RunnableImage(
                                new RootfsSource.Directory(Path.of("/")),
                                container.image().file().map(Path::toString).orElse(""),
                                container.image().called()),
                        new Op.Join(container.lock(), running.pid(), running.startTime(), name.name()));
            }
            case Choice.Start(KeptContainer container) ->
                image.filter(given -> !touched
                                && !reference(given).equals(container.image().reference()))
                        .map(given -> made(request, given))
                        .orElseGet(() -> new Found.Start(request.over(layer(container)), runnable(container)));
            case Choice.Make() ->
                made(
                        request,
                        image.orElseThrow(() -> new HostException(
                                        "container %s does not exist on this node".formatted(name.name()))
                                .hint("--container-image says what it is made from")));
        };
    }

    private boolean onlyShown() {
        return invocation.flag("dry-run") || invocation.flag("explain");
    }

    private Found made(LaunchRequest request, String given) {
        RunnableImage image = new Images(invocation, host, site, listener).runnable(given);
        KeptImage kept = kept(reference(given), image);
        KeptContainer container = onlyShown() ? containers.planned(name, kept) : containers.make(name, kept);
        requireSame(container, given);
        return new Found.Start(request.over(layer(container)), image);
    }

    private Layer layer(KeptContainer container) {
        return new Layer(
                container.upper(),
                container.work(),
                !invocation.flag("read-only"),
                new Lease(name.name(), container.lock(), name.mode() == ContainerName.Mode.AUTO));
    }

    /** What names an image for good: a tag became a digest in srun. */
    private String reference(String given) {
        return switch (ImageName.parse(given)) {
            case ImageName.LocalPath(String path) ->
                host.realPath(host.path(path)).toString();
            case ImageName.Distant distant -> distant.uri();
        };
    }

    private void requireSame(KeptContainer container, String given) {
        if (!container.image().reference().equals(reference(given))) {
            throw new HostException("container %s was made from %s, not from %s"
                            .formatted(name.name(), container.image().reference(), reference(given)))
                    .hint("leave out --container-image to go on with it, or choose another name");
        }
    }

    private KeptImage kept(String reference, RunnableImage image) {
        String called = HeldImage.called(invocation, host).orElse(image.name());
        if (image.removedWhenMounted() || image.container().isEmpty()) {
            return new KeptImage(reference, called, Optional.empty(), 0, 0);
        }
        Path file = Path.of(image.container());
        Optional<FileIdentity> identity = host.stat(file).filter(found -> !found.directory());
        return new KeptImage(
                reference,
                called,
                Optional.of(file),
                identity.map(FileIdentity::size).orElse(0L),
                identity.map(FileIdentity::mtimeNanos).orElse(0L));
    }

    /** The recorded image; a layer over another one would make no sense. */
    private RunnableImage runnable(KeptContainer container) {
        KeptImage kept = container.image();
        Images images = new Images(invocation, host, site, listener);
        boolean local = kept.reference().startsWith("/");
        if (!local && kept.file().filter(this::isBelieved).isEmpty()) {
            return images.runnable(kept.reference());
        }
        Path file = kept.file().orElse(Path.of(kept.reference()));
        if (!host.exists(file)) {
            throw new ImageException("the image of container %s is gone: %s".formatted(name.name(), file))
                    .hint("bring it back, or remove the container with 'berth container remove' on this node");
        }
        FileIdentity found = host.stat(file).orElseThrow();
        if (!found.directory() && (found.size() != kept.size() || found.mtimeNanos() != kept.modifiedNanos())) {
            throw new ImageException("the image of container %s has changed since the container was made: %s"
                            .formatted(name.name(), file))
                    .hint("bring the old one back, or remove the container with 'berth container remove' on this node");
        }
        return images.runnable(file, kept.called(), provenance(kept.reference()));
    }

    /** A file of the cache that somebody else put there is as good as none: the image is fetched again. */
    private boolean isBelieved(Path file) {
        return Places.isBelieved(file, host, site);
    }

    private static Provenance provenance(String reference) {
        return switch (ImageName.parse(reference)) {
            case ImageName.LocalPath local -> new Provenance.Named();
            case ImageName.Distant distant -> distant.provenance();
        };
    }

    private void tellOfIgnored(LaunchRequest request) {
        List<String> steps = invocation.values("step-dir");
        boolean mounts = request.mounts().binds().size() > steps.size()
                || !request.mounts().scratch().isEmpty()
                || request.isolation().identity() == LaunchRequest.Identity.ROOT;
        if (mounts) {
            listener.info("container %s runs and is joined as it is: --container-mounts and --container-remap-root"
                            .formatted(name.name())
                    + " count for the step that starts it");
        }
    }
}
