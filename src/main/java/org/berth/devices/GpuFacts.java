package org.berth.devices;

import java.util.Map;
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
    static final java.util.List<String> VARIABLES = java.util.List.of(
            "SLURM_STEP_GPUS",
            "SLURM_JOB_GPUS",
            "NVIDIA_VISIBLE_DEVICES",
            "NVIDIA_DRIVER_CAPABILITIES",
            "CUDA_VISIBLE_DEVICES",
            "ROCR_VISIBLE_DEVICES",
            "HIP_VISIBLE_DEVICES",
            "GPU_DEVICE_ORDINAL",
            "ZE_AFFINITY_MASK");

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
