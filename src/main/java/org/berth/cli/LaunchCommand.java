package org.berth.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.host.Host;
import org.berth.host.LauncherDescriptors;
import org.berth.image.RunnableImage;
import org.berth.launch.LaunchHost;
import org.berth.launch.LaunchPlan;
import org.berth.launch.LaunchPlanner;
import org.berth.launch.LaunchRequest;
import org.berth.launch.LaunchRequest.Action;
import org.berth.launch.Lifetime;
import org.berth.launch.Note;
import org.berth.launch.PathKind;
import org.berth.launcher.PlanWriter;

/** {@code exec}, {@code run}, {@code shell}, {@code test}: gather, plan, hand over. */
final class LaunchCommand {
    private final Action action;
    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final Messages messages;

    LaunchCommand(Action action, Invocation invocation, Host host, SiteConfig site, Messages messages) {
        this.action = action;
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.messages = messages;
    }

    int run(LauncherDescriptors launcher) {
        List<Note> notes = new ArrayList<>();
        LaunchRequest request =
                LaunchRequests.of(action, new Lifetime.Foreground(), invocation, host, site, messages.level(), notes);
        notes.forEach(messages::note);
        return launch(request, invocation.operands().getFirst(), launcher);
    }

    /** Plans a request in an image, as the user calls it, and hands the plan over. */
    int launch(LaunchRequest request, String imageName, LauncherDescriptors launcher) {
        RunnableImage image = new Images(invocation, host, site, messages).runnable(imageName);
        LaunchPlan plan = LaunchPlanner.plan(request, image, launchHost(request, image), site);
        plan.notes().forEach(messages::note);
        if (invocation.flag("dry-run")) {
            System.out.print(PlanWriter.text(plan));
        } else {
            launcher.writePlan(PlanWriter.bytes(plan));
        }
        return Program.SUCCESS;
    }

    private LaunchHost launchHost(LaunchRequest request, RunnableImage image) {
        Path libexec = host.facts().prefix().resolve("libexec/berth");
        return new LaunchHost(
                host.facts(),
                host.realPath(host.facts().cwd()),
                this::kind,
                libexec.resolve("sh"),
                libexec.resolve("session"),
                Gpus.facts(host, request.gpus(), site, image));
    }

    private PathKind kind(Path path) {
        return host.stat(path)
                .map(identity -> identity.directory() ? PathKind.DIRECTORY : PathKind.FILE)
                .orElse(PathKind.ABSENT);
    }
}
