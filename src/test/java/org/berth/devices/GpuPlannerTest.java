package org.berth.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.berth.config.GpuSettings.Order;
import org.berth.devices.GpuPlanner.DeviceView;
import org.berth.devices.GpuRequest.Audience;
import org.berth.devices.GpuRequest.Wish;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GpuPlannerTest {
    private static final GpuRequest NV = new GpuRequest(Wish.YES, Wish.NO, Wish.NO, Audience.CALLER);
    private static final Set<Integer> ALL = Set.of(0, 1, 2, 3);

    /**
     * What Slurm was seen to do (constrained or not, bound by task or not), by GPUs in the order of their minors.
     *
     * <p>{@code granted} is what the device cgroup allows, {@code step} SLURM_STEP_GPUS, {@code mask} CUDA_VISIBLE_DEVICES.
     */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            constrained: two of four           | 2 3     | 2,3     | 0,1     | 2 3     | 0,1
            constrained: the whole node        | 0 1 2 3 | 0,1,2,3 | 0,1,2,3 | 0 1 2 3 | 0,1,2,3
            constrained: bound to one, rank 0  | 0       | 0       | 0       | 0       | 0
            constrained: bound to one, rank 3  | 3       | 0       | 0       | 3       | 0
            constrained: map_gpu, rank 1       | 2       | 0       | 0       | 2       | 0
            constrained: gpu-bind none         | 0 1 2 3 | -       | -       | 0 1 2 3 | -
            constrained: no GPU given          | ''      | -       | -       | ''      | -
            unconstrained: two of four         | 0 1 2 3 | 2,3     | 2,3     | 2 3     | 0,1
            unconstrained: a range             | 0 1 2 3 | 1-2     | 1,2     | 1 2     | 0,1
            unconstrained: bound, rank 0       | 0 1 2 3 | 2       | 2       | 2       | 0
            unconstrained: bound, rank 1       | 0 1 2 3 | 3       | 3       | 3       | 0
            unconstrained: a mask in reverse   | 0 1 2 3 | 1,3     | 3,1     | 1 3     | 1,0
            unconstrained: a mask of UUIDs     | 0 1 2 3 | 1,3     | GPU-1000,GPU-3000 | 1 3 | GPU-1000,GPU-3000
            unconstrained: step by UUID        | 0 1 2 3 | GPU-1000 | GPU-1000 | 1    | GPU-1000
            unconstrained: step of MIG         | 0 1 2 3 | MIG-12  | MIG-12  | 0 1 2 3 | MIG-12
            no Slurm, a mask alone hides none  | 0 1 2 3 | -       | 1       | 0 1 2 3 | 1
            """)
    void aStepHasTheGpusThatSlurmGaveIt(
            String name, String granted, String step, String mask, String nodes, String maskInside) {
        Map<String, String> environment = new java.util.HashMap<>();
        put(environment, "SLURM_STEP_GPUS", step);
        put(environment, "CUDA_VISIBLE_DEVICES", mask);
        GpuPlan plan = plan(NV, GpuFixtures.node(environment, numbers(granted)), Order.MINOR);
        assertEquals(List.copyOf(new java.util.TreeSet<>(numbers(nodes))), minors(plan));
        put(environment, "CUDA_VISIBLE_DEVICES", plan.environment().get("CUDA_VISIBLE_DEVICES"));
        assertEquals(Optional.ofNullable(maskInside), Optional.ofNullable(environment.get("CUDA_VISIBLE_DEVICES")));
        assertEquals(List.of(), plan.warnings());
    }

    @Test
    void slurmsNumbersFollowTheBusUnlessTheSiteSaysOtherwise() {
        GpuFacts facts = GpuFixtures.node(Map.of("SLURM_STEP_GPUS", "0"), ALL);
        assertEquals(List.of(3), minors(plan(NV, facts, Order.PCI)));
        assertEquals(List.of(0), minors(plan(NV, facts, Order.MINOR)));
    }

    @Test
    void theHostsOwnDevHidesNothingSoMasksStayAsTheyAre() {
        GpuFacts facts = GpuFixtures.node(Map.of("SLURM_STEP_GPUS", "2,3", "CUDA_VISIBLE_DEVICES", "2,3"), ALL);
        GpuPlan plan = GpuPlanner.plan(NV, facts, Order.MINOR, DeviceView.WHOLE);
        assertEquals(List.of(), plan.devices());
        assertEquals(Map.of(), plan.environment());
    }

    @Test
    void tasksOfAStepShareAllNodesAndTheirOwnMasks() {
        GpuRequest request = new GpuRequest(Wish.AUTO, Wish.AUTO, Wish.AUTO, Audience.STEP);
        GpuFacts facts = GpuFixtures.node(Map.of("SLURM_STEP_GPUS", "0", "CUDA_VISIBLE_DEVICES", "0"), Set.of(1));
        GpuPlan plan = plan(request, facts, Order.MINOR);
        assertEquals(List.of(0, 1, 2, 3), minors(plan));
        assertEquals(Map.of(), plan.environment());
    }

    @Test
    void theOnlyTaskOfANodeHasWhatItsCgroupAllows() {
        GpuRequest request = new GpuRequest(Wish.AUTO, Wish.AUTO, Wish.AUTO, Audience.STEP);
        for (String tasks : List.of("1", "1(x4)")) {
            GpuFacts facts = GpuFixtures.node(Map.of("SLURM_STEP_TASKS_PER_NODE", tasks), Set.of(1, 2));
            assertEquals(List.of(1, 2), minors(plan(request, facts, Order.MINOR)), tasks);
        }
        for (String tasks : List.of("2", "1,2", "11", "2(x2)")) {
            GpuFacts facts = GpuFixtures.node(Map.of("SLURM_STEP_TASKS_PER_NODE", tasks), Set.of(1, 2));
            assertEquals(List.of(0, 1, 2, 3), minors(plan(request, facts, Order.MINOR)), tasks);
        }
    }

    @Test
    void aStepDoesNotTakeTheGpusOfItsBatchScriptForItsOwn() {
        GpuFacts facts = GpuFixtures.node(Map.of("SLURM_JOB_GPUS", "0", "SLURM_STEP_ID", "3"), ALL);
        assertEquals(List.of(0, 1, 2, 3), minors(plan(NV, facts, Order.MINOR)));
    }

    @Test
    void theOriginalOfARenumberedMaskIsKeptAndHipCountsAfterRocr() {
        GpuFacts facts = GpuFixtures.amdNode(Map.of(
                "SLURM_JOB_GPUS",
                "1",
                "ROCR_VISIBLE_DEVICES",
                "1",
                "HIP_VISIBLE_DEVICES",
                "0",
                "ZE_AFFINITY_MASK",
                "1.0"));
        GpuPlan plan = plan(new GpuRequest(Wish.NO, Wish.YES, Wish.NO, Audience.CALLER), facts, Order.PCI);
        assertEquals(Map.of("ROCR_VISIBLE_DEVICES", "0", "BERTH_HOST_ROCR_VISIBLE_DEVICES", "1"), plan.environment());
        assertEquals(
                List.of("/dev/kfd", "/dev/dri/renderD129", "/dev/dri/card2"),
                plan.devices().stream().map(Path::toString).toList());
        assertEquals(List.of("libdrm_amdgpu.so.1.0.0"), names(plan));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            all        | 0 1 2 3
            void       | 0 1 2 3
            none       | ''
            1          | 1
            GPU-2      | 2
            0,3        | 0 3
            MIG-abc    | 0 1 2 3
            """)
    void nvidiaVisibleDevicesChooses(String value, String nodes) {
        GpuPlan plan = plan(NV, GpuFixtures.node(Map.of("NVIDIA_VISIBLE_DEVICES", value), ALL), Order.MINOR);
        assertEquals(List.copyOf(new java.util.TreeSet<>(numbers(nodes))), minors(plan));
        assertFalse(plan.libraries().isEmpty());
        boolean named = !Set.of("all", "void", "none").contains(value);
        assertEquals(named, "void".equals(plan.environment().get("NVIDIA_VISIBLE_DEVICES")));
    }

    @Test
    void aGpuThatIsNotThereIsNamed() {
        GpuPlan plan = plan(NV, GpuFixtures.node(Map.of("NVIDIA_VISIBLE_DEVICES", "0,7"), ALL), Order.MINOR);
        assertEquals(List.of("NVIDIA_VISIBLE_DEVICES names 7, and there is no such GPU here"), plan.warnings());
    }

    @Test
    void voidTurnsOffOnlyWhatNobodyAskedFor() {
        GpuFacts facts = GpuFixtures.node(Map.of("NVIDIA_VISIBLE_DEVICES", "void"), ALL);
        GpuRequest auto = new GpuRequest(Wish.AUTO, Wish.AUTO, Wish.AUTO, Audience.CALLER);
        assertEquals(List.of(), plan(auto, facts, Order.MINOR).libraries());
        assertFalse(plan(NV, facts, Order.MINOR).libraries().isEmpty());
    }

    @Test
    void librariesAreTheDriversByVersionAndOthersOnlyWhereTheImageLacksThem() {
        GpuPlan plan = plan(NV, GpuFixtures.node(Map.of(), ALL), Order.MINOR);
        assertEquals(
                List.of(
                        "libcuda.so.999.88.77",
                        "libnvidia-ml.so.999.88.77",
                        "libnvidia-glcore.so.999.88.77",
                        "libnvidia-egl-gbm.so.1.1.0",
                        "libGL.so.1.7.0"),
                names(plan));
        GpuPlan unknown = plan(NV, GpuFixtures.node(Map.of(), ALL, ImageLibraries.UNKNOWN), Order.MINOR);
        assertFalse(names(unknown).contains("libGL.so.1.7.0"));
    }

    @Test
    void capabilitiesChooseAmongTheDriversFiles() {
        GpuPlan plan =
                plan(NV, GpuFixtures.node(Map.of("NVIDIA_DRIVER_CAPABILITIES", "compute,utility"), ALL), Order.MINOR);
        assertEquals(List.of("libcuda.so.999.88.77", "libnvidia-ml.so.999.88.77"), names(plan));
        assertTrue(plan.devices().stream().noneMatch(node -> node.startsWith("/dev/dri")));
        assertEquals(
                List.of(HostFile.Kind.PROGRAM, HostFile.Kind.SOCKET, HostFile.Kind.PIPES),
                plan.files().stream().map(HostFile::kind).toList());
        GpuPlan wrong = plan(NV, GpuFixtures.node(Map.of("NVIDIA_DRIVER_CAPABILITIES", "compyte"), ALL), Order.MINOR);
        assertEquals(
                List.of("NVIDIA_DRIVER_CAPABILITIES: 'compyte' is not a capability of the driver"), wrong.warnings());
    }

    @Test
    void aLibraryThatTheImagesGlibcWouldRefuseIsLeftOutAndNamed() {
        GpuPlan plan = plan(NV, GpuFixtures.node(Map.of(), ALL, GpuFixtures.image("GLIBC_2.17")), Order.MINOR);
        assertFalse(names(plan).contains("libnvidia-glcore.so.999.88.77"));
        assertEquals(
                List.of(
                        "left out, since the image's glibc is too old: libnvidia-glcore.so.999.88.77 (needs GLIBC_2.34)"),
                plan.warnings());
    }

    @Test
    void noDriverIsAWarningForAnOptionAndSilenceOtherwise() {
        assertEquals(
                List.of("Could not find any nv files on this host!"),
                plan(NV, GpuFacts.NONE, Order.PCI).warnings());
        GpuRequest both = new GpuRequest(Wish.AUTO, Wish.YES, Wish.AUTO, Audience.CALLER);
        assertEquals(
                List.of("Could not find any rocm files on this host!"),
                plan(both, GpuFacts.NONE, Order.PCI).warnings());
    }

    @Test
    void aDriverThatWasReplacedUnderARunningKernelIsNamed() {
        GpuFacts facts = GpuFixtures.node(Map.of(), ALL);
        DriverFacts d = facts.nvidia();
        DriverFacts older = new DriverFacts(Optional.of("998.1"), d.libraries(), d.files(), d.gpus(), d.controls());
        GpuPlan plan = plan(
                NV, new GpuFacts(facts.environment(), older, facts.amd(), facts.intel(), facts.image()), Order.PCI);
        assertTrue(names(plan).contains("libcuda.so.999.88.77"));
        assertTrue(plan.warnings().getFirst().startsWith("the kernel runs the NVIDIA driver 998.1"));
    }

    @Test
    void versionsOfBothKernelModulesAreRead() {
        assertEquals(
                Optional.of("535.129.03"),
                NvidiaFiles.kernelVersion(
                        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n"));
        assertEquals(
                Optional.of("570.86"),
                NvidiaFiles.kernelVersion(
                        "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  570.86  Release Build  (dvs)\n"));
        assertEquals(Optional.empty(), NvidiaFiles.kernelVersion("GCC version:  gcc version 12.2.0\n"));
    }

    private static GpuPlan plan(GpuRequest request, GpuFacts facts, Order order) {
        return GpuPlanner.plan(request, facts, order, DeviceView.CHOSEN);
    }

    private static List<String> names(GpuPlan plan) {
        return plan.libraries().stream().map(HostLibrary::name).toList();
    }

    private static List<Integer> minors(GpuPlan plan) {
        List<Integer> minors = new ArrayList<>();
        for (Path node : plan.devices()) {
            if (node.toString().matches("/dev/nvidia[0-9]+")) {
                minors.add(Integer.parseInt(node.toString().substring("/dev/nvidia".length())));
            }
        }
        return minors.stream().sorted().toList();
    }

    private static Set<Integer> numbers(String text) {
        return java.util.Arrays.stream(text.strip().split(" "))
                .filter(word -> !word.isEmpty())
                .map(Integer::valueOf)
                .collect(java.util.stream.Collectors.toSet());
    }

    private static void put(Map<String, String> environment, String name, String value) {
        if (value != null) {
            environment.put(name, value);
        }
    }
}
