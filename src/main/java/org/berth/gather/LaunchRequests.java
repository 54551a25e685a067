package org.berth.gather;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.berth.cli.Invocation;
import org.berth.config.NamespaceSettings;
import org.berth.config.Setting;
import org.berth.config.SiteConfig;
import org.berth.devices.GpuRequest.Audience;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.host.ByteSize;
import org.berth.host.Host;
import org.berth.launch.LaunchRequest;
import org.berth.launch.LaunchRequest.Action;
import org.berth.launch.LaunchRequest.AskedBy;
import org.berth.launch.LaunchRequest.BindRequest;
import org.berth.launch.LaunchRequest.Contain;
import org.berth.launch.LaunchRequest.Environment;
import org.berth.launch.LaunchRequest.Home;
import org.berth.launch.LaunchRequest.Identity;
import org.berth.launch.LaunchRequest.Namespaces;
import org.berth.launch.LaunchRequest.Nesting;
import org.berth.launch.LaunchRequest.Root;
import org.berth.launch.LaunchRequest.Scratch;
import org.berth.launch.Lifetime;
import org.berth.launch.Note;

/** From a command line to the request of a launch: combined options are taken apart, texts become types. */
public final class LaunchRequests {
    private static final Set<String> MOUNT_NAMES =
            Set.of("proc", "sys", "dev", "devpts", "home", "tmp", "hostfs", "cwd", "bind-paths");

    /** What may not be injected; the others of Apptainer's reserved names are variables of a shell. */
    private static final Set<String> RESERVED = Set.of("HOME");

    private static final Set<String> SHELL_VARIABLES =
            Set.of("EUID", "GID", "HOME", "IFS", "OPTIND", "PWD", "UID", "_", "SHLVL", "OLDPWD");

    private static final Path ROOTS_HOME = Path.of("/root");

    private final Invocation invocation;
    private final Host host;
    private final SiteConfig site;
    private final List<Note> notes;

    private LaunchRequests(Invocation invocation, Host host, SiteConfig site, List<Note> notes) {
        this.invocation = invocation;
        this.host = host;
        this.site = site;
        this.notes = notes;
    }

    /** @throws UsageException or HostException for an option that is wrong or not available yet */
    public static LaunchRequest of(
            Action action,
            Lifetime lifetime,
            Invocation invocation,
            Host host,
            SiteConfig site,
            int level,
            List<Note> notes) {
        return new LaunchRequests(invocation, host, site, notes).request(action, lifetime, level);
    }

    private LaunchRequest request(Action action, Lifetime lifetime, int level) {
        boolean compat = invocation.flag("compat");
        boolean containAll = invocation.flag("containall") || compat;
        boolean contain = invocation.flag("contain") || containAll;
        Set<Namespaces> namespaces = namespaces(containAll);
        int operands = action == Action.SHELL ? 1 : invocation.operands().size();
        if (action == Action.SHELL && invocation.operands().size() > 1) {
            notes.add(Note.warning("Parameters to shell command are ignored"));
        }
        MountText mounts = MountText.parse(invocation.shared().values("mounts"), host);
        return new LaunchRequest(
                action,
                lifetime,
                new LaunchRequest.Process(
                        operands > 1 ? invocation.operandsAt() + 1 : 0,
                        invocation.value("cwd").map(host::path),
                        invocation.value("app"),
                        invocation.shared().value("shell"),
                        !invocation.flag("no-init") && !compat,
                        !invocation.flag("no-umask") && !compat),
                new LaunchRequest.Mounts(
                        contain ? Contain.YES : Contain.NO,
                        home(contain),
                        binds(mounts),
                        Stream.concat(invocation.values("scratch").stream().map(this::scratch), mounts.tmpfs().stream())
                                .toList(),
                        invocation.value("workdir").map(host::path),
                        noMount(mounts),
                        invocation.values("dns")),
                new LaunchRequest.Writes(root(compat), memoryMib(), Optional.empty()),
                new LaunchRequest.Isolation(
                        namespaces,
                        namespaces.contains(Namespaces.UTS) ? invocation.value("hostname") : Optional.empty(),
                        invocation.shared().flag("remap-root") ? Identity.ROOT : Identity.OWN),
                environment(compat, containAll),
                Gpus.request(
                        invocation, host, site, lifetime instanceof Lifetime.Held ? Audience.STEP : Audience.CALLER),
                level);
    }

    private Set<Namespaces> namespaces(boolean containAll) {
        Set<Namespaces> namespaces = EnumSet.noneOf(Namespaces.class);
        if ((invocation.flag("pid") || containAll) && !invocation.flag("no-pid")) {
            namespaces.add(Namespaces.PID);
        }
        if (invocation.flag("ipc") || containAll) {
            namespaces.add(Namespaces.IPC);
        }
        if (invocation.flag("uts") || invocation.given("hostname")) {
            namespaces.add(Namespaces.UTS);
        }
        List<String> networks = invocation.values("network");
        for (String network : networks) {
            if (!network.equals("none")) {
                throw new HostException("--network %s is not available: only --network none is".formatted(network))
                        .hint("without --net the container shares the host's network");
            }
        }
        if (invocation.flag("net") && networks.isEmpty()) {
            notes.add(Note.warning("--net without --network: the container has a loopback interface only"));
        }
        if (!invocation.flag("net") && !networks.isEmpty()) {
            notes.add(Note.info("Setting --net (required by --network)"));
        }
        if (invocation.flag("net") || !networks.isEmpty()) {
            namespaces.add(Namespaces.NET);
        }
        invocation.shared().values("unshare").forEach(name -> unshared(name).ifPresent(namespaces::add));
        withoutForbidden(namespaces);
        return namespaces;
    }

    /** As Apptainer does, one that the site forbids is the host's; that it was asked for by name is told. */
    private void withoutForbidden(Set<Namespaces> namespaces) {
        NamespaceSettings allowed = site.namespaces();
        if (!allowed.user() && !host.facts().root()) {
            throw new HostException(
                    "user namespaces are forbidden here (%s), and an ordinary user's containers need one"
                            .formatted(Setting.ALLOW_USER_NS.key()));
        }
        if (!allowed.pid() && namespaces.remove(Namespaces.PID) && invocation.flag("pid")) {
            forbidden("--pid", Setting.ALLOW_PID_NS);
        }
        if (!allowed.ipc() && namespaces.remove(Namespaces.IPC) && invocation.flag("ipc")) {
            forbidden("--ipc", Setting.ALLOW_IPC_NS);
        }
        if (!allowed.uts() && namespaces.remove(Namespaces.UTS)) {
            forbidden(invocation.given("hostname") ? "--hostname" : "--uts", Setting.ALLOW_UTS_NS);
        }
    }

    private void forbidden(String option, Setting setting) {
        notes.add(Note.warning("%s has no effect: this site forbids it (%s)".formatted(option, setting.key())));
    }

    /** A namespace of {@code --container-unshare}; those of users and mounts are a step's own always. */
    private static Optional<Namespaces> unshared(String name) {
        return switch (name) {
            case "ipc" -> Optional.of(Namespaces.IPC);
            case "net" -> Optional.of(Namespaces.NET);
            case "uts" -> Optional.of(Namespaces.UTS);
            case "pid" -> Optional.of(Namespaces.PID);
            case "user", "mount" -> Optional.empty();
            default ->
                throw new UsageException("--container-unshare: there is no namespace %s".formatted(name))
                        .hint("ipc, net and uts are; a comma joins them");
        };
    }

    private List<BindRequest> binds(MountText mounts) {
        List<BindRequest> binds = new ArrayList<>(BindText.binds(invocation.values("bind"), host));
        invocation.values("mount").forEach(text -> binds.add(BindText.mount(text, host)));
        binds.addAll(mounts.binds());
        for (String directory : invocation.shared().values("step-dir")) {
            Path path = host.path(directory);
            binds.add(new BindRequest(path, path, false, AskedBy.SLURM, Nesting.YES));
        }
        return binds;
    }

    private Home home(boolean contain) {
        Path own = ownHome();
        Optional<String> asked = invocation.value("home");
        if (asked.isPresent()) {
            String text = asked.orElseThrow();
            int colon = text.indexOf(':');
            Path source = host.path(colon < 0 ? text : text.substring(0, colon));
            Path target = colon < 0 ? source : host.path(text.substring(colon + 1));
            if (!invocation.flag("no-home") && !host.isDirectory(source)) {
                throw new HostException("--home %s: %s is not a directory".formatted(text, source));
            }
            return new Home(Optional.of(source), target, true);
        }
        boolean mounted = invocation.shared().flag("mount-home") || !contain && site.mountHome();
        return new Home(
                mounted ? Optional.of(own) : Optional.empty(),
                invocation.shared().flag("remap-root") ? ROOTS_HOME : own,
                false);
    }

    private Path ownHome() {
        String home = host.facts().account().home();
        if (!home.startsWith("/")) {
            home = host.env("HOME").filter(h -> h.startsWith("/")).orElse("/");
        }
        return host.path(home);
    }

    private Set<String> noMount(MountText mounts) {
        Set<String> names = new LinkedHashSet<>(mounts.umounts());
        for (String name : invocation.values("no-mount")) {
            if (MOUNT_NAMES.contains(name) || name.startsWith("/")) {
                names.add(name);
            } else {
                notes.add(Note.warning("Ignoring unknown mount type '%s'".formatted(name)));
            }
        }
        if (invocation.flag("no-home")) {
            names.add("home");
        }
        return names;
    }

    private Root root(boolean compat) {
        boolean tmpfs = invocation.flag("writable-tmpfs") || compat;
        if (invocation.flag("writable") && invocation.flag("writable-tmpfs")) {
            throw new HostException("--writable and --writable-tmpfs exclude each other")
                    .hint("--writable changes the sandbox, --writable-tmpfs forgets the changes");
        }
        return invocation.flag("writable") ? Root.WRITABLE : tmpfs ? Root.TMPFS : Root.READ_ONLY;
    }

    private OptionalInt memoryMib() {
        Optional<String> given = invocation.value("tmpfs-size");
        if (given.isEmpty()) {
            return OptionalInt.empty();
        }
        String text = given.orElseThrow();
        int mib = ByteSize.parseMib(text)
                .orElseThrow(() -> new UsageException("--tmpfs-size %s is no size".formatted(text))
                        .hint("a number with K, M, G or T, as in 512M or 4G; without one, of MiB"));
        site.tmpfsMib().ifPresent(limit -> {
            if (mib > limit) {
                throw new HostException("--tmpfs-size %s is more than this site allows: %d MiB (%s)"
                        .formatted(text, limit, Setting.TMPFS_MAX_SIZE.key()));
            }
        });
        return OptionalInt.of(mib);
    }

    private Scratch scratch(String text) {
        if (!text.startsWith("/")) {
            throw new HostException("--scratch %s: destination must be an absolute path".formatted(text));
        }
        return new Scratch(host.path(text));
    }

    private Environment environment(boolean compat, boolean containAll) {
        Map<String, String> injected = new TreeMap<>();
        host.envWithPrefix("SINGULARITYENV_").forEach((name, value) -> {
            String key = name.substring("SINGULARITYENV_".length());
            if (host.env("APPTAINERENV_" + key).isEmpty()
                    && host.env("BERTHENV_" + key).isEmpty()) {
                notes.add(Note.info("Environment variable SINGULARITYENV_%s is set, but APPTAINERENV_%s is preferred"
                        .formatted(key, key)));
            } else if (!host.env("APPTAINERENV_" + key).orElse(value).equals(value)) {
                notes.add(Note.warning("SINGULARITYENV_%s and APPTAINERENV_%s have different values, using the latter"
                        .formatted(key, key)));
            }
            inject(injected, key, value);
        });
        for (String prefix : List.of("APPTAINERENV_", "BERTHENV_")) {
            host.envWithPrefix(prefix)
                    .forEach((name, value) -> inject(injected, name.substring(prefix.length()), value));
        }
        Map<String, String> given = new HashMap<>();
        for (String entry : invocation.values("env")) {
            int equals = entry.indexOf('=');
            given.put(entry.substring(0, equals), entry.substring(equals + 1));
        }
        for (String file : invocation.values("env-file")) {
            fileVariables(file).forEach((name, value) -> {
                if (given.containsKey(name)) {
                    notes.add(
                            Note.warning("Ignored environment file variable %s: override from --env".formatted(name)));
                }
                injected.put(name, value);
            });
        }
        given.forEach((name, value) -> {
            if (!name.matches("[A-Za-z_][A-Za-z0-9_]*")) {
                throw new UsageException("--env %s=%s: %s is not the name of a variable".formatted(name, value, name));
            }
            inject(injected, name, value);
        });
        return new Environment(
                invocation.flag("cleanenv") || containAll,
                injected,
                new HashSet<>(invocation.values("no-env")),
                !invocation.flag("no-eval") && !compat,
                kept(),
                invocation.shared().flag("entrypoint"));
    }

    /** The caller's own values of {@code --container-env}. */
    private Map<String, String> kept() {
        Map<String, String> kept = new TreeMap<>();
        for (String name : invocation.shared().values("keep-env")) {
            host.env(name).ifPresent(value -> kept.put(name, value));
        }
        return kept;
    }

    private void inject(Map<String, String> injected, String name, String value) {
        if (RESERVED.contains(name)) {
            notes.add(Note.warning(
                    "Overriding %s environment variable with APPTAINERENV_%s is not permitted".formatted(name, name)));
            return;
        }
        injected.put(name, value);
    }

    /** What a shell file assigns, worked out by the shell that ships with Berth, in the caller's environment. */
    private Map<String, String> fileVariables(String file) {
        Path path = host.path(file);
        if (!host.isReadable(path) || host.isDirectory(path)) {
            throw new HostException("while processing %s: could not read environment file %s: %s"
                    .formatted(
                            file, path, host.exists(path) ? "it is not a readable file" : "no such file or directory"));
        }
        Map<String, String> before = new HashMap<>();
        List<String> operands = invocation.operands();
        Map<String, String> after = ShellVariables.of(
                host,
                path,
                operands.isEmpty() ? "" : operands.getFirst(),
                operands.isEmpty() ? List.of() : operands.subList(1, operands.size()),
                before);
        after.keySet().removeAll(SHELL_VARIABLES);
        after.entrySet().removeIf(e -> e.getValue().equals(before.get(e.getKey())));
        return after;
    }
}
