package org.berth.gather;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.berth.error.UsageException;
import org.berth.resolve.SavedForm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names that a container can be saved under. */
class SavedPathTest {
    @ParameterizedTest
    @CsvSource({
        "1, x.sif, x.sif",
        "1, /a/%N/x.sif, /a/n1/x.sif",
        "2, x-%N.sqsh, x-n1.sqsh",
        "2, 100%%-%N-%N.sif, 100%-n1-n1.sif",
        "1, 100%%.sif, 100%.sif"
    })
    void theNodesNameStandsForItsMark(int nodes, String text, String path) {
        assertEquals(path, SavedPath.on("n1", nodes, text));
    }

    @Test
    void severalNodesDoNotWriteOneFile() {
        String message = assertThrows(UsageException.class, () -> SavedPath.on("n1", 2, "x-%%N.sif"))
                .getMessage();
        assertEquals("--container-save=x-%%N.sif: 2 nodes would write the same file", message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x-%j.sif", "x.sif%", "%n.sif"})
    void otherMarksAreUnknown(String text) {
        assertTrue(assertThrows(UsageException.class, () -> SavedPath.on("n1", 1, text))
                .getMessage()
                .contains(text));
    }

    @Test
    void theEndingSaysTheForm() {
        assertEquals(SavedForm.SIF, SavedForm.of(Path.of("/a.sqsh/b.sif")));
        for (String name : new String[] {"a.sqsh", "a.sif.sqfs", "./a.squashfs"}) {
            assertEquals(SavedForm.SQUASHFS, SavedForm.of(Path.of(name)));
        }
        UsageException refused = assertThrows(UsageException.class, () -> SavedForm.of(Path.of("/a/b.tar")));
        assertEquals("could not save the container as /a/b.tar: the form is not known", refused.getMessage());
        assertTrue(refused.hint().orElseThrow().contains(".sqsh"));
    }
}
