package org.berth.config;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;
import org.berth.error.HostException;
import org.berth.error.UsageException;
import org.berth.host.Host;
import org.berth.oci.ImageLimits;
import org.berth.yaml.YamlTree;

/**
 * Reads the site's settings: {@code etc/berth/berth.yaml} of the installation, or the file of {@code --config}.
 *
 * <p>A file with lines {@code directive = value} is taken for an apptainer.conf; directives that mean nothing here are passed
 * over there. What is not known at all is an error in both: a rule under a name with a typing mistake would forbid nothing. The
 * YAML reader is loaded only for a file with settings in it.
 */
public final class SiteConfigReader {
    private static final int MAX_BYTES = 1 << 20;
    private static final int OTHERS_WRITE = 022;

    /** What an apptainer.conf of any version has besides, and means nothing here. */
    private static final Set<String> OTHER_DIRECTIVES = Set.of(
            "allow setuid",
            "max loop devices",
            "enable fusemount",
            "mount slave",
            "allow setuid-mount encrypted",
            "allow setuid-mount squashfs",
            "allow setuid-mount extfs",
            "sync writable extfs",
            "allow net users",
            "allow net groups",
            "allow net networks",
            "allow netns paths",
            "use nvidia-container-cli",
            "root default capabilities",
            "memory fs type",
            "cni configuration path",
            "cni plugin path",
            "binary path",
            "mksquashfs procs",
            "mksquashfs mem",
            "mksquashfs path",
            "unsquashfs path",
            "cryptsetup path",
            "go path",
            "ldconfig path",
            "nvidia-container-cli path",
            "fuse-overlayfs path",
            "fuse2fs path",
            "gocryptfs path",
            "shared loop devices",
            "image driver",
            "download concurrency",
            "download part size",
            "download buffer size",
            "systemd cgroups",
            "apptheus communication socket path",
            "allow monitoring",
            "autofs bug path",
            "default capabilities",
            "sif fuse",
            "tmp sandbox",
            "oci mode");

    private SiteConfigReader() {}

    /**
     * The settings that count: the site's, or those of the named file, which may forbid more than the site does and allow
     * nothing that it forbids. The administrator's file takes the place of the site's.
     *
     * @throws HostException if a file that was named is not there, one cannot be read, or a value is wrong
     */
    public static SiteConfig read(Host host, Optional<String> named) {
        Path siteFile = host.facts().prefix().resolve("etc/berth/berth.yaml");
        Optional<Path> own = named.map(host::path).filter(path -> !path.equals(siteFile));
        Optional<SiteConfig> owned = own.map(path -> read(host, path)
                .orElseThrow(
                        () -> new HostException("configuration file %s: no such file or directory".formatted(path))));
        if (owned.isPresent() && host.administrator()) {
            return owned.orElseThrow();
        }
        SiteConfig site = read(host, siteFile).orElse(SiteConfig.DEFAULTS);
        return owned.map(config -> OwnSettings.under(site, config)).orElse(site);
    }

    private static Optional<SiteConfig> read(Host host, Path path) {
        return host.readWhole(path, MAX_BYTES)
                .map(bytes -> parse(new String(bytes, StandardCharsets.UTF_8), host, path));
    }

    private static SiteConfig parse(String text, Host host, Path path) {
        List<String> lines = text.lines().map(SiteConfigReader::significant).toList();
        if (lines.stream().allMatch(String::isEmpty)) {
            return SiteConfig.DEFAULTS;
        }
        boolean directives = lines.stream().allMatch(line -> line.isEmpty() || line.matches("[A-Za-z0-9_ -]+=.*"));
        return config(directives ? directives(lines, path) : yaml(text, path), host, path);
    }

    /** A line, or nothing if it says nothing. */
    private static String significant(String line) {
        String text = line.strip();
        return text.startsWith("#") || text.equals("---") ? "" : text;
    }

    /** A value, and the line of its name. */
    private record Given(YamlTree value, int line) {}

    private static Map<Setting, Given> directives(List<String> lines, Path path) {
        Map<Setting, Given> values = new EnumMap<>(Setting.class);
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            if (!line.isEmpty()) {
                int equals = line.indexOf('=');
                String name = line.substring(0, equals).strip();
                YamlTree text = new YamlTree.Text(line.substring(equals + 1).strip());
                Optional<Setting> setting =
                        Setting.of(name).filter(known -> known.directive().equals(name));
                if (setting.isEmpty() && !OTHER_DIRECTIVES.contains(name)) {
                    throw new HostException("configuration file %s, line %d: unknown directive '%s'"
                            .formatted(path, i + 1, name.replaceAll("\\p{Cntrl}", "?")));
                }
                if (setting.isPresent()) {
                    put(values, setting.orElseThrow(), text, i + 1, path);
                }
            }
        }
        return values;
    }

    /** Lines of a list go together; what has one value has one line. */
    private static void put(Map<Setting, Given> values, Setting setting, YamlTree text, int line, Path path) {
        Given before = values.get(setting);
        if (setting.form() != Setting.Form.LIST) {
            if (before != null) {
                throw new HostException("configuration file %s, line %d: %s is there twice, in line %d too"
                        .formatted(path, line, setting.directive(), before.line()));
            }
            values.put(setting, new Given(text, line));
            return;
        }
        List<YamlTree> items = new ArrayList<>();
        if (before != null && before.value() instanceof YamlTree.Items(List<YamlTree> others)) {
            items.addAll(others);
        }
        items.add(text);
        values.put(setting, new Given(new YamlTree.Items(items), line));
    }

    private static Map<Setting, Given> yaml(String text, Path path) {
        String name = "configuration file " + path;
        if (!(YamlTree.parse(name, text).orElse(new YamlTree.Text("")) instanceof YamlTree.Table document)) {
            throw new HostException("%s: it holds no settings (name: value)".formatted(name));
        }
        Map<Setting, Given> values = new EnumMap<>(Setting.class);
        document.fields().forEach((key, value) -> {
            int line = document.line(key);
            Setting setting = Setting.of(key)
                    .orElseThrow(
                            () -> new HostException("%s, line %d: unknown setting '%s'".formatted(name, line, key)));
            Given before = values.put(setting, new Given(value, line));
            if (before != null) {
                throw new HostException("%s, line %d: %s is there twice, in line %d too"
                        .formatted(name, line, setting.key(), before.line()));
            }
        });
        return values;
    }

    private static SiteConfig config(Map<Setting, Given> values, Host host, Path path) {
        SiteConfig d = SiteConfig.DEFAULTS;
        Values v = new Values(values, path);
        List<SiteConfig.SiteBind> binds = values.containsKey(Setting.BIND_PATH)
                ? v.texts(Setting.BIND_PATH).stream().map(v::bind).toList()
                : d.binds();
        ContainerLimits limits = v.containerLimits();
        Given control = values.getOrDefault(Setting.EXECUTION_CONTROL, new Given(new YamlTree.Text("no"), 1));
        ExecutionControl signatures = ExecutionControlReader.read(control.value(), control.line(), host, path);
        SiteConfig config = new SiteConfig(
                binds,
                v.yes(Setting.MOUNT_PROC, d.mountProc()),
                v.yes(Setting.MOUNT_SYS, d.mountSys()),
                v.devices(d.mountDev()),
                v.yes(Setting.MOUNT_DEVPTS, d.mountDevpts()),
                v.yes(Setting.MOUNT_HOME, d.mountHome()),
                v.yes(Setting.MOUNT_TMP, d.mountTmp()),
                v.yes(Setting.MOUNT_HOSTFS, d.mountHostfs()),
                v.yes(Setting.CONFIG_PASSWD, d.configPasswd()),
                v.yes(Setting.CONFIG_GROUP, d.configGroup()),
                v.yes(Setting.CONFIG_RESOLV_CONF, d.configResolvConf()),
                v.yes(Setting.USER_BIND_CONTROL, d.userBinds()),
                v.number(Setting.SESSIONDIR_MAX_SIZE, d.sessionMib(), "a number of MiB"),
                new NamespaceSettings(
                        v.yes(Setting.ALLOW_PID_NS, d.namespaces().pid()),
                        v.yes(Setting.ALLOW_IPC_NS, d.namespaces().ipc()),
                        v.yes(Setting.ALLOW_UTS_NS, d.namespaces().uts()),
                        v.yes(Setting.ALLOW_USER_NS, d.namespaces().user())),
                new LayerSettings(
                        v.enabled(Setting.ENABLE_OVERLAY, d.layers().overlay(), "try", "driver"),
                        v.enabled(Setting.ENABLE_UNDERLAY, d.layers().underlay(), "preferred")),
                v.tmpfsMib(d.tmpfsMib()),
                v.last(Setting.SQUASHFUSE_PATH)
                        .filter(text -> !text.isEmpty())
                        .map(text -> v.path(Setting.SQUASHFUSE_PATH, text)),
                v.last(Setting.COMPRESSION).orElse(d.compression()),
                v.absolute(Setting.CONTAINER_PATH, d.containers()),
                new GpuSettings(
                        v.auto(Setting.GPU, d.gpus().inSteps()),
                        v.order(d.gpus().order()),
                        v.absolute(Setting.DRIVER_ROOT, d.gpus().driverRoot()),
                        v.yes(Setting.ALWAYS_USE_NV, d.gpus().alwaysNvidia()),
                        v.yes(Setting.ALWAYS_USE_ROCM, d.gpus().alwaysAmd())),
                v.imageLimits(d.imageLimits()),
                places(v, d.places(), host),
                v.fallback(d.fallback()),
                limits.restricts() ? List.of(limits) : List.of(),
                signatures.active() ? List.of(signatures) : List.of(),
                List.of(),
                v.last(Setting.LIBRARY).filter(text -> !text.isEmpty()).map(v::library));
        return config.with(OwnSettings.restrictions(config, path));
    }

    private static PlaceSettings places(Values v, PlaceSettings d, Host host) {
        return new PlaceSettings(
                v.list(Setting.CACHE_PATH, d.caches()),
                v.list(Setting.TMP_PATH, d.temporaries()),
                v.amount(Setting.CACHE_MAX_BYTES, d.cacheMaxBytes()),
                v.amount(Setting.CACHE_MAX_FILES, d.cacheMaxFiles()),
                v.staging(d.staging()),
                v.list(Setting.STAGE_PATH, d.stagePaths()),
                v.number(Setting.STAGE_NODES, d.stageNodes(), "a number of nodes"),
                v.amount(Setting.STAGE_SIZE, d.stageBytes()),
                trusted(v, host));
    }

    /** Whom to trust only root says for others: whoever may write to the file could name himself. */
    private static PlaceSettings.Trusted trusted(Values v, Host host) {
        PlaceSettings.Trusted trusted =
                new PlaceSettings.Trusted(v.names(Setting.TRUSTED_OWNERS), v.names(Setting.TRUSTED_GROUPS));
        boolean ofRoot = host.stat(v.path())
                .filter(file -> file.uid() == 0 && (file.mode() & OTHERS_WRITE) == 0)
                .isPresent();
        if (!trusted.equals(PlaceSettings.Trusted.NOBODY) && !ofRoot) {
            throw new HostException(
                    "configuration file %s: trusted-owners and trusted-groups count only in a file that is root's, and that"
                                    .formatted(v.path())
                            + " nobody else may write to");
        }
        return trusted;
    }

    private record Values(Map<Setting, Given> values, Path path) {
        Optional<String> last(Setting setting) {
            List<String> given = texts(setting);
            return given.isEmpty() ? Optional.empty() : Optional.of(given.getLast());
        }

        List<String> texts(Setting setting) {
            Given given = values.get(setting);
            if (given == null) {
                return List.of();
            }
            return switch (given.value()) {
                case YamlTree.Text(String text) -> List.of(text);
                case YamlTree.Table _ -> throw wrong(setting, "a table", "a plain value");
                case YamlTree.Items(List<YamlTree> items) -> {
                    if (setting.form() != Setting.Form.LIST) {
                        throw wrong(setting, "a list", "one value");
                    }
                    yield items.stream()
                            .map(item -> switch (item) {
                                case YamlTree.Text(String text) -> text;
                                case YamlTree.Items _ -> throw wrong(setting, "a list in a list", "a plain value");
                                case YamlTree.Table _ -> throw wrong(setting, "a table", "a plain value");
                            })
                            .toList();
                }
            };
        }

        /** A list, or texts with commas; {@code NULL} is none, as in apptainer.conf. Nothing where a name should be is a mistake. */
        List<String> names(Setting setting) {
            List<String> names = texts(setting).stream()
                    .flatMap(text -> Stream.of(text.split(",", -1)))
                    .map(String::strip)
                    .toList();
            if (names.equals(List.of("NULL"))) {
                return List.of();
            }
            for (String name : names) {
                if (name.isEmpty() || name.equals("NULL")) {
                    throw wrong(setting, String.join(",", texts(setting)), "a list of names; [] or NULL is for any");
                }
            }
            return names;
        }

        ContainerLimits containerLimits() {
            return new ContainerLimits(
                    yes(Setting.ALLOW_CONTAINER_SIF, true),
                    yes(Setting.ALLOW_CONTAINER_ENCRYPTED, true),
                    yes(Setting.ALLOW_CONTAINER_SQUASHFS, true),
                    yes(Setting.ALLOW_CONTAINER_EXTFS, true),
                    yes(Setting.ALLOW_CONTAINER_DIR, true),
                    names(Setting.LIMIT_CONTAINER_OWNERS),
                    names(Setting.LIMIT_CONTAINER_GROUPS),
                    names(Setting.LIMIT_CONTAINER_PATHS).stream()
                            .map(text -> absolute(Setting.LIMIT_CONTAINER_PATHS, text))
                            .toList(),
                    path);
        }

        boolean yes(Setting setting, boolean otherwise) {
            return last(setting)
                    .map(text -> switch (text.toLowerCase(Locale.ROOT)) {
                        case "yes", "true", "on" -> true;
                        case "no", "false", "off" -> false;
                        default -> throw wrong(setting, text, "yes or no");
                    })
                    .orElse(otherwise);
        }

        /** @param kinds words for a yes of some kind, which are all the same here */
        boolean enabled(Setting setting, boolean otherwise, String... kinds) {
            List<String> words = List.of(kinds);
            return last(setting)
                    .map(text -> switch (text.toLowerCase(Locale.ROOT)) {
                        case "yes", "true", "on" -> true;
                        case "no", "false", "off" -> false;
                        case String word when words.contains(word) -> true;
                        default -> throw wrong(setting, text, "yes, no or " + String.join(" or ", words));
                    })
                    .orElse(otherwise);
        }

        List<String> list(Setting setting, List<String> otherwise) {
            return values.containsKey(setting)
                    ? texts(setting).stream().filter(text -> !text.isEmpty()).toList()
                    : otherwise;
        }

        /** A number with K, M, G or T; {@code none} for no limit. */
        OptionalLong amount(Setting setting, OptionalLong otherwise) {
            Optional<String> text = last(setting);
            if (text.isEmpty()) {
                return otherwise;
            }
            if (text.get().equals("none")) {
                return OptionalLong.empty();
            }
            return OptionalLong.of(ByteAmount.parse(text.get())
                    .orElseThrow(() -> wrong(setting, text.get(), "a number, such as 500000 or 20G, or none")));
        }

        PlaceSettings.Staging staging(PlaceSettings.Staging otherwise) {
            return last(Setting.STAGE)
                    .map(text -> switch (text) {
                        case "auto" -> PlaceSettings.Staging.AUTO;
                        case "always" -> PlaceSettings.Staging.ALWAYS;
                        case "no", "false", "never" -> PlaceSettings.Staging.NEVER;
                        default -> throw wrong(Setting.STAGE, text, "auto, always or no");
                    })
                    .orElse(otherwise);
        }

        SiteConfig.Fallback fallback(SiteConfig.Fallback otherwise) {
            return last(Setting.REGISTRY_FALLBACK)
                    .map(text -> switch (text.toLowerCase(Locale.ROOT)) {
                        case "jobs" -> SiteConfig.Fallback.JOBS;
                        case "yes", "true", "on" -> SiteConfig.Fallback.YES;
                        case "no", "false", "off" -> SiteConfig.Fallback.NO;
                        default -> throw wrong(Setting.REGISTRY_FALLBACK, text, "jobs, yes or no");
                    })
                    .orElse(otherwise);
        }

        OptionalInt tmpfsMib(OptionalInt otherwise) {
            return last(Setting.TMPFS_MAX_SIZE)
                    .map(text -> text.equals("half")
                            ? OptionalInt.empty()
                            : OptionalInt.of(number(Setting.TMPFS_MAX_SIZE, 0, "a number of MiB, or half")))
                    .orElse(otherwise);
        }

        int number(Setting setting, int otherwise, String wanted) {
            return last(setting)
                    .map(text -> {
                        if (!text.matches("[0-9]{1,7}")) {
                            throw wrong(setting, text, wanted);
                        }
                        return Integer.parseInt(text);
                    })
                    .orElse(otherwise);
        }

        ImageLimits imageLimits(ImageLimits d) {
            return new ImageLimits(
                    count(Setting.IMAGE_MAX_ENTRIES, d.entries()),
                    count(Setting.IMAGE_MAX_SIZE, d.bytes()),
                    count(Setting.IMAGE_MAX_DEPTH, d.depth()),
                    count(Setting.IMAGE_MAX_PATH, d.pathBytes()),
                    count(Setting.IMAGE_MAX_HEADER, d.headerBytes()),
                    count(Setting.IMAGE_MAX_XATTRS, d.xattrBytes()),
                    count(Setting.IMAGE_MAX_RATIO, d.ratio()),
                    count(Setting.IMAGE_RATIO_ABOVE, d.ratioAbove()));
        }

        private long count(Setting setting, long otherwise) {
            return last(setting)
                    .map(text -> ByteAmount.parse(text)
                            .orElseThrow(() -> wrong(setting, text, "a number, with K, M, G or T if you like")))
                    .orElse(otherwise);
        }

        SiteConfig.DeviceMode devices(SiteConfig.DeviceMode otherwise) {
            return last(Setting.MOUNT_DEV)
                    .map(text -> switch (text) {
                        case "yes", "true" -> SiteConfig.DeviceMode.YES;
                        case "no", "false" -> SiteConfig.DeviceMode.NO;
                        case "minimal" -> SiteConfig.DeviceMode.MINIMAL;
                        default -> throw wrong(Setting.MOUNT_DEV, text, "yes, no or minimal");
                    })
                    .orElse(otherwise);
        }

        boolean auto(Setting setting, boolean otherwise) {
            return last(setting)
                    .map(text -> switch (text) {
                        case "auto" -> true;
                        case "no", "false" -> false;
                        default -> throw wrong(setting, text, "auto or no");
                    })
                    .orElse(otherwise);
        }

        GpuSettings.Order order(GpuSettings.Order otherwise) {
            return last(Setting.GPU_ORDER)
                    .map(text -> switch (text) {
                        case "pci" -> GpuSettings.Order.PCI;
                        case "minor" -> GpuSettings.Order.MINOR;
                        default -> throw wrong(Setting.GPU_ORDER, text, "pci or minor");
                    })
                    .orElse(otherwise);
        }

        Path absolute(Setting setting, Path otherwise) {
            return last(setting).map(text -> absolute(setting, text)).orElse(otherwise);
        }

        Path absolute(Setting setting, String text) {
            if (!text.startsWith("/")) {
                throw wrong(setting, text, "an absolute path");
            }
            return path(setting, text).normalize();
        }

        Path path(Setting setting, String text) {
            try {
                return Path.of(text);
            } catch (InvalidPathException e) {
                throw wrong(setting, text.replaceAll("\\p{Cntrl}", "?"), "a path (%s)".formatted(e.getReason()));
            }
        }

        URI library(String text) {
            try {
                return LibraryAddress.of(text);
            } catch (UsageException e) {
                throw new HostException(
                        "configuration file %s, line %d: library: %s"
                                .formatted(path, line(Setting.LIBRARY), e.getMessage()),
                        e);
            }
        }

        SiteConfig.SiteBind bind(String text) {
            int colon = text.indexOf(':');
            String source = colon < 0 ? text : text.substring(0, colon);
            String target = colon < 0 ? text : text.substring(colon + 1);
            if (!source.startsWith("/") || !target.startsWith("/")) {
                throw wrong(Setting.BIND_PATH, text, "absolute paths");
            }
            return new SiteConfig.SiteBind(path(Setting.BIND_PATH, source), path(Setting.BIND_PATH, target));
        }

        private HostException wrong(Setting setting, String text, String wanted) {
            return new HostException("configuration file %s, line %d: %s: '%s' is not %s"
                    .formatted(path, line(setting), setting.directive(), text.replaceAll("\\p{Cntrl}", "?"), wanted));
        }

        private int line(Setting setting) {
            return values.getOrDefault(setting, new Given(new YamlTree.Text(""), 1))
                    .line();
        }
    }
}
