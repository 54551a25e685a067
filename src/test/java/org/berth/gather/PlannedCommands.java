package org.berth.gather;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.berth.cli.CommandLineParser;
import org.berth.cli.Invocation;
import org.berth.cli.OptionEnvironment;
import org.berth.config.SiteConfig;
import org.berth.devices.GpuFacts;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.berth.image.RootfsSource;
import org.berth.image.RunnableImage;
import org.berth.launch.Explanation;
import org.berth.launch.LaunchHost;
import org.berth.launch.LaunchPlan;
import org.berth.launch.LaunchPlanner;
import org.berth.launch.LaunchRequest;
import org.berth.launch.Lifetime;
import org.berth.launch.LookedAt;
import org.berth.launch.Note;
import org.berth.launch.Op;
import org.berth.launch.PathKind;
import org.berth.terminal.Messages;

/** Plans of command lines on a machine that is made up: no file of the real one is looked at. */
public final class PlannedCommands {
    private static final Set<Path> FILES = Set.of(
            Path.of("/etc/hosts"), Path.of("/etc/localtime"), Path.of("/etc/resolv.conf"), Path.of("/data/file"));
    private static final Path PREFIX = Path.of("/opt/berth");

    private PlannedCommands() {}

    public static LaunchPlan plan(List<String> words) {
        return plan(words, Map.of("PATH", "/usr/bin:/bin"), 1001, SiteConfig.DEFAULTS);
    }

    public static LaunchPlan plan(List<String> words, Map<String, String> environment, int uid, SiteConfig site) {
        return plan(words, environment, uid, site, GpuFacts.NONE);
    }

    public static LaunchPlan plan(
            List<String> words, Map<String, String> environment, int uid, SiteConfig site, GpuFacts gpus) {
        return planned(words, environment, uid, site, gpus, new Lifetime.Foreground())
                .plan();
    }

    /** What {@code --explain} prints, in a Slurm step for a {@link Lifetime.Held}. */
    public static List<String> explanation(
            List<String> words, Map<String, String> environment, SiteConfig site, GpuFacts gpus, Lifetime lifetime) {
        Planned planned = planned(words, environment, 1001, site, gpus, lifetime);
        return Explanation.of(planned.request(), planned.image(), planned.host(), site, planned.plan());
    }

    /** A plan and what it was made of. */
    private record Planned(LaunchRequest request, RunnableImage image, LaunchHost host, LaunchPlan plan) {}

    private static Planned planned(
            List<String> words,
            Map<String, String> environment,
            int uid,
            SiteConfig site,
            GpuFacts gpus,
            Lifetime lifetime) {
        Facts facts = facts(words, environment, uid);
        Host host = new Host(facts);
        List<Note> notes = new ArrayList<>();
        Invocation invocation = OptionEnvironment.apply(CommandLineParser.parse(facts.argv()), host, notes);
        String name = invocation.command().name();
        LaunchRequest request = LaunchRequests.of(
                LaunchRequest.Action.valueOf((name.equals("hold") ? "exec" : name).toUpperCase(Locale.ROOT)),
                lifetime,
                invocation,
                host,
                site,
                Messages.NORMAL,
                notes);
        RunnableImage image = image(invocation.operands().getFirst());
        LaunchHost seen = launchHost(facts, gpus, request, site);
        LaunchPlan plan = LaunchPlanner.plan(request, image, seen, site);
        notes.addAll(plan.notes());
        return new Planned(request, image, seen, new LaunchPlan(plan.ops(), notes));
    }

    /** What a Slurm step's holder plans, in a kept container if there is a layer. */
    public static LaunchPlan held(List<String> words, Optional<LaunchRequest.Layer> layer) {
        Held held = held(words);
        LaunchRequest request = layer.map(held.request()::over).orElse(held.request());
        return LaunchPlanner.plan(
                request,
                image(held.image()),
                launchHost(held.facts(), GpuFacts.NONE, request, SiteConfig.DEFAULTS),
                SiteConfig.DEFAULTS);
    }

    /** What a Slurm step's holder plans that joins another. */
    public static LaunchPlan joined(List<String> words, Op.Join join) {
        Held held = held(words);
        return LaunchPlanner.join(
                held.request(),
                image(held.image()),
                launchHost(held.facts(), GpuFacts.NONE, held.request(), SiteConfig.DEFAULTS),
                SiteConfig.DEFAULTS,
                join);
    }

    private record Held(LaunchRequest request, String image, Facts facts) {}

    private static Held held(List<String> words) {
        Facts facts = facts(words, Map.of("PATH", "/usr/bin:/bin"), 1001);
        Invocation invocation = CommandLineParser.parse(facts.argv());
        LaunchRequest request = LaunchRequests.of(
                LaunchRequest.Action.EXEC,
                new Lifetime.Held(3, 4),
                invocation,
                new Host(facts),
                SiteConfig.DEFAULTS,
                Messages.NORMAL,
                new ArrayList<>());
        return new Held(request, invocation.operands().getFirst(), facts);
    }

    public static Facts facts(List<String> words, Map<String, String> environment, int uid) {
        return facts(words, environment, uid, PREFIX);
    }

    /** @param prefix of an installation with settings of its own */
    public static Facts facts(List<String> words, Map<String, String> environment, int uid, Path prefix) {
        List<String> argv = new ArrayList<>(List.of("berth"));
        argv.addAll(words);
        return new Facts(
                argv,
                environment,
                uid,
                uid,
                List.of(uid, 2000, 2001),
                new Facts.Account(
                        uid == 0 ? "root" : "alice", "Alice", uid == 0 ? "/root" : "/home/alice", "/bin/bash"),
                Map.of(uid, uid == 0 ? "root" : "alice", 2000, "project"),
                Path.of("/data/run"),
                true,
                022,
                false,
                false,
                prefix,
                "node1",
                "x86_64");
    }

    private static LaunchHost launchHost(Facts facts, GpuFacts gpus, LaunchRequest request, SiteConfig site) {
        return new LaunchHost(
                facts,
                facts.cwd(),
                Optional.empty(),
                LookedAt.paths(request, site, facts.cwd()).stream()
                        .collect(Collectors.toMap(Function.identity(), PlannedCommands::kind)),
                PREFIX.resolve("libexec/berth/sh"),
                PREFIX.resolve("libexec/berth/session"),
                gpus);
    }

    private static PathKind kind(Path path) {
        if (path.startsWith("/missing")) {
            return PathKind.ABSENT;
        }
        return FILES.contains(path) ? PathKind.FILE : PathKind.DIRECTORY;
    }

    private static RunnableImage image(String path) {
        Path file = Path.of(path);
        return new RunnableImage(
                path.endsWith(".sif")
                        ? new RootfsSource.Squashfs(file, 36864, 1 << 20, Path.of("/usr/bin/squashfuse_ll"))
                        : new RootfsSource.Directory(file),
                path,
                String.valueOf(file.getFileName()));
    }
}
