package org.berth.config;

import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.berth.oci.ImageLimits;

/**
 * The site's settings; conf/berth.yaml documents each.
 *
 * @param binds mounts in every container, {@code source[:target]}
 * @param compression of images that are converted here, {@code zstd} or {@code gzip}, perhaps with {@code :LEVEL}
 * @param containers where each user's kept containers are
 * @param fallback where what the cache has under a name is used when its registry is not to be reached for now
 * @param containerLimits all of them must take an image: the site's, and those of the caller's own file
 * @param executionControls all of them must take an image too; those that are active
 * @param restrictions what is not as open as it could be, and by which file
 * @param library where images of {@code library://} are
 * @param sessionMib size of the tmpfs behind {@code --writable-tmpfs}, {@code --contain} and {@code --scratch}
 * @param tmpfsMib what {@code --tmpfs-size} may ask for at most, and what a Slurm step has without asking; none: half of
 *     the machine's memory
 */
public record SiteConfig(
        List<SiteBind> binds,
        boolean mountProc,
        boolean mountSys,
        DeviceMode mountDev,
        boolean mountDevpts,
        boolean mountHome,
        boolean mountTmp,
        boolean mountHostfs,
        boolean configPasswd,
        boolean configGroup,
        boolean configResolvConf,
        boolean userBinds,
        int sessionMib,
        NamespaceSettings namespaces,
        LayerSettings layers,
        OptionalInt tmpfsMib,
        Optional<Path> squashfuse,
        String compression,
        Path containers,
        GpuSettings gpus,
        ImageLimits imageLimits,
        PlaceSettings places,
        Fallback fallback,
        List<ContainerLimits> containerLimits,
        List<ExecutionControl> executionControls,
        List<Restriction> restrictions,
        Optional<URI> library) {
    public SiteConfig {
        binds = List.copyOf(binds);
        containerLimits = List.copyOf(containerLimits);
        executionControls = List.copyOf(executionControls);
        restrictions = List.copyOf(restrictions);
    }

    /** The same settings, with these restrictions told. */
    SiteConfig with(List<Restriction> told) {
        return with(
                userBinds,
                namespaces,
                layers,
                tmpfsMib,
                imageLimits,
                places.trusted(),
                containerLimits,
                executionControls,
                told);
    }

    /** The same settings with other rules. */
    SiteConfig with(
            boolean binding,
            NamespaceSettings allowed,
            LayerSettings enabled,
            OptionalInt tmpfs,
            ImageLimits images,
            PlaceSettings.Trusted trusted,
            List<ContainerLimits> limits,
            List<ExecutionControl> controls,
            List<Restriction> told) {
        return new SiteConfig(
                binds,
                mountProc,
                mountSys,
                mountDev,
                mountDevpts,
                mountHome,
                mountTmp,
                mountHostfs,
                configPasswd,
                configGroup,
                configResolvConf,
                binding,
                sessionMib,
                allowed,
                enabled,
                tmpfs,
                squashfuse,
                compression,
                containers,
                gpus,
                images,
                places.with(trusted),
                fallback,
                limits,
                controls,
                told,
                library);
    }

    /** What forbids something: {@code FILE: SETTING, SETTING}. */
    public List<String> rules() {
        Map<Path, List<String>> settings = new LinkedHashMap<>();
        restrictions.forEach(each -> settings.computeIfAbsent(each.file(), file -> new ArrayList<>())
                .add(each.setting().key()));
        return settings.entrySet().stream()
                .map(entry -> "%s: %s".formatted(entry.getKey(), String.join(", ", entry.getValue())))
                .toList();
    }

    /** A setting that forbids something. */
    public record Restriction(Setting setting, Path file) {}

    /** A bind that the administrator wants in every container. */
    public record SiteBind(Path source, Path target) {}

    /** Where the cache stands in for a registry. */
    public enum Fallback {
        JOBS,
        YES,
        NO
    }

    /** What of the host's {@code /dev} is shown. */
    public enum DeviceMode {
        NO,
        MINIMAL,
        YES
    }

    public static final SiteConfig DEFAULTS = new SiteConfig(
            List.of(
                    new SiteBind(Path.of("/etc/localtime"), Path.of("/etc/localtime")),
                    new SiteBind(Path.of("/etc/hosts"), Path.of("/etc/hosts"))),
            true,
            true,
            DeviceMode.YES,
            true,
            true,
            true,
            false,
            true,
            true,
            true,
            true,
            64,
            NamespaceSettings.ALL,
            LayerSettings.ALL,
            OptionalInt.empty(),
            Optional.empty(),
            "zstd",
            Path.of("/var/tmp"),
            GpuSettings.DEFAULTS,
            ImageLimits.DEFAULTS,
            PlaceSettings.DEFAULTS,
            Fallback.JOBS,
            List.of(),
            List.of(),
            List.of(),
            Optional.empty());
}
