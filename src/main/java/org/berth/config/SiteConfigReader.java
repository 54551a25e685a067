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
import java.util.OptionalLong;
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
 * over there, while an unknown key of a berth.yaml is an error. The YAML reader is loaded only for a file with settings in it.
 */
public final class SiteConfigReader {
    private static final int MAX_BYTES = 1 << 20;

    private SiteConfigReader() {}

    /** @throws HostException if a file that was named is not there, or a value is wrong */
    public static SiteConfig read(Host host, Optional<String> named) {
        Path path = named.map(host::path).orElse(host.facts().prefix().resolve("etc/berth/berth.yaml"));
        Optional<byte[]> bytes = host.read(path, MAX_BYTES);
        if (bytes.isEmpty()) {
            if (named.isPresent()) {
                throw new HostException("configuration file %s: no such file or directory".formatted(path));
            }
            return SiteConfig.DEFAULTS;
        }
        String text = new String(bytes.orElseThrow(), StandardCharsets.UTF_8);
        List<String> lines = text.lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty() && !line.startsWith("#") && !line.equals("---"))
                .toList();
        if (lines.isEmpty()) {
            return SiteConfig.DEFAULTS;
        }
        boolean directives = lines.stream().allMatch(line -> line.matches("[a-z_ -]+=.*"));
        Map<Setting, List<YamlTree>> values = directives ? directives(lines) : yaml(text, path);
        return config(values, host, path);
    }

    private static Map<Setting, List<YamlTree>> directives(List<String> lines) {
        Map<Setting, List<YamlTree>> values = new EnumMap<>(Setting.class);
        for (String line : lines) {
            int equals = line.indexOf('=');
            String value = line.substring(equals + 1).strip();
            Setting.of(line.substring(0, equals).strip())
                    .ifPresent(setting -> values.computeIfAbsent(setting, s -> new ArrayList<>())
                            .add(new YamlTree.Text(value)));
        }
        return values;
    }

    private static Map<Setting, List<YamlTree>> yaml(String text, Path path) {
        String name = "configuration file " + path;
        if (!(YamlTree.parse(name, text).orElse(new YamlTree.Text("")) instanceof YamlTree.Table document)) {
            throw new HostException("%s: it holds no settings (name: value)".formatted(name));
        }
        Map<Setting, List<YamlTree>> values = new EnumMap<>(Setting.class);
        document.fields().forEach((key, value) -> {
            Setting setting = Setting.of(key)
                    .orElseThrow(() -> new HostException("%s: unknown setting '%s'".formatted(name, key)));
            values.put(setting, value instanceof YamlTree.Items(List<YamlTree> items) ? items : List.of(value));
        });
        return values;
    }

    private static SiteConfig config(Map<Setting, List<YamlTree>> values, Host host, Path path) {
        SiteConfig d = SiteConfig.DEFAULTS;
        Values v = new Values(values, path);
        List<SiteConfig.SiteBind> binds = values.containsKey(Setting.BIND_PATH)
                ? v.texts(Setting.BIND_PATH).stream().map(v::bind).toList()
                : d.binds();
        return new SiteConfig(
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
                places(v, d.places()),
                new ContainerLimits(
                        v.yes(Setting.ALLOW_CONTAINER_SIF, d.containerLimits().sif()),
                        v.yes(
                                Setting.ALLOW_CONTAINER_ENCRYPTED,
                                d.containerLimits().encrypted()),
                        v.yes(
                                Setting.ALLOW_CONTAINER_SQUASHFS,
                                d.containerLimits().squashfs()),
                        v.yes(Setting.ALLOW_CONTAINER_EXTFS, d.containerLimits().extfs()),
                        v.yes(Setting.ALLOW_CONTAINER_DIR, d.containerLimits().directory()),
                        v.names(Setting.LIMIT_CONTAINER_OWNERS),
                        v.names(Setting.LIMIT_CONTAINER_GROUPS),
                        v.names(Setting.LIMIT_CONTAINER_PATHS).stream()
                                .map(text -> v.absolute(Setting.LIMIT_CONTAINER_PATHS, text))
                                .toList()),
                values.containsKey(Setting.EXECUTION_CONTROL)
                        ? ExecutionControlReader.read(
                                values.getOrDefault(Setting.EXECUTION_CONTROL, List.of()), host, path)
                        : d.executionControl(),
                v.last(Setting.LIBRARY).filter(text -> !text.isEmpty()).map(v::library));
    }

    private static PlaceSettings places(Values v, PlaceSettings d) {
        return new PlaceSettings(
                v.list(Setting.CACHE_PATH, d.caches()),
                v.list(Setting.TMP_PATH, d.temporaries()),
                v.amount(Setting.CACHE_MAX_BYTES, d.cacheMaxBytes()),
                v.amount(Setting.CACHE_MAX_FILES, d.cacheMaxFiles()),
                v.staging(d.staging()),
                v.list(Setting.STAGE_PATH, d.stagePaths()),
                v.number(Setting.STAGE_NODES, d.stageNodes(), "a number of nodes"),
                v.amount(Setting.STAGE_SIZE, d.stageBytes()));
    }

    private record Values(Map<Setting, List<YamlTree>> values, Path path) {
        Optional<String> last(Setting setting) {
            List<String> given = texts(setting);
            return given.isEmpty() ? Optional.empty() : Optional.of(given.getLast());
        }

        List<String> texts(Setting setting) {
            return values.getOrDefault(setting, List.of()).stream()
                    .map(value -> switch (value) {
                        case YamlTree.Text(String text) -> text;
                        case YamlTree.Items _, YamlTree.Table _ -> throw wrong(setting, "a table", "plain values");
                    })
                    .toList();
        }

        /** A list, or texts with commas; {@code NULL} is none, as in apptainer.conf. */
        List<String> names(Setting setting) {
            return texts(setting).stream()
                    .flatMap(text -> Stream.of(text.split(",")))
                    .map(String::strip)
                    .filter(name -> !name.isEmpty() && !name.equals("NULL"))
                    .toList();
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
                throw new HostException("configuration file %s: library: %s".formatted(path, e.getMessage()), e);
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
            return new HostException("configuration file %s: %s: '%s' is not %s"
                    .formatted(path, setting.directive(), text.replaceAll("\\p{Cntrl}", "?"), wanted));
        }
    }
}
