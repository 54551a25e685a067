package org.berth.launch;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.berth.config.SiteConfig;
import org.berth.devices.GpuPlan;
import org.berth.image.RunnableImage;

/** From what was asked and what is there to a plan. */
public final class LaunchPlanner {
    private LaunchPlanner() {}

    /**
     * Everything that is decided about a launch is decided here or in a function called from here.
     *
     * <p>Mounts that come by themselves are first, then those that the user asked for: what was asked for is never hidden by
     * what was not (docs/mounts.md).
     */
    public static LaunchPlan plan(LaunchRequest request, RunnableImage image, LaunchHost host, SiteConfig site) {
        List<Note> notes = new ArrayList<>();
        GpuPlan gpus = GpuBinds.plan(request, host, site, notes);
        List<MountStep> home = HomeMounts.of(request, host, site, notes);
        boolean homeChosen = request.mounts().home().chosen();
        List<MountStep> automatic = shallowFirst(
                DeviceMounts.of(request, host, site),
                SiteBinds.of(request, host, site, notes),
                KernelMounts.of(request, site),
                homeChosen ? List.of() : home,
                TmpMounts.of(request, host, site));
        List<MountStep> files = concatenated(GpuBinds.of(gpus, request, site), IdentityFiles.of(request, host, site));
        List<MountStep> asked = shallowFirst(
                homeChosen ? home : List.of(), ScratchMounts.of(request), UserBinds.of(request, host, site, notes));
        List<MountStep> all = concatenated(
                automatic, WorkingDirectory.mount(request, host, automatic, asked), files, ReadOnlyNests.opened(asked));

        List<Op> ops = new ArrayList<>();
        ops.add(new Op.Level(request.level()));
        request.writes()
                .layer()
                .map(LaunchRequest.Layer::lease)
                .ifPresent(lease -> ops.add(new Op.Lease(lease.file(), lease.again(), lease.name())));
        ops.addAll(NamespaceOps.of(request, host));
        ops.addAll(RootfsOps.of(request, image, host, site, MountPoints.of(all)));
        ops.addAll(TmpMounts.directories(request));
        all.forEach(step -> ops.addAll(step.ops()));
        ops.add(new Op.Pivot());
        ops.addAll(NamespaceOps.identity(request, host));
        ops.addAll(Payload.of(request, image, host, gpus, notes));
        return new LaunchPlan(ops, notes);
    }

    /** So that they nest in whatever order they come; of two at one place the later hides the earlier. */
    @SafeVarargs
    private static List<MountStep> shallowFirst(List<MountStep>... parts) {
        return concatenated(parts).stream()
                .sorted(Comparator.comparingInt(step -> step.target().getNameCount()))
                .toList();
    }

    @SafeVarargs
    private static List<MountStep> concatenated(List<MountStep>... parts) {
        return Stream.of(parts).flatMap(List::stream).toList();
    }

    /** A step of a container that runs already: nothing is mounted, its environment is worked out anew. */
    public static LaunchPlan join(
            LaunchRequest request, RunnableImage image, LaunchHost host, SiteConfig site, Op.Join join) {
        List<Note> notes = new ArrayList<>();
        GpuPlan gpus = GpuBinds.plan(request, host, site, notes);
        List<Op> ops = new ArrayList<>(List.of(new Op.Level(request.level()), join));
        ops.addAll(Payload.of(request, image, host, gpus, notes));
        return new LaunchPlan(ops, notes);
    }
}
