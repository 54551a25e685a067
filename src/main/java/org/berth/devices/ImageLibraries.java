package org.berth.devices;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.berth.elf.ElfFile;
import org.berth.elf.ElfReader;

/**
 * The libraries that an image has by itself.
 *
 * @param names what its linker's cache lists; empty if it has no cache, and nothing is known
 * @param versions the symbol versions that its glibc's files define
 */
public record ImageLibraries(Optional<Set<String>> names, Map<String, Set<String>> versions) {
    public static final ImageLibraries UNKNOWN = new ImageLibraries(Optional.empty(), Map.of());

    /** A library is compared with these files; each is some hundred KB, libc.so.6 two MB. */
    private static final Set<String> GLIBC =
            Set.of("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1");

    private static final int MAX_CACHE = 16 << 20;
    private static final int MAX_LIBRARY = 16 << 20;

    public ImageLibraries {
        names = names.map(Set::copyOf);
        versions = Map.copyOf(versions);
    }

    /** The files of an image; paths are resolved inside it. */
    public interface Tree {
        Optional<byte[]> read(String path, int limit);
    }

    private static Optional<LinkerCache> cache(Tree image) {
        return image.read("/etc/ld.so.cache", MAX_CACHE).map(LinkerCache::parse);
    }

    private static Set<String> names(LinkerCache cache) {
        return cache.entries().stream().map(LinkerCache.Entry::name).collect(Collectors.toSet());
    }

    /** The names that the image's linker knows; nothing for one without its cache, as of musl. */
    public static Optional<Set<String>> linked(Tree image) {
        return cache(image).map(ImageLibraries::names);
    }

    /** Reads the image's linker cache and what its glibc defines. */
    public static ImageLibraries of(Tree image) {
        Optional<LinkerCache> cache = cache(image);
        if (cache.isEmpty()) {
            return UNKNOWN;
        }
        Map<String, Set<String>> versions = new java.util.TreeMap<>();
        for (LinkerCache.Entry entry : cache.orElseThrow().entries()) {
            if (GLIBC.contains(entry.name()) && !versions.containsKey(entry.name())) {
                image.read(entry.path(), MAX_LIBRARY)
                        .flatMap(bytes -> ElfReader.read(ElfReader.Source.of(bytes)))
                        .map(ElfFile::versionsDefined)
                        .ifPresent(defined -> versions.put(entry.name(), defined));
            }
        }
        return new ImageLibraries(cache.map(ImageLibraries::names), versions);
    }

    /** Whether the image lacks a library for sure, under all the names that it has. */
    boolean lacks(HostLibrary library) {
        return names.isPresent()
                && !names.orElseThrow().contains(library.name())
                && library.aliases().stream().noneMatch(names.orElseThrow()::contains);
    }

    /** The versions that a library needs of the image's glibc, and that this lacks: {@code GLIBC_2.34}. */
    Set<String> unmet(HostLibrary library) {
        Set<String> unmet = new java.util.TreeSet<>();
        versions.forEach((file, defined) -> unmet.addAll(library.elf().unmet(file, defined)));
        return unmet;
    }
}
