package org.berth.config;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.berth.oci.ImageLimits;

/**
 * The site's settings; conf/berth.yaml documents each.
 *
 * @param binds mounts in every container, {@code source[:target]}
 * @param compression of images that are converted here, {@code zstd} or {@code gzip}, perhaps with {@code :LEVEL}
 * @param containers where each user's kept containers are
 * @param library where images of {@code library://} are
 * @param sessionMib size of the tmpfs behind {@code --writable-tmpfs}, {@code --contain} and {@code --scratch}
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
        Optional<Path> squashfuse,
        String compression,
        Path containers,
        GpuSettings gpus,
        ImageLimits imageLimits,
        PlaceSettings places,
        ContainerLimits containerLimits,
        ExecutionControl executionControl,
        Optional<URI> library) {
    public SiteConfig {
        binds = List.copyOf(binds);
    }

    /** A bind that the administrator wants in every container. */
    public record SiteBind(Path source, Path target) {}

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
            Optional.empty(),
            "zstd",
            Path.of("/var/tmp"),
            GpuSettings.DEFAULTS,
            ImageLimits.DEFAULTS,
            PlaceSettings.DEFAULTS,
            ContainerLimits.NONE,
            ExecutionControl.OFF,
            Optional.empty());
}
