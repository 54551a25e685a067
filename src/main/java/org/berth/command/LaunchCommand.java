package org.berth.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.berth.cli.ExitStatus;
import org.berth.cli.Invocation;
import org.berth.config.SiteConfig;
import org.berth.devices.ImageLibraries;
import org.berth.gather.HeldImage;
import org.berth.gather.ImageFiles;
import org.berth.gather.Images;
import org.berth.gather.LaunchHosts;
import org.berth.gather.LaunchRequests;
import org.berth.host.Host;
import org.berth.host.LauncherDescriptors;
import org.berth.image.RunnableImage;
import org.berth.launch.Explanation;
import org.berth.launch.LaunchHost;
import org.berth.launch.LaunchPlan;
import org.berth.launch.LaunchPlanner;
import org.berth.launch.LaunchRequest;
import org.berth.launch.LaunchRequest.Action;
import org.berth.launch.Lifetime;
import org.berth.launch.LoneRanks;
import org.berth.launch.Note;
import org.berth.launch.Op;
import org.berth.launcher.PlanWriter;
import org.berth.terminal.Messages;

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
        String name = invocation.operands().getFirst();
        return launch(
                request, new Images(invocation, host, site, new TerminalListener(messages)).runnable(name), launcher);
    }

    /** Plans a request in an image and hands the plan over. */
    int launch(LaunchRequest request, RunnableImage found, LauncherDescriptors launcher) {
        RunnableImage image =
                HeldImage.called(invocation, host).map(found::called).orElse(found);
        invocation.shared().value("pmi").flatMap(LoneRanks.Offer::of).ifPresent(offer -> warnOfLoneRanks(image, offer));
        LaunchHost seen = LaunchHosts.of(host, site, request, image);
        LaunchPlan plan = LaunchPlanner.plan(request, image, seen, site);
        return handOver(plan, () -> Explanation.of(request, image, seen, site, plan), launcher);
    }

    private void warnOfLoneRanks(RunnableImage image, LoneRanks.Offer offer) {
        ImageFiles.of(
                        host,
                        image.rootfs(),
                        files -> LoneRanks.warning(
                                offer, ImageLibraries.linked(files).orElse(Set.of()), files::has),
                        Optional.<Note>empty())
                .ifPresent(messages::note);
    }

    /** Plans how a container that runs is entered, and hands the plan over. */
    int join(LaunchRequest request, RunnableImage image, Op.Join join, LauncherDescriptors launcher) {
        return handOver(
                LaunchPlanner.join(request, image, LaunchHosts.of(host, site, request, image), site, join),
                () -> List.of("container %s runs (process %d) and is joined: nothing is mounted"
                        .formatted(join.name(), join.pid())),
                launcher);
    }

    private int handOver(LaunchPlan plan, Supplier<List<String>> explanation, LauncherDescriptors launcher) {
        plan.notes().forEach(messages::note);
        if (invocation.flag("dry-run")) {
            System.out.print(PlanWriter.text(plan));
        } else if (invocation.flag("explain")) {
            explanation.get().forEach(System.out::println);
        } else {
            launcher.writePlan(PlanWriter.bytes(plan));
        }
        messages.done();
        return ExitStatus.SUCCESS;
    }
}
