package org.berth.devices;

import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.berth.elf.ElfFile;

/**
 * A library of the host that may be shown in a container.
 *
 * @param name the file's own name, {@code libcuda.so.535.129.03}
 * @param aliases the names by which programs ask for it, {@code libcuda.so.1}
 * @param file where it lies, without links
 */
public record HostLibrary(String name, Set<String> aliases, Path file, ElfFile elf) {
    public HostLibrary {
        aliases = java.util.Collections.unmodifiableSet(new TreeSet<>(aliases));
    }

    /** {@code cuda} of {@code libcuda.so.535.129.03}. */
    String stem() {
        int end = name.indexOf(".so");
        return name.substring(name.startsWith("lib") ? 3 : 0, end < 0 ? name.length() : end);
    }
}
