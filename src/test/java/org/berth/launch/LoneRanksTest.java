package org.berth.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LoneRanksTest {
    private static String warned(Set<String> linked, Set<String> files) {
        return LoneRanks.warning(linked, files::contains).map(Note::text).orElse("");
    }

    @Test
    void namesWhatTheImagesLibrarySpeaks() {
        assertTrue(warned(Set.of("libc.so.6", "libmpi.so.40"), Set.of())
                .endsWith("the image has Open MPI; say srun --mpi=pmix"));
        assertTrue(warned(Set.of("libmpich.so.12"), Set.of()).endsWith("the image has MPICH; say srun --mpi=pmi2"));
        assertTrue(warned(Set.of("libmpich.so.12", "libmpi.so.40"), Set.of())
                .endsWith("the image has Open MPI and MPICH; say srun --mpi=pmix or --mpi=pmi2"));
    }

    @Test
    void findsLibrariesThatTheLinkerDoesNotKnow() {
        assertTrue(
                warned(Set.of(), Set.of("/usr/lib64/openmpi/lib/libmpi.so.40")).contains("--mpi=pmix"));
        assertTrue(warned(Set.of(), Set.of("/usr/lib/libmpi.so.12")).contains("--mpi=pmi2"));
    }

    @Test
    void saysNothingOfAnImageWithoutMpi() {
        assertEquals(
                Optional.empty(),
                LoneRanks.warning(Set.of("libc.so.6", "libmpdec.so.3"), Set.of("/usr/lib/libz.so.1")::contains));
    }
}
