package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.config.SiteConfig;
import org.berth.devices.GpuPlan;
import org.berth.devices.GpuPlanner;
import org.berth.devices.GpuPlanner.DeviceView;
import org.berth.devices.HostFile;
import org.berth.devices.HostLibrary;
import org.berth.launch.Op.OnMissing;

/** The driver files and device nodes of GPUs, and the directory that {@code 99-base.sh} adds to the library path. */
final class GpuBinds {
    static final Path LIBRARIES = Path.of("/.singularity.d/libs");

    private static final MountOptions READ_ONLY = MountOptions.SAFE.withReadOnly(true);
    private static final MountOptions SOCKET = new MountOptions(false, false, true, true, true);

    private GpuBinds() {}

    static GpuPlan plan(LaunchRequest request, LaunchHost host, SiteConfig site, List<Note> notes) {
        boolean whole = site.mountDev() == SiteConfig.DeviceMode.YES
                && request.mounts().has("dev")
                && !DeviceMounts.minimal(request, site);
        GpuPlan plan = GpuPlanner.plan(
                request.gpus(), host.gpus(), site.gpus().order(), whole ? DeviceView.WHOLE : DeviceView.CHOSEN);
        plan.warnings().forEach(text -> notes.add(Note.warning(text)));
        return plan;
    }

    static List<MountStep> of(GpuPlan plan, LaunchRequest request, SiteConfig site) {
        List<MountStep> steps = new ArrayList<>();
        if (!plan.libraries().isEmpty()) {
            steps.add(new MountStep(LIBRARIES, true, libraries(plan.libraries())));
        }
        // Making a file in a sandbox that the user changes would leave it there.
        OnMissing missing = RootfsOps.isBare(request, site) ? OnMissing.WARN : OnMissing.CREATE;
        plan.files().forEach(file -> steps.add(shown(file, missing)));
        boolean made = DeviceMounts.minimal(request, site);
        for (Path node : plan.devices()) {
            steps.add(MountStep.file(
                    node, new Op.Bind(node, node, MountOptions.NONE, made ? OnMissing.CREATE : missing, "gpu")));
        }
        return steps;
    }

    /** A directory of the session with a file for each library, and links for the names that programs ask for. */
    private static List<Op> libraries(List<HostLibrary> libraries) {
        List<Op> ops = new ArrayList<>();
        ops.add(new Op.SessionDirectory("libs", 0755));
        ops.add(new Op.BindSession("libs", LIBRARIES, MountOptions.SAFE, OnMissing.CREATE, "gpu libraries"));
        for (HostLibrary library : libraries) {
            ops.add(new Op.Bind(
                    library.file(), LIBRARIES.resolve(library.name()), READ_ONLY, OnMissing.CREATE, "gpu library"));
        }
        for (HostLibrary library : libraries) {
            library.aliases().forEach(alias -> ops.add(new Op.Symlink(library.name(), LIBRARIES.resolve(alias))));
        }
        return ops;
    }

    private static MountStep shown(HostFile file, OnMissing missing) {
        return switch (file.kind()) {
            case PROGRAM, CONFIGURATION ->
                MountStep.file(
                        file.target(), new Op.Bind(file.source(), file.target(), READ_ONLY, missing, "gpu file"));
            case SOCKET ->
                MountStep.file(file.target(), new Op.Bind(file.source(), file.target(), SOCKET, missing, "gpu socket"));
            case PIPES ->
                MountStep.directory(
                        file.target(), new Op.Bind(file.source(), file.target(), SOCKET, missing, "gpu pipes"));
        };
    }
}
