package org.berth.launch;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Tasks of a Slurm step that MPI would start in as worlds of one: srun tells them nothing of each other, or tells it in a way that the
 * image's library does not listen to.
 */
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

    /** What srun's {@code --mpi} gives the tasks. */
    public enum Offer {
        NONE("nothing", List.of()),
        PMI2("PMI-2", List.of("libpmi2.so.0", "libpmi.so.0")),
        PMIX("PMIx", List.of("libpmix.so.2"));

        private final String title;

        /** Libraries by which an MPI library may speak it that was not built for it in the first place. */
        private final List<String> clients;

        Offer(String title, List<String> clients) {
            this.title = title;
            this.clients = clients;
        }

        private String option() {
            return "--mpi=" + word();
        }

        private String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** What the plugin says; a word of a newer one says nothing here. */
        public static Optional<Offer> of(String word) {
            return Stream.of(values())
                    .filter(offer -> offer.word().equals(word))
                    .findFirst();
        }
    }

    /** What an MPI library is known by, and what each build of it speaks. */
    private enum Library {
        OPEN_MPI("Open MPI", Offer.PMIX, List.of("libmpi.so.40", "libmpi.so.20")),
        /** Intel MPI and MVAPICH go by its name. */
        MPICH("MPICH", Offer.PMI2, List.of("libmpi.so.12", "libmpich.so.12"));

        private final String title;
        private final Offer speaks;
        private final List<String> files;

        Library(String title, Offer speaks, List<String> files) {
            this.title = title;
            this.speaks = speaks;
            this.files = files;
        }
    }

    /**
     * The warning for a step of several tasks, where the image has an MPI library and none that speaks what is offered.
     *
     * @param linked the names that the image's linker knows
     * @param exists whether the image has a file
     */
    public static Optional<Note> warning(Offer offer, Set<String> linked, Predicate<String> exists) {
        Predicate<String> has = file -> linked.contains(file)
                || DIRECTORIES.stream().anyMatch(directory -> exists.test(directory + "/" + file));
        Set<Library> there = EnumSet.noneOf(Library.class);
        for (Library library : Library.values()) {
            if (library.files.stream().anyMatch(has)) {
                there.add(library);
            }
        }
        boolean understood = there.stream().anyMatch(library -> library.speaks == offer)
                || offer.clients.stream().anyMatch(has);
        return there.isEmpty() || understood ? Optional.empty() : Optional.of(Note.warning(text(offer, there)));
    }

    private static String text(Offer offer, Set<Library> there) {
        return "MPI ranks of this step would start alone, each in a world of one: %sthe image has %s; say srun %s"
                .formatted(
                        offer == Offer.NONE ? "" : "srun offers %s (%s), ".formatted(offer.title, offer.option()),
                        there.stream().map(library -> library.title).collect(Collectors.joining(" and ")),
                        there.stream().map(library -> library.speaks.option()).collect(Collectors.joining(" or ")));
    }
}
