package org.berth.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.berth.config.GpuSettings;
import org.berth.config.GpuSettings.Order;
import org.berth.devices.GpuRequest.Audience;
import org.berth.devices.GpuRequest.Wish;
import org.berth.gather.PlannedCommands;
import org.berth.host.Host;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reading a driver root; the nodes of the real {@code /dev} are no part of it. */
class GpuReaderTest {
    private static final GpuRequest NV = new GpuRequest(Wish.YES, Wish.NO, Wish.NO, Audience.CALLER);
    private static final String LIB = "/usr/lib/x86_64-linux-gnu";

    @TempDir
    Path root;

    @BeforeEach
    void makeDriver() throws IOException {
        Map<String, String> cache = new TreeMap<>();
        for (String[] names : new String[][] {
            {"libcuda.so.999.88.77", "libcuda.so.1"},
            {"libnvidia-ml.so.999.88.77", "libnvidia-ml.so.1"},
            {"libcudart.so.12.4.127", "libcudart.so.12"},
            {"libGL.so.1.7.0", "libGL.so.1"}
        }) {
            FakeDriver.library(root.resolve(LIB.substring(1)).resolve(names[0]), names[1]);
            Files.createSymbolicLink(root.resolve(LIB.substring(1)).resolve(names[1]), Path.of(names[0]));
            cache.put(names[1], LIB + "/" + names[1]);
        }
        Files.createSymbolicLink(root.resolve(LIB.substring(1)).resolve("libcuda.so"), Path.of(LIB, "libcuda.so.1"));
        cache.put("libcuda.so", LIB + "/libcuda.so");
        cache.put("libnvidia-gone.so.1", LIB + "/libnvidia-gone.so.1");
        FakeDriver.library(root.resolve(LIB.substring(1)).resolve("vdpau/libvdpau_nvidia.so.999.88.77"), "x");
        write("etc/ld.so.cache", FakeDriver.cache(cache));
        write(
                "proc/driver/nvidia/version",
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  999.88.77  Thu\n"
                        .getBytes(java.nio.charset.StandardCharsets.UTF_8));
        write("usr/bin/nvidia-smi", new byte[0]);
        Files.setPosixFilePermissions(root.resolve("usr/bin/nvidia-smi"), PosixFilePermissions.fromString("rwxr-xr-x"));
        write("usr/share/glvnd/egl_vendor.d/10_nvidia.json", new byte[0]);
    }

    @Test
    void aDriverInATreeOfItsOwnIsFound() {
        GpuFacts facts = read(Map.of(), ImageLibraries.UNKNOWN);
        assertEquals(Optional.of("999.88.77"), facts.nvidia().version());
        HostLibrary cuda = facts.nvidia().libraries().stream()
                .filter(l -> l.stem().equals("cuda"))
                .findFirst()
                .orElseThrow();
        assertEquals(Set.of("libcuda.so", "libcuda.so.1"), cuda.aliases());
        assertTrue(cuda.file().endsWith("libcuda.so.999.88.77"));
        GpuPlan plan = GpuPlanner.plan(NV, facts, Order.PCI, GpuPlanner.DeviceView.WHOLE);
        assertEquals(
                List.of("libcuda.so.999.88.77", "libnvidia-ml.so.999.88.77", "libvdpau_nvidia.so.999.88.77"),
                plan.libraries().stream().map(HostLibrary::name).toList());
        assertEquals(
                List.of("/usr/bin/nvidia-smi", "/usr/share/glvnd/egl_vendor.d/10_nvidia.json"),
                plan.files().stream().map(file -> file.target().toString()).toList());
        assertEquals(List.of(), plan.warnings());
    }

    @Test
    void theImageIsAskedOnlyWhereThereAreLibraries() throws IOException {
        assertEquals(
                GpuFixtures.image("GLIBC_2.2.5"),
                read(Map.of(), GpuFixtures.image("GLIBC_2.2.5")).image());
        Files.delete(root.resolve("etc/ld.so.cache"));
        assertEquals(
                ImageLibraries.UNKNOWN,
                read(Map.of(), GpuFixtures.image("GLIBC_2.2.5")).image());
    }

    @Test
    void nothingIsLookedAtUnlessItWasAskedFor() {
        Host host = new Host(PlannedCommands.facts(List.of("version"), Map.of(), 1001));
        assertEquals(
                GpuFacts.NONE,
                GpuReader.read(host, GpuRequest.NOTHING, GpuSettings.DEFAULTS, () -> ImageLibraries.UNKNOWN));
        assertEquals(List.of(), host.observations());
    }

    @Test
    void anImageSaysWhatItsGlibcDefines() throws IOException {
        Host host = new Host(PlannedCommands.facts(List.of("version"), Map.of(), 1001));
        ImageLibraries libraries = ImageLibraries.of((path, limit) ->
                host.inside(Path.of("/"), path).filter(host::isReadable).flatMap(file -> host.read(file, limit)));
        assertTrue(libraries.names().isEmpty()
                || libraries.versions().getOrDefault("libc.so.6", Set.of()).contains("GLIBC_2.17"));
        assertEquals(ImageLibraries.UNKNOWN, ImageLibraries.of((path, limit) -> Optional.empty()));
    }

    @Test
    void aStepHasGpusByAnyOfSlurmsVariables() {
        for (Map<String, String> environment : List.of(
                Map.of("SLURM_JOB_ID", "7", "SLURM_STEP_GPUS", "0"),
                Map.of("SLURM_JOB_ID", "7", "SLURM_JOB_GPUS", "0"),
                Map.of("SLURM_JOB_ID", "7", "SLURM_GPUS_ON_NODE", "2"))) {
            assertTrue(inStep(environment), environment.toString());
        }
        assertFalse(inStep(Map.of("SLURM_JOB_ID", "7", "SLURM_GPUS_ON_NODE", "0")));
        assertFalse(inStep(Map.of("SLURM_JOB_ID", "7")));
        assertFalse(inStep(Map.of("SLURM_JOB_ID", "7", "SLURM_JOB_GPUS", "0", "SLURM_STEP_ID", "0")));
        assertFalse(inStep(Map.of("SLURM_STEP_GPUS", "0")));
    }

    @Test
    void noLinkLeavesARoot() throws IOException {
        Host host = new Host(PlannedCommands.facts(List.of("version"), Map.of(), 1001));
        Files.createSymbolicLink(root.resolve("up"), Path.of("../../../../../etc"));
        Files.createSymbolicLink(root.resolve("absolute"), Path.of("/etc/ld.so.cache"));
        Files.createSymbolicLink(root.resolve("round"), Path.of("round"));
        assertEquals(Optional.of(root.resolve("etc/passwd")), host.inside(root, "/up/passwd"));
        assertEquals(Optional.of(root.resolve("etc/ld.so.cache")), host.inside(root, "/absolute"));
        assertEquals(Optional.empty(), host.inside(root, "/round"));
    }

    private static boolean inStep(Map<String, String> environment) {
        return GpuReader.inStepWithGpus(new Host(PlannedCommands.facts(List.of("version"), environment, 1001)));
    }

    private GpuFacts read(Map<String, String> environment, ImageLibraries image) {
        Host host = new Host(PlannedCommands.facts(List.of("version"), environment, 1001));
        return GpuReader.read(host, NV, new GpuSettings(true, Order.PCI, root, false, false), () -> image);
    }

    private void write(String path, byte[] bytes) throws IOException {
        Files.createDirectories(root.resolve(path).getParent());
        Files.write(root.resolve(path), bytes);
    }
}
