package org.berth.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import java.util.Set;
import org.berth.launch.LoneRanks.Offer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoneRanksTest {
    private static final String ALONE = "MPI ranks of this step would start alone, each in a world of one: ";

    private static String warned(Offer offer, Set<String> linked, Set<String> files) {
        return LoneRanks.warning(offer, linked, files::contains).map(Note::text).orElse("");
    }

    @Test
    void namesWhatTheImagesLibrarySpeaks() {
        assertTrue(warned(Offer.NONE, Set.of("libc.so.6", "libmpi.so.40"), Set.of())
                .endsWith("the image has Open MPI; say srun --mpi=pmix"));
        assertTrue(warned(Offer.NONE, Set.of("libmpich.so.12"), Set.of())
                .endsWith("the image has MPICH; say srun --mpi=pmi2"));
        assertTrue(warned(Offer.NONE, Set.of("libmpich.so.12", "libmpi.so.40"), Set.of())
                .endsWith("the image has Open MPI and MPICH; say srun --mpi=pmix or --mpi=pmi2"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "NONE | libmpich.so.12               | the image has MPICH; say srun --mpi=pmi2",
                "PMI2 | libmpich.so.12               | ''",
                "PMIX | libmpich.so.12               | srun offers PMIx (--mpi=pmix), the image has MPICH; say srun --mpi=pmi2",
                "PMIX | libmpi.so.12                 | srun offers PMIx (--mpi=pmix), the image has MPICH; say srun --mpi=pmi2",
                "PMI2 | libmpi.so.40                 | srun offers PMI-2 (--mpi=pmi2), the image has Open MPI; say srun --mpi=pmix",
                "PMIX | libmpi.so.40                 | ''",
                // One of the two is the right one, and which of them the program is linked to is not known.
                "PMI2 | libmpi.so.40 libmpich.so.12  | ''",
                "PMIX | libmpi.so.40 libmpich.so.12  | ''",
                // Built with the other one's client.
                "PMIX | libmpich.so.12 libpmix.so.2  | ''",
                "PMI2 | libmpi.so.40 libpmi2.so.0    | ''",
                "NONE | libmpich.so.12 libpmix.so.2  | the image has MPICH; say srun --mpi=pmi2",
                "PMIX | libc.so.6                    | ''",
                "PMI2 | libc.so.6 libpmix.so.2       | ''",
            })
    void comparesWhatSrunOffersWithWhatTheImageSpeaks(Offer offer, String libraries, String warning) {
        assertEquals(warning.isEmpty() ? "" : ALONE + warning, warned(offer, Set.of(libraries.split(" ")), Set.of()));
    }

    @Test
    void findsLibrariesThatTheLinkerDoesNotKnow() {
        assertTrue(warned(Offer.NONE, Set.of(), Set.of("/usr/lib64/openmpi/lib/libmpi.so.40"))
                .contains("--mpi=pmix"));
        assertTrue(warned(Offer.PMIX, Set.of(), Set.of("/usr/lib/libmpi.so.12")).contains("--mpi=pmi2"));
    }

    @Test
    void saysNothingOfAnImageWithoutMpi() {
        for (Offer offer : Offer.values()) {
            assertEquals(
                    Optional.empty(),
                    LoneRanks.warning(
                            offer, Set.of("libc.so.6", "libmpdec.so.3"), Set.of("/usr/lib/libz.so.1")::contains));
        }
    }
}
