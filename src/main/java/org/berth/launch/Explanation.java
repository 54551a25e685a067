package org.berth.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import org.berth.config.Setting;
import org.berth.config.SiteConfig;
import org.berth.devices.DriverFacts;
import org.berth.devices.Gpu;
import org.berth.devices.GpuPlan;
import org.berth.devices.GpuRequest.Audience;
import org.berth.devices.GpuRequest.Wish;
import org.berth.devices.HostFile;
import org.berth.devices.HostLibrary;
import org.berth.image.RootfsSource;
import org.berth.image.RunnableImage;

/** A plan in words, for who asks why a file, a variable or a GPU is there or is not; docs/slurm.md says how to read it. */
public final class Explanation {
    private static final Path DEV = Path.of("/dev");

    private final LaunchRequest request;
    private final RunnableImage image;
    private final LaunchHost host;
    private final SiteConfig site;
    private final LaunchPlan plan;
    private final List<String> lines = new ArrayList<>();

    private Explanation(LaunchRequest request, RunnableImage image, LaunchHost host, SiteConfig site, LaunchPlan plan) {
        this.request = request;
        this.image = image;
        this.host = host;
        this.site = site;
        this.plan = plan;
    }

    /** Lines without a newline; {@code plan} is what the planner made of the others. */
    public static List<String> of(
            LaunchRequest request, RunnableImage image, LaunchHost host, SiteConfig site, LaunchPlan plan) {
        return new Explanation(request, image, host, site, plan).lines();
    }

    private List<String> lines() {
        image();
        site.rules().forEach(file -> say("rules of %s", file));
        root();
        namespaces();
        mounts();
        leftOut();
        gpus();
        environment();
        directory();
        return List.copyOf(lines);
    }

    private void say(String format, Object... values) {
        lines.add(format.formatted(values));
    }

    private void image() {
        say("image: %s", image.name());
        switch (image.rootfs()) {
            case RootfsSource.Squashfs(Path file, long offset, long size, Path server) ->
                say("  %s, squashfs at byte %d, mounted by %s", file, offset, server);
            case RootfsSource.KernelSquashfs(Path file, long offset, long size) ->
                say("  %s, squashfs at byte %d, mounted by the kernel", file, offset);
            case RootfsSource.Directory(Path directory) -> say("  %s, a directory, used in place", directory);
            case RootfsSource.Unpacked(Path directory) ->
                say("  unpacked to %s, which goes at the end: it could not be mounted here", directory);
        }
        if (copied()) {
            say("  a copy on this node of %s", image.container());
        }
        if (image.removedWhenMounted()) {
            say("  a temporary file, since the cache is not used");
        }
    }

    private boolean copied() {
        return switch (image.rootfs()) {
            case RootfsSource.Squashfs squashfs -> isCopy(squashfs.file());
            case RootfsSource.KernelSquashfs squashfs -> isCopy(squashfs.file());
            case RootfsSource.Directory directory -> false;
            case RootfsSource.Unpacked unpacked -> false;
        };
    }

    private boolean isCopy(Path file) {
        return !image.removedWhenMounted()
                && !image.container().isEmpty()
                && !file.toString().equals(image.container());
    }

    private void root() {
        say(
                "root: %s",
                request.writes().layer().map(Explanation::kept).orElseGet(() -> switch (request.writes()
                        .root()) {
                    case READ_ONLY -> "nothing of the image can be written";
                    case TMPFS -> "what is written goes to memory and is gone at the end" + limit();
                    case WRITABLE -> "what is written changes the directory itself";
                }));
        if (request.isolation().identity() == LaunchRequest.Identity.ROOT) {
            say("  tasks appear as root, and own on the host what they write");
        }
    }

    private String limit() {
        OptionalLong kib = RootfsOps.memoryKib(request, host, site);
        if (kib.isEmpty()) {
            return ", at most half of this machine's memory (--tmpfs-size)";
        }
        String by = request.writes().memoryMib().isPresent()
                ? "--tmpfs-size"
                : request.lifetime() instanceof Lifetime.Held
                        ? Setting.TMPFS_MAX_SIZE.key()
                        : Setting.SESSIONDIR_MAX_SIZE.key() + ", --tmpfs-size";
        return kib.getAsLong() == 0 ? "" : ", at most %d MiB (%s)".formatted(kib.getAsLong() / 1024, by);
    }

    private static String kept(LaunchRequest.Layer layer) {
        return layer.writable()
                ? "what is written stays in %s, under the name %s"
                        .formatted(layer.upper(), layer.lease().name())
                : "nothing can be written; what was written before is in %s".formatted(layer.upper());
    }

    private void namespaces() {
        Set<Op.Namespace> own = plan.ops().stream()
                .filter(Op.Unshare.class::isInstance)
                .map(op -> ((Op.Unshare) op).namespaces())
                .findFirst()
                .orElse(Set.of());
        Set<Op.Namespace> shared = EnumSet.allOf(Op.Namespace.class);
        shared.removeAll(own);
        say(
                "namespaces: %s%s; the host's: %s",
                words(own),
                request.lifetime() instanceof Lifetime.Held ? ", one for all tasks of the step on this node" : "",
                words(shared));
    }

    private static String words(Set<Op.Namespace> namespaces) {
        return namespaces.stream().map(Op.Namespace::word).collect(Collectors.joining(", "));
    }

    private void mounts() {
        say("mounts, in this order (a later one hides what an earlier one shows at the same place):");
        for (Op op : plan.ops()) {
            switch (op) {
                case Op.Bind bind
                when !isGpu(bind.what()) ->
                    say(
                            "  %s%s, %s: %s",
                            bind.target(),
                            source(bind.source(), bind.target()),
                            bind.options().readOnly() ? "read-only" : "read-write",
                            reason(bind.what()));
                case Op.BindSession bind
                when !isGpu(bind.what()) -> say("  %s, made for this launch: %s", bind.target(), reason(bind.what()));
                case Op.Mount mount -> say("  %s, a new %s: %s", mount.target(), mount.type(), reason(mount.what()));
                case Op.Passwd passwd -> say("  /etc/passwd with the user's line: %s", Setting.CONFIG_PASSWD.key());
                case Op.Group group -> say("  /etc/group with the user's groups: %s", Setting.CONFIG_GROUP.key());
                // What is made for them is no news to who asks why something is there.
                default -> {}
            }
        }
    }

    private static String source(Path source, Path target) {
        return source.equals(target) ? " of the host" : " from " + source;
    }

    private static boolean isGpu(String what) {
        return what.startsWith("gpu");
    }

    /** By whose wish it is mounted: a setting of berth.yaml, or the user's. */
    private static String reason(String what) {
        return switch (what) {
            case "dev", "shm", "console", "mqueue" -> Setting.MOUNT_DEV.key();
            case "devpts" -> Setting.MOUNT_DEVPTS.key();
            case "proc" -> Setting.MOUNT_PROC.key();
            case "sys" -> Setting.MOUNT_SYS.key();
            case "tmp" -> Setting.MOUNT_TMP.key();
            case "home" -> Setting.MOUNT_HOME.key() + ", or an option";
            case "bind path", "hosts" -> Setting.BIND_PATH.key();
            case "resolv.conf" -> Setting.CONFIG_RESOLV_CONF.key();
            case "cwd" -> "the working directory, not visible otherwise";
            case "scratch", "hostname" -> "asked for";
            case "user bind" -> "asked for, by an option, a variable, or Slurm";
            default -> what;
        };
    }

    private void leftOut() {
        if (!request.mounts().noMount().isEmpty()) {
            say(
                    "left out, as asked for: %s",
                    request.mounts().noMount().stream().sorted().collect(Collectors.joining(", ")));
        }
        if (request.contained()) {
            say("left out by --contain: the host's home, tmp, working directory and %s", Setting.BIND_PATH.key());
        }
    }

    private void gpus() {
        var asked = request.gpus();
        if (asked.nvidia() == Wish.NO && asked.amd() == Wish.NO && asked.intel() == Wish.NO) {
            say("gpus: not asked for: no --nv, no --rocm, and Slurm gave this step none");
            return;
        }
        GpuPlan chosen = GpuBinds.plan(request, host, site, new ArrayList<>());
        maker("NVIDIA", asked.nvidia(), host.gpus().nvidia(), chosen);
        maker("AMD", asked.amd(), host.gpus().amd(), chosen);
        maker("Intel", asked.intel(), host.gpus().intel(), chosen);
        if (!chosen.libraries().isEmpty()) {
            say(
                    "  %d libraries of the host at %s: %s",
                    chosen.libraries().size(),
                    GpuBinds.LIBRARIES,
                    chosen.libraries().stream().map(HostLibrary::name).collect(Collectors.joining(" ")));
        }
        for (HostFile file : chosen.files()) {
            say("  %s%s", file.target(), source(file.source(), file.target()));
        }
        masks(chosen);
    }

    private void maker(String name, Wish wish, DriverFacts driver, GpuPlan chosen) {
        if (wish == Wish.NO) {
            return;
        }
        if (driver.equals(DriverFacts.NONE)) {
            say("gpus of %s: none here", name);
            return;
        }
        say(
                "gpus of %s: %d here, %s",
                name,
                driver.gpus().size(),
                driver.version()
                        .map(version -> "the kernel's driver is " + version)
                        .orElse("the kernel does not say which driver"));
        for (Gpu gpu : driver.gpus()) {
            say(
                    "  %s%s%s: %s",
                    gpu.node(),
                    gpu.bus().map(bus -> " at PCI " + bus).orElse(""),
                    gpu.uuid().map(uuid -> " " + uuid).orElse(""),
                    decision(gpu, chosen));
        }
    }

    private String decision(Gpu gpu, GpuPlan chosen) {
        boolean wholeDev = plan.ops().stream()
                .anyMatch(op -> op instanceof Op.Bind bind && bind.target().equals(DEV));
        if (!wholeDev && !chosen.devices().contains(gpu.node())) {
            return gpu.granted() ? "left out, not among those asked for" : "left out, the device cgroup forbids it";
        }
        if (request.gpus().audience() == Audience.STEP) {
            return gpu.granted()
                    ? "visible; each task's device cgroup decides"
                    : "visible; forbidden to the first task";
        }
        return gpu.granted() ? "visible and allowed" : "visible, but the device cgroup forbids it";
    }

    private void masks(GpuPlan chosen) {
        if (request.gpus().audience() == Audience.STEP) {
            say("  %s: each task's own, as Slurm sets them", String.join(", ", chosen.masks()));
            return;
        }
        for (String mask : chosen.masks()) {
            String value = host.facts().environment().get(mask);
            if (value != null) {
                say(
                        "  %s=%s%s",
                        mask,
                        chosen.environment().getOrDefault(mask, value),
                        chosen.environment().containsKey(mask)
                                ? ", was %s before GPUs were left out".formatted(value)
                                : "");
            }
        }
    }

    private void environment() {
        LaunchRequest.Environment environment = request.environment();
        say(
                "environment: %s, over it the image's%s",
                environment.clean() ? "nothing of the caller's but what programs need" : "the caller's",
                environment.entrypoint() ? " and what its entrypoint exports" : "");
        names("set", environment.injected().keySet());
        names("kept against the image's values", environment.kept().keySet());
        names("left out", environment.dropped());
    }

    /** Names alone: a value may be a secret. */
    private void names(String what, Set<String> names) {
        if (!names.isEmpty()) {
            say("  %s: %s", what, names.stream().sorted().collect(Collectors.joining(", ")));
        }
    }

    private void directory() {
        plan.ops().stream()
                .filter(Op.WorkingDirectory.class::isInstance)
                .map(Op.WorkingDirectory.class::cast)
                .forEach(op -> say(
                        "working directory: %s",
                        op.candidates().stream().map(Path::toString).collect(Collectors.joining(", else "))));
    }
}
