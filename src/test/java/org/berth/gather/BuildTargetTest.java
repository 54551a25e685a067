package org.berth.gather;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.contains;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.verifyNoInteractions;
import static org.mockito.Mockito.when;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.berth.error.HostException;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When the user is asked before something of hers is replaced (apptainer.md 4.3). */
class BuildTargetTest {
    @TempDir
    Path directory;

    private final Listener listener = mock(Listener.class);

    private Host host(boolean terminal) {
        return new Host(new Facts(
                List.of("berth", "build"),
                Map.of(),
                1001,
                1001,
                List.of(1001),
                new Facts.Account("alice", "Alice", "/home/alice", "/bin/bash"),
                Map.of(),
                directory,
                true,
                022,
                terminal,
                terminal,
                Path.of("/opt/berth"),
                "node1",
                "x86_64"));
    }

    private BuildTarget target(boolean terminal, String name, BuildTarget.Form form) {
        return new BuildTarget(host(terminal), directory.resolve(name), name, form);
    }

    private void sandbox(String name) throws IOException {
        Files.createDirectories(directory.resolve(name).resolve(".singularity.d"));
    }

    @Test
    void nobodyIsAskedForWhatIsNew() {
        target(true, "x.sif", BuildTarget.Form.FILE).requireFree(false, listener);
        verifyNoInteractions(listener);
    }

    @Test
    void whoSaysNoKeepsWhatIsThere() throws IOException {
        Files.writeString(directory.resolve("x.sif"), "old");
        BuildTarget target = target(true, "x.sif", BuildTarget.Form.FILE);
        HostException stopped = assertThrows(HostException.class, () -> target.requireFree(false, listener));
        assertEquals("stopping build", stopped.getMessage());
        verify(listener).confirms(contains("'x.sif' already exists and will be deleted"));
        assertEquals("old", Files.readString(directory.resolve("x.sif")));
    }

    @Test
    void whoSaysYesIsAskedOnce() throws IOException {
        sandbox("box");
        when(listener.confirms(contains("'box'"))).thenReturn(true);
        target(true, "box", BuildTarget.Form.SANDBOX).requireFree(false, listener);
        verify(listener).confirms(contains("'box'"));
    }

    @Test
    void whereNobodyCanAnswerOrForceIsSaidNobodyIsAsked() throws IOException {
        sandbox("box");
        BuildTarget unattended = target(false, "box", BuildTarget.Form.SANDBOX);
        HostException refused = assertThrows(HostException.class, () -> unattended.requireFree(false, listener));
        assertTrue(refused.getMessage().contains("Use --force"), refused.getMessage());
        target(true, "box", BuildTarget.Form.SANDBOX).requireFree(true, listener);
        verifyNoInteractions(listener);
    }

    @Test
    void aDirectoryThatIsNoSandboxIsNotAskedFor() throws IOException {
        Files.createDirectories(directory.resolve("thesis/chapters"));
        BuildTarget target = target(true, "thesis", BuildTarget.Form.SANDBOX);
        HostException refused = assertThrows(HostException.class, () -> target.requireFree(false, listener));
        assertTrue(refused.getMessage().contains("check its content first"), refused.getMessage());
        verifyNoInteractions(listener);
    }
}
