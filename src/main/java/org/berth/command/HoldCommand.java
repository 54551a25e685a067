package org.berth.command;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.berth.cache.Cache;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.gather.HeldImage;
import org.berth.gather.ImageName;
import org.berth.gather.Images;
import org.berth.gather.LaunchRequests;
import org.berth.gather.NamedContainer;
import org.berth.gather.Places;
import org.berth.gather.Pulling;
import org.berth.gather.Staging;
import org.berth.host.Host;
import org.berth.host.LauncherDescriptors;
import org.berth.image.RunnableImage;
import org.berth.launch.LaunchRequest;
import org.berth.launch.LaunchRequest.Action;
import org.berth.launch.LaunchRequest.Namespaces;
import org.berth.launch.Lifetime;
import org.berth.launch.Note;
import org.berth.launch.Op;
import org.berth.oci.ImageReference;
import org.berth.resolve.ImageSource;
import org.berth.resolve.Puller;
import org.berth.terminal.Messages;

/**
 * What the Slurm plugin calls (docs/slurm.md): {@code hold} on each node, for a container that the tasks of a step enter;
 * {@code resolve} once in srun, so that all nodes run the same image.
 */
final class HoldCommand {
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Messages messages;

    HoldCommand(Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.messages = messages;
    }

    int hold(LauncherDescriptors launcher) {
        Lifetime lifetime = new Lifetime.Held(descriptor("ready-fd"), descriptor("release-fd"));
        LaunchRequest request = request(lifetime);
        SaveCommand.requirePossible(invocation, host);
        Optional<String> given = invocation.operands().isEmpty() ? Optional.empty() : Optional.of(image());
        LaunchCommand launch = new LaunchCommand(Action.EXEC, invocation, host, site, messages);
        if (invocation.given("name")) {
            NamedContainer named = new NamedContainer(invocation, host, site, new TerminalListener(messages));
            return switch (named.found(request, given)) {
                case NamedContainer.Found.Start(LaunchRequest over, RunnableImage image) ->
                    launch.launch(over, image, launcher);
                case NamedContainer.Found.Join(RunnableImage image, Op.Join join) ->
                    launch.join(request, image, join, launcher);
            };
        }
        String text =
                given.orElseThrow(() -> new UsageException("the step has neither an image nor a container's name"));
        RunnableImage image =
                new Images(invocation, host, site, new TerminalListener(messages)).runnable(text, copies());
        return launch.launch(request, image, launcher);
    }

    private UnaryOperator<Path> copies() {
        Places places = new Places(invocation, host, site);
        Staging staging = new Staging(host, site, places, new TerminalListener(messages));
        if (invocation.flag("dry-run") || invocation.flag("explain")) {
            return staging::planned;
        }
        return file -> {
            places.markUse(file);
            return staging.staged(file);
        };
    }

    /** Checks the options and prints the image as the nodes shall take it: with {@code --fill} the file in the cache. */
    int resolve() {
        request(new Lifetime.Foreground());
        String image = image();
        Pulling pulling = new Pulling(invocation, host, site, new TerminalListener(messages));
        ImageName name = ImageName.parse(image);
        if (invocation.flag("fill") && !(name instanceof ImageName.LocalPath)) {
            requireStore();
        }
        System.out.print(
                switch (name) {
                    case ImageName.LocalPath(String path) -> path;
                    case ImageName.Distant distant when invocation.flag("fill") -> stored(pulling.acquire(distant));
                    case ImageName.Docker docker -> pulling.from(docker, source -> exact(docker, source));
                    case ImageName.Distant other -> other.uri();
                });
        return ExitStatus.SUCCESS;
    }

    /** The same repository at the digest that its tag has now. */
    private static String exact(ImageName.Docker docker, ImageSource source) {
        String repository = ImageReference.parse(docker.from()).name();
        return source.announced()
                .map(digest -> "docker://%s@%s".formatted(repository, digest))
                .orElse(docker.uri());
    }

    /** Before anything is fetched for it. */
    private void requireStore() {
        Places places = new Places(invocation, host, site);
        Optional<Path> directory = places.cacheDirectory();
        if (directory.isEmpty()) {
            throw withoutStore("no cache is to be used");
        }
        if (Cache.open(directory.orElseThrow(), places.owners()) instanceof Cache.Opened.Unusable(String reason)) {
            throw withoutStore(reason.replaceFirst("^Cache disabled - ", ""));
        }
    }

    private static HostException withoutStore(String reason) {
        return new HostException("the site's store of images cannot be used: " + reason)
                .hint("store= in plugstack.conf names a directory that all users may write to");
    }

    private String stored(Puller.PulledImage image) {
        if (image.temporary()) {
            throw withoutStore("it is gone");
        }
        Places places = new Places(invocation, host, site);
        new Staging(host, site, places, new TerminalListener(messages)).broadcast(image.file());
        return image.file().toString();
    }

    private String image() {
        return HeldImage.normalized(invocation.operands().getFirst(), text -> host.exists(host.path(text)));
    }

    private LaunchRequest request(Lifetime lifetime) {
        if (invocation.flag("read-only") && (invocation.flag("writable-tmpfs") || invocation.flag("writable"))) {
            throw new UsageException("--container-writable and --container-readonly exclude each other");
        }
        List<Note> notes = new ArrayList<>();
        LaunchRequest request =
                LaunchRequests.of(Action.EXEC, lifetime, invocation, host, site, messages.level(), notes);
        requireShared(request);
        notes.forEach(messages::note);
        return request;
    }

    /** The tasks of a node enter what they share; a PID namespace is entered by a child only, and Slurm's task is none. */
    private void requireShared(LaunchRequest request) {
        if (request.wants(Namespaces.PID)) {
            throw new UsageException("a Slurm step cannot have a PID namespace of its own")
                    .hint(
                            "Slurm signals and counts its tasks by their numbers; with --containall and --compat say --no-pid too");
        }
        if (request.wants(Namespaces.NET)
                && host.env("SLURM_MPI_TYPE").orElse("").startsWith("pmix")) {
            throw new UsageException("a step with --mpi=pmix cannot have a network namespace of its own")
                    .hint("ranks reach PMIx by the host's loopback interface; say --mpi=none where they are not MPI's");
        }
    }

    private int descriptor(String option) {
        String text = invocation.value(option).orElse("");
        if (!text.matches("[0-9]{1,6}")) {
            throw new UsageException("hold is called by Berth's Slurm plugin: --%s is missing".formatted(option))
                    .hint("exec and run start containers");
        }
        return Integer.parseInt(text);
    }
}
