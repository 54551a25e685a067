package org.berth.oci;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.error.UsageException;

/** Which platform is wanted, and which entry of an index serves it best. */
public final class Platforms {
    /** In the order in which users are told of them; a variant is listed after those that it can stand in for. */
    private static final Map<String, List<String>> VARIANTS = variants();

    private Platforms() {}

    private static Map<String, List<String>> variants() {
        Map<String, List<String>> map = new LinkedHashMap<>();
        map.put("arm", List.of("v5", "v6", "v7", "v8"));
        map.put("arm64", List.of("v8", "v9"));
        map.put("amd64", List.of("v1", "v2", "v3", "v4"));
        map.put("386", List.of());
        map.put("ppc64le", List.of());
        map.put("s390x", List.of());
        map.put("riscv64", List.of());
        map.put("loong64", List.of());
        return map;
    }

    /**
     * The platform that {@code --arch} and {@code --arch-variant} name.
     *
     * @param variant empty for the architecture's default
     * @throws UsageException if either is unknown
     */
    public static Platform parse(String architecture, String variant) {
        List<String> known = VARIANTS.get(architecture);
        if (known == null) {
            throw new UsageException("arch: %s is not valid, supported archs are: %s"
                    .formatted(architecture, bracketed(VARIANTS.keySet())));
        }
        if (!variant.isEmpty() && !known.contains(variant)) {
            throw new UsageException("arch variant: %s is not valid for arch: %s, supported variants are: %s"
                    .formatted(variant, architecture, bracketed(known)));
        }
        return new Platform("linux", architecture, variant.isEmpty() ? defaultVariant(architecture) : variant);
    }

    private static String bracketed(Iterable<String> words) {
        return "[" + String.join(" ", words) + "]";
    }

    private static String defaultVariant(String architecture) {
        return switch (architecture) {
            case "arm" -> "v7";
            case "arm64" -> "v8";
            default -> "";
        };
    }

    /**
     * The platform of this machine.
     *
     * @param machine as {@code uname -m} prints it
     * @return empty for a machine that container images have no word for
     */
    public static Optional<Platform> ofMachine(String machine) {
        return Optional.ofNullable(
                switch (machine) {
                    case "x86_64" -> new Platform("linux", "amd64", "");
                    case "aarch64" -> new Platform("linux", "arm64", "v8");
                    case "armv5l", "armv5tel", "armv5tejl" -> new Platform("linux", "arm", "v5");
                    case "armv6l" -> new Platform("linux", "arm", "v6");
                    case "armv7l", "armv8l" -> new Platform("linux", "arm", "v7");
                    case "i386", "i486", "i586", "i686" -> new Platform("linux", "386", "");
                    case "ppc64le", "s390x", "riscv64" -> new Platform("linux", machine, "");
                    case "loongarch64" -> new Platform("linux", "loong64", "");
                    default -> null;
                });
    }

    /**
     * The entries of an index that may serve a platform, best first.
     *
     * <p>Exact variants come before ones that the wanted one can stand in for, these before further indexes and entries
     * without a platform, which must be opened to be known. Attestations ({@code unknown/unknown}) never come.
     */
    public static List<Descriptor> candidates(Index index, Platform wanted) {
        List<String> acceptable = acceptable(wanted);
        List<Descriptor> ordered = new ArrayList<>();
        for (String variant : acceptable) {
            index.entries().stream()
                    .filter(entry -> entry.platform()
                            .filter(platform -> sameMachine(platform, wanted)
                                    && platform.variant().equals(variant))
                            .isPresent())
                    .forEach(entry -> ordered.add(entry.descriptor()));
        }
        if (wanted.variant().isEmpty()) {
            // Nothing was asked for, so any variant is better than none: as go-containerregistry chooses.
            index.entries().stream()
                    .filter(entry -> entry.platform()
                            .filter(platform ->
                                    sameMachine(platform, wanted) && !acceptable.contains(platform.variant()))
                            .isPresent())
                    .forEach(entry -> ordered.add(entry.descriptor()));
        }
        index.entries().stream()
                .filter(entry -> entry.platform().isEmpty())
                .forEach(entry -> ordered.add(entry.descriptor()));
        return List.copyOf(ordered);
    }

    private static boolean sameMachine(Platform platform, Platform wanted) {
        return platform.architecture().equals(wanted.architecture())
                && (platform.os().equals(wanted.os()) || platform.os().isEmpty());
    }

    /** Variants that run where the wanted one runs, best first: newer before older, no variant for the baseline. */
    private static List<String> acceptable(Platform wanted) {
        List<String> known = VARIANTS.getOrDefault(wanted.architecture(), List.of());
        String top = wanted.variant();
        List<String> accepted = new ArrayList<>();
        if (top.isEmpty()) {
            accepted.add("");
            known.stream().findFirst().ifPresent(accepted::add);
            return accepted;
        }
        accepted.add(top);
        known.subList(0, Math.max(known.indexOf(top), 0)).reversed().forEach(accepted::add);
        accepted.add("");
        return accepted;
    }

    /** The platforms that an index offers, for the message when none fits. */
    public static String offered(Index index) {
        List<String> names = index.entries().stream()
                .flatMap(entry -> entry.platform().stream())
                .filter(platform -> !platform.architecture().equals("unknown"))
                .map(Platform::toString)
                .distinct()
                .limit(12)
                .toList();
        return names.isEmpty() ? "none" : String.join(", ", names);
    }
}
