package org.berth.devices;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which files NVIDIA's driver consists of, and what each is for ({@code NVIDIA_DRIVER_CAPABILITIES}).
 *
 * <p>A library belongs to the driver if its file name ends in {@code .so.<driver version>}, as NVIDIA's own container tools
 * have it: a list of names alone is out of date with each release, and would take {@code libcudart.so.12.4.127} along.
 */
final class NvidiaFiles {
    /** What a container may do with the driver. */
    enum Capability {
        UTILITY,
        COMPUTE,
        VIDEO,
        GRAPHICS,
        DISPLAY,
        NGX,
        COMPAT32
    }

    /** Names in the linker's cache that are worth a look at the file. */
    static final Pattern CANDIDATE = Pattern.compile("lib(cuda|nvidia-|nv|GL|EGL|OpenGL|OpenCL|vdpau_nvidia).*\\.so.*");

    static final Map<String, Capability> PROGRAMS = Map.of(
            "nvidia-smi", Capability.UTILITY,
            "nvidia-debugdump", Capability.UTILITY,
            "nvidia-persistenced", Capability.UTILITY,
            "nvidia-cuda-mps-control", Capability.COMPUTE,
            "nvidia-cuda-mps-server", Capability.COMPUTE);

    static final List<String> SOCKETS = List.of("/run/nvidia-persistenced/socket", "/run/nvidia-fabricmanager/socket");

    /** Where the parts of EGL, Vulkan and OpenCL that choose a driver look for NVIDIA's. */
    static final List<String> CONFIGURATION = Stream.of(
                    "/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
                    "/usr/share/egl/egl_external_platform.d/09_nvidia_wayland2.json",
                    "/usr/share/egl/egl_external_platform.d/10_nvidia_wayland.json",
                    "/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json",
                    "/usr/share/egl/egl_external_platform.d/20_nvidia_xcb.json",
                    "/usr/share/egl/egl_external_platform.d/20_nvidia_xlib.json",
                    "/usr/share/nvidia/nvoptix.bin",
                    "/usr/share/vulkan/icd.d/nvidia_icd.json",
                    "/usr/share/vulkan/icd.d/nvidia_icd.x86_64.json",
                    "/usr/share/vulkan/implicit_layer.d/nvidia_layers.json",
                    "/etc/vulkan/icd.d/nvidia_icd.json",
                    "/etc/vulkan/icd.d/nvidia_icd.x86_64.json",
                    "/etc/vulkan/implicit_layer.d/nvidia_layers.json",
                    "/etc/OpenCL/vendors/nvidia.icd")
            .toList();

    /** Libraries of no maker, which choose one at run time: the image's own are better, being its own. */
    private static final Map<String, Capability> NEUTRAL = Map.of(
            "GL", Capability.GRAPHICS,
            "EGL", Capability.GRAPHICS,
            "GLX", Capability.GRAPHICS,
            "GLdispatch", Capability.GRAPHICS,
            "OpenGL", Capability.GRAPHICS,
            "GLESv1_CM", Capability.GRAPHICS,
            "GLESv2", Capability.GRAPHICS,
            "OpenCL", Capability.COMPUTE);

    private static final Map<String, Set<Capability>> DRIVER = new HashMap<>();

    static {
        library(Set.of(Capability.UTILITY), "nvidia-ml", "nvidia-cfg", "nvidia-nscq");
        library(
                Set.of(Capability.COMPUTE),
                "cuda",
                "cudadebugger",
                "nvidia-opencl",
                "nvidia-ptxjitcompiler",
                "nvidia-fatbinaryloader",
                "nvidia-compiler",
                "nvidia-pkcs11",
                "nvidia-pkcs11-openssl3",
                "nvidia-nvvm",
                "nvidia-nvvm70",
                "nvidia-tileiras");
        library(Set.of(Capability.COMPUTE, Capability.GRAPHICS), "nvidia-gpucomp", "nvidia-allocator");
        library(Set.of(Capability.VIDEO), "vdpau_nvidia", "nvidia-encode", "nvidia-opticalflow", "nvcuvid");
        library(
                Set.of(Capability.GRAPHICS),
                "nvidia-eglcore",
                "nvidia-glcore",
                "nvidia-tls",
                "nvidia-glsi",
                "nvidia-fbc",
                "nvidia-ifr",
                "nvidia-rtcore",
                "nvoptix",
                "GLX_nvidia",
                "EGL_nvidia",
                "GLESv2_nvidia",
                "GLESv1_CM_nvidia",
                "nvidia-glvkspirv",
                "nvidia-cbl",
                "nvidia-egl-gbm",
                "nvidia-egl-wayland",
                "nvidia-egl-wayland2",
                "nvidia-egl-xcb",
                "nvidia-egl-xlib");
        library(Set.of(Capability.NGX), "nvidia-ngx");
    }

    /** Libraries that come with the driver under versions of their own. */
    private static final Set<String> OWN_VERSION = Set.of(
            "nvidia-egl-gbm",
            "nvidia-egl-wayland",
            "nvidia-egl-wayland2",
            "nvidia-egl-xcb",
            "nvidia-egl-xlib",
            "nvidia-nvvm70");

    private static final Pattern KERNEL_VERSION =
            Pattern.compile("NVRM version:.*Kernel Module(?: for \\S+)?\\s+([0-9]+(?:\\.[0-9]+)+)");

    private static final Pattern LIBRARY_VERSION =
            Pattern.compile("lib(?:cuda|nvidia-ml)\\.so\\.([0-9]+(?:\\.[0-9]+)+)");

    private NvidiaFiles() {}

    private static void library(Set<Capability> capabilities, String... stems) {
        for (String stem : stems) {
            DRIVER.put(stem, capabilities);
        }
    }

    /** The version of {@code /proc/driver/nvidia/version}, of the closed and of the open kernel module. */
    static Optional<String> kernelVersion(String text) {
        Matcher matcher = KERNEL_VERSION.matcher(text);
        return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
    }

    /** The version in the names of the libraries that every driver has: the running one, if they are there in several. */
    static Optional<String> libraryVersion(List<HostLibrary> libraries, Optional<String> running) {
        List<String> versions = libraries.stream()
                .map(library -> LIBRARY_VERSION.matcher(library.name()))
                .filter(Matcher::matches)
                .map(matcher -> matcher.group(1))
                .toList();
        return running.filter(versions::contains).or(() -> versions.stream().findFirst());
    }

    static boolean ofDriver(HostLibrary library, String version) {
        return library.name().endsWith(".so." + version) || OWN_VERSION.contains(library.stem());
    }

    static boolean neutral(HostLibrary library) {
        return NEUTRAL.containsKey(library.stem());
    }

    /** A library of the driver that is not in the table is one of a newer release, and wanted always. */
    static boolean wanted(HostLibrary library, Set<Capability> capabilities) {
        Optional<Capability> neutral = Optional.ofNullable(NEUTRAL.get(library.stem()));
        return neutral.map(capabilities::contains)
                .orElseGet(() -> DRIVER.getOrDefault(library.stem(), capabilities).stream()
                        .anyMatch(capabilities::contains));
    }

    static boolean wanted(HostFile file, Set<Capability> capabilities) {
        String name = String.valueOf(file.source().getFileName());
        return switch (file.kind()) {
            case PROGRAM -> capabilities.contains(PROGRAMS.getOrDefault(name, Capability.UTILITY));
            case CONFIGURATION ->
                capabilities.contains(name.equals("nvidia.icd") ? Capability.COMPUTE : Capability.GRAPHICS);
            case SOCKET -> capabilities.contains(Capability.UTILITY);
            case PIPES -> capabilities.contains(Capability.COMPUTE);
        };
    }

    /** Without the variable all of them, as {@code --nv} always had it. */
    static Set<Capability> capabilities(Optional<String> variable, List<String> warnings) {
        Set<Capability> all = EnumSet.allOf(Capability.class);
        Set<Capability> chosen = EnumSet.noneOf(Capability.class);
        for (String word : variable.orElse("").strip().split(",")) {
            String name = word.strip();
            if (name.equals("all")) {
                return all;
            }
            Optional<Capability> known = all.stream()
                    .filter(c -> c.name().toLowerCase(Locale.ROOT).equals(name))
                    .findFirst();
            known.ifPresent(chosen::add);
            if (known.isEmpty() && !name.isEmpty()) {
                warnings.add("NVIDIA_DRIVER_CAPABILITIES: '%s' is not a capability of the driver".formatted(name));
            }
        }
        return chosen.isEmpty() ? all : chosen;
    }
}
