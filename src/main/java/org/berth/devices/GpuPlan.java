package org.berth.devices;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a container needs for its GPUs.
 *
 * @param masks names of the variables that choose among the GPUs; they belong to the container even where the caller's
 *     environment does not
 * @param environment variables whose values change
 * @param warnings what the user should know
 */
public record GpuPlan(
        List<HostLibrary> libraries,
        List<HostFile> files,
        List<Path> devices,
        List<String> masks,
        Map<String, String> environment,
        List<String> warnings) {
    public static final GpuPlan NOTHING = new GpuPlan(List.of(), List.of(), List.of(), List.of(), Map.of(), List.of());

    public GpuPlan {
        libraries = List.copyOf(libraries);
        files = List.copyOf(files);
        devices = List.copyOf(devices);
        masks = List.copyOf(masks);
        environment = java.util.Collections.unmodifiableMap(new TreeMap<>(environment));
        warnings = List.copyOf(warnings);
    }
}
