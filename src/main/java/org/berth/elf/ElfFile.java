package org.berth.elf;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a shared object or program says to the dynamic linker (ELF gABI, and the GNU symbol versions of the LSB).
 *
 * @param bits 32 or 64
 * @param machine {@code e_machine}: 62 is x86-64, 183 is AArch64
 * @param soname {@code DT_SONAME}
 * @param needed {@code DT_NEEDED}, in order
 * @param versionsNeeded for each file, the versions without which the linker refuses this one ({@code DT_VERNEED}; weak ones
 *     are left out)
 * @param versionsDefined the versions that this file has ({@code DT_VERDEF})
 */
public record ElfFile(
        int bits,
        int machine,
        Optional<String> soname,
        List<String> needed,
        Map<String, Set<String>> versionsNeeded,
        Set<String> versionsDefined) {
    public ElfFile {
        needed = List.copyOf(needed);
        Map<String, Set<String>> copy = new LinkedHashMap<>();
        versionsNeeded.forEach(
                (file, versions) -> copy.put(file, java.util.Collections.unmodifiableSet(new TreeSet<>(versions))));
        versionsNeeded = java.util.Collections.unmodifiableMap(copy);
        versionsDefined = java.util.Collections.unmodifiableSet(new TreeSet<>(versionsDefined));
    }

    /** The versions of {@code file} that this one needs and a provider with {@code defined} lacks; none if it defines none at all. */
    public Set<String> unmet(String file, Set<String> defined) {
        Set<String> unmet = new TreeSet<>(versionsNeeded.getOrDefault(file, Set.of()));
        if (defined.isEmpty()) {
            return Set.of();
        }
        unmet.removeAll(defined);
        return unmet;
    }
}
