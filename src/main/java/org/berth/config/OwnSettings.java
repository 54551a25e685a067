package org.berth.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.berth.config.SiteConfig.Restriction;
import org.berth.oci.ImageLimits;

/**
 * The settings of a user's own file ({@code --config}) under those of the site: what forbids something is taken from both,
 * the rest from the user's file; whom to trust only the site says.
 */
final class OwnSettings {
    /** The limits of images by their settings; a smaller number is the stricter one. */
    private static final Map<Setting, ToLongFunction<ImageLimits>> LIMITS = new EnumMap<>(Map.of(
            Setting.IMAGE_MAX_ENTRIES, ImageLimits::entries,
            Setting.IMAGE_MAX_SIZE, ImageLimits::bytes,
            Setting.IMAGE_MAX_DEPTH, ImageLimits::depth,
            Setting.IMAGE_MAX_PATH, ImageLimits::pathBytes,
            Setting.IMAGE_MAX_HEADER, ImageLimits::headerBytes,
            Setting.IMAGE_MAX_XATTRS, ImageLimits::xattrBytes,
            Setting.IMAGE_MAX_RATIO, ImageLimits::ratio,
            Setting.IMAGE_RATIO_ABOVE, ImageLimits::ratioAbove));

    private OwnSettings() {}

    static SiteConfig under(SiteConfig site, SiteConfig own) {
        return own.with(
                site.userBinds() && own.userBinds(),
                site.namespaces().and(own.namespaces()),
                site.layers().and(own.layers()),
                smaller(site.tmpfsMib(), own.tmpfsMib()),
                smaller(site.imageLimits(), own.imageLimits()),
                site.places().trusted(),
                both(site.containerLimits(), own.containerLimits()),
                both(site.executionControls(), own.executionControls()),
                restrictions(site, own));
    }

    private static <T> List<T> both(List<T> site, List<T> own) {
        return Stream.concat(site.stream(), own.stream()).toList();
    }

    /** None is the largest: half of the memory. */
    private static OptionalInt smaller(OptionalInt site, OptionalInt own) {
        return Stream.of(site, own).flatMapToInt(OptionalInt::stream).min();
    }

    private static ImageLimits smaller(ImageLimits site, ImageLimits own) {
        return new ImageLimits(
                Math.min(site.entries(), own.entries()),
                Math.min(site.bytes(), own.bytes()),
                Math.min(site.depth(), own.depth()),
                Math.min(site.pathBytes(), own.pathBytes()),
                Math.min(site.headerBytes(), own.headerBytes()),
                Math.min(site.xattrBytes(), own.xattrBytes()),
                Math.min(site.ratio(), own.ratio()),
                Math.min(site.ratioAbove(), own.ratioAbove()));
    }

    /** All of both, but of two numbers only the one that counts. */
    private static List<Restriction> restrictions(SiteConfig site, SiteConfig own) {
        return Stream.concat(
                        site.restrictions().stream()
                                .filter(each -> counts(each.setting(), site.imageLimits(), own.imageLimits(), 0)),
                        own.restrictions().stream()
                                .filter(each -> counts(each.setting(), own.imageLimits(), site.imageLimits(), 1)))
                .toList();
    }

    /** @param by how much the number must be smaller than the other */
    private static boolean counts(Setting setting, ImageLimits of, ImageLimits other, int by) {
        ToLongFunction<ImageLimits> number = LIMITS.get(setting);
        return number == null || number.applyAsLong(of) + by <= number.applyAsLong(other);
    }

    /** What the settings of one file forbid that is allowed without them. */
    static List<Restriction> restrictions(SiteConfig config, Path file) {
        List<Setting> found = new ArrayList<>();
        if (!config.userBinds()) {
            found.add(Setting.USER_BIND_CONTROL);
        }
        LIMITS.forEach((setting, number) -> {
            if (number.applyAsLong(config.imageLimits()) < number.applyAsLong(ImageLimits.DEFAULTS)) {
                found.add(setting);
            }
        });
        config.containerLimits().forEach(limits -> found.addAll(settings(limits)));
        if (!config.executionControls().isEmpty()) {
            found.add(Setting.EXECUTION_CONTROL);
        }
        return found.stream().map(setting -> new Restriction(setting, file)).toList();
    }

    private static List<Setting> settings(ContainerLimits limits) {
        Map<Setting, Boolean> open = new EnumMap<>(Setting.class);
        open.put(Setting.ALLOW_CONTAINER_SIF, limits.sif());
        open.put(Setting.ALLOW_CONTAINER_ENCRYPTED, limits.encrypted());
        open.put(Setting.ALLOW_CONTAINER_SQUASHFS, limits.squashfs());
        open.put(Setting.ALLOW_CONTAINER_EXTFS, limits.extfs());
        open.put(Setting.ALLOW_CONTAINER_DIR, limits.directory());
        open.put(Setting.LIMIT_CONTAINER_OWNERS, limits.owners().isEmpty());
        open.put(Setting.LIMIT_CONTAINER_GROUPS, limits.groups().isEmpty());
        open.put(Setting.LIMIT_CONTAINER_PATHS, limits.paths().isEmpty());
        return open.entrySet().stream()
                .filter(entry -> !entry.getValue())
                .map(Map.Entry::getKey)
                .toList();
    }
}
