package org.berth.launch;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** Tasks of a Slurm step that were told nothing of each other: MPI starts in each of them as a world of one. */
public final class LoneRanks {
    /** Where an MPI library is that the image's linker does not find by itself, as {@code module load} has it. */
    private static final List<String> DIRECTORIES = List.of(
            "/usr/lib",
            "/usr/local/lib",
            "/usr/local/lib64",
            "/usr/lib64/openmpi/lib",
            "/usr/lib64/mpich/lib",
            "/opt/openmpi/lib",
            "/opt/mpich/lib");

    private LoneRanks() {}

    /** What an MPI library is known by, and the {@code --mpi} of srun that it speaks. */
    private enum Library {
        OPEN_MPI("Open MPI", "pmix", List.of("libmpi.so.40", "libmpi.so.20")),
        /** Intel MPI and MVAPICH go by its name. */
        MPICH("MPICH", "pmi2", List.of("libmpi.so.12", "libmpich.so.12"));

        private final String title;
        private final String type;
        private final List<String> files;

        Library(String title, String type, List<String> files) {
            this.title = title;
            this.type = type;
            this.files = files;
        }

        private boolean in(Set<String> linked, Predicate<String> exists) {
            return files.stream()
                    .anyMatch(file -> linked.contains(file)
                            || DIRECTORIES.stream().anyMatch(directory -> exists.test(directory + "/" + file)));
        }
    }

    /**
     * The warning for a step of several tasks without PMI, where the image has an MPI library.
     *
     * @param linked the names that the image's linker knows
     * @param exists whether the image has a file
     */
    public static Optional<Note> warning(Set<String> linked, Predicate<String> exists) {
        List<String> titles = new ArrayList<>();
        List<String> types = new ArrayList<>();
        for (Library library : Library.values()) {
            if (library.in(linked, exists)) {
                titles.add(library.title);
                types.add("--mpi=" + library.type);
            }
        }
        return titles.isEmpty()
                ? Optional.empty()
                : Optional.of(Note.warning(
                        "MPI ranks of this step would start alone, each in a world of one: the image has %s; say srun %s"
                                .formatted(String.join(" and ", titles), String.join(" or ", types))));
    }
}
