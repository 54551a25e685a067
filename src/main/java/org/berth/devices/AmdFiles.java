package org.berth.devices;

import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The files of ROCm that {@code --rocm} shows.
 *
 * <p>The kernel's part of AMD's driver is the same for every release of ROCm, whose libraries images bring along; the host's
 * are for images that have none.
 */
final class AmdFiles {
    private static final Set<String> STEMS = Set.of(
            "hc_am",
            "hsa-runtime64",
            "hsa-amd-aqlprofile64",
            "hsakmt",
            "mcwamp",
            "mcwamp_atomic",
            "mcwamp_cpu",
            "mcwamp_hsa",
            "drm",
            "drm_amdgpu",
            "numa",
            "pci",
            "rocr_debug_agent64",
            "rocm_smi64",
            "amd_comgr",
            "amdcomgr64",
            "amdocl64",
            "amdocl12cl64",
            "amdhip64",
            "cltrace",
            "OpenCL");

    static final Pattern CANDIDATE = Pattern.compile("lib(" + String.join("|", STEMS) + ")\\.so.*");

    static final List<String> PROGRAMS = List.of("rocm-smi", "rocminfo", "amd-smi");

    private AmdFiles() {}
}
