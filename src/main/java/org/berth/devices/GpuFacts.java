package org.berth.devices;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.berth.devices.GpuRequest.Wish;

/**
 * What is known of the GPUs here.
 *
 * @param environment the variables of {@link #VARIABLES} that the caller has set
 * @param image what the image has, as far as it matters for the libraries found
 */
public record GpuFacts(
        Map<String, String> environment, DriverFacts nvidia, DriverFacts amd, DriverFacts intel, ImageLibraries image) {
    /** The variables that name GPUs, or say what of their driver is wanted. */
    static final List<String> VARIABLES = List.of(
            "SLURM_STEP_GPUS",
            "SLURM_JOB_GPUS",
            "SLURM_STEP_ID",
            "SLURM_STEP_TASKS_PER_NODE",
            "NVIDIA_VISIBLE_DEVICES",
            "NVIDIA_DRIVER_CAPABILITIES",
            "CUDA_VISIBLE_DEVICES",
            "ROCR_VISIBLE_DEVICES",
            "HIP_VISIBLE_DEVICES",
            "GPU_DEVICE_ORDINAL",
            "ZE_AFFINITY_MASK");

    /** What Slurm gave is named by these, the first one first; a step inherits what its batch script was given on the first node. */
    Stream<String> variablesOfGivenGpus() {
        return environment.containsKey("SLURM_STEP_ID")
                ? Stream.of("SLURM_STEP_GPUS")
                : Stream.of("SLURM_STEP_GPUS", "SLURM_JOB_GPUS");
    }

    /** Whether the task that asks is the step's only one on its node, for sure. */
    boolean hasOneTaskPerNode() {
        return environment.getOrDefault("SLURM_STEP_TASKS_PER_NODE", "").matches("1(\\(x[0-9]+\\))?");
    }

    public static final GpuFacts NONE =
            new GpuFacts(Map.of(), DriverFacts.NONE, DriverFacts.NONE, DriverFacts.NONE, ImageLibraries.UNKNOWN);

    public GpuFacts {
        environment = Map.copyOf(environment);
    }

    /** Whether anything was asked for: else nothing was looked at. */
    static boolean wanted(GpuRequest request) {
        return request.nvidia() != Wish.NO || request.amd() != Wish.NO || request.intel() != Wish.NO;
    }
}
