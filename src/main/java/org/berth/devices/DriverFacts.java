package org.berth.devices;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What one maker's driver has on this machine.
 *
 * @param version the one that the kernel runs, {@code 535.129.03}
 * @param libraries those of the linker's cache whose names are of interest, in its order
 * @param controls nodes that every GPU of the maker needs, as far as this process may use them
 */
public record DriverFacts(
        Optional<String> version,
        List<HostLibrary> libraries,
        List<HostFile> files,
        List<Gpu> gpus,
        List<Path> controls) {
    public static final DriverFacts NONE =
            new DriverFacts(Optional.empty(), List.of(), List.of(), List.of(), List.of());

    public DriverFacts {
        libraries = List.copyOf(libraries);
        files = List.copyOf(files);
        gpus = List.copyOf(gpus);
        controls = List.copyOf(controls);
    }
}
