package org.berth.devices;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.berth.elf.ElfFile;

/** Machines with GPUs, made by hand. */
public final class GpuFixtures {
    private static final String VERSION = "999.88.77";
    private static final Path LIB = Path.of("/usr/lib/x86_64-linux-gnu");

    private GpuFixtures() {}

    /** Four GPUs whose bus addresses run against their minors, with a driver and a few of its files. */
    public static GpuFacts node(Map<String, String> environment, Set<Integer> granted) {
        return node(environment, granted, image("GLIBC_2.17", "GLIBC_2.34"));
    }

    public static GpuFacts node(Map<String, String> environment, Set<Integer> granted, ImageLibraries image) {
        List<Gpu> gpus = new ArrayList<>();
        for (int minor = 0; minor < 4; minor++) {
            gpus.add(new Gpu(
                    Path.of("/dev/nvidia" + minor),
                    minor,
                    granted.contains(minor),
                    Optional.of("0000:%02x:00.0".formatted(8 - minor)),
                    Optional.of("GPU-%d000".formatted(minor)),
                    List.of(Path.of("/dev/dri/renderD" + (128 + minor)))));
        }
        DriverFacts nvidia = new DriverFacts(
                Optional.of(VERSION),
                List.of(
                        library("libcuda.so." + VERSION, "libcuda.so.1", "GLIBC_2.17"),
                        library("libnvidia-ml.so." + VERSION, "libnvidia-ml.so.1", "GLIBC_2.17"),
                        library("libnvidia-glcore.so." + VERSION, "libnvidia-glcore.so." + VERSION, "GLIBC_2.34"),
                        library("libcudart.so.12.4.127", "libcudart.so.12", "GLIBC_2.17"),
                        library("libnvidia-egl-gbm.so.1.1.0", "libnvidia-egl-gbm.so.1", "GLIBC_2.17"),
                        library("libGL.so.1.7.0", "libGL.so.1", "GLIBC_2.17"),
                        library("libOpenCL.so.1.0.0", "libOpenCL.so.1", "GLIBC_2.17")),
                List.of(
                        new HostFile(
                                HostFile.Kind.PROGRAM, Path.of("/usr/bin/nvidia-smi"), Path.of("/usr/bin/nvidia-smi")),
                        new HostFile(
                                HostFile.Kind.CONFIGURATION,
                                Path.of("/usr/share/glvnd/egl_vendor.d/10_nvidia.json"),
                                Path.of("/usr/share/glvnd/egl_vendor.d/10_nvidia.json")),
                        new HostFile(
                                HostFile.Kind.SOCKET,
                                Path.of("/run/nvidia-persistenced/socket"),
                                Path.of("/run/nvidia-persistenced/socket")),
                        new HostFile(HostFile.Kind.PIPES, Path.of("/tmp/nvidia-mps"), Path.of("/tmp/nvidia-mps"))),
                gpus,
                List.of(Path.of("/dev/nvidiactl"), Path.of("/dev/nvidia-uvm")));
        return new GpuFacts(environment, nvidia, DriverFacts.NONE, DriverFacts.NONE, image);
    }

    /** Two GPUs of AMD, and no library of ROCm but libdrm. */
    public static GpuFacts amdNode(Map<String, String> environment) {
        List<Gpu> gpus = List.of(
                new Gpu(
                        Path.of("/dev/dri/renderD128"),
                        128,
                        true,
                        Optional.of("0000:03:00.0"),
                        Optional.empty(),
                        List.of(Path.of("/dev/dri/card1"))),
                new Gpu(
                        Path.of("/dev/dri/renderD129"),
                        129,
                        true,
                        Optional.of("0000:83:00.0"),
                        Optional.empty(),
                        List.of(Path.of("/dev/dri/card2"))));
        DriverFacts amd = new DriverFacts(
                Optional.empty(),
                List.of(library("libdrm_amdgpu.so.1.0.0", "libdrm_amdgpu.so.1", "GLIBC_2.17")),
                List.of(),
                gpus,
                List.of(Path.of("/dev/kfd")));
        return new GpuFacts(environment, DriverFacts.NONE, amd, DriverFacts.NONE, image("GLIBC_2.17", "GLIBC_2.34"));
    }

    /** An image with OpenCL of its own, whose glibc defines these versions. */
    public static ImageLibraries image(String... versions) {
        return new ImageLibraries(
                Optional.of(Set.of("libc.so.6", "libOpenCL.so.1")), Map.of("libc.so.6", Set.of(versions)));
    }

    static HostLibrary library(String name, String alias, String glibc) {
        return new HostLibrary(
                name,
                alias.equals(name) ? Set.of() : Set.of(alias),
                LIB.resolve(name),
                new ElfFile(64, 62, Optional.of(alias), List.of(), Map.of("libc.so.6", Set.of(glibc)), Set.of()));
    }
}
