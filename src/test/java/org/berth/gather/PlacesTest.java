package org.berth.gather;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.contains;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.times;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.verifyNoInteractions;
import static org.mockito.Mockito.verifyNoMoreInteractions;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.berth.cli.CommandLineParser;
import org.berth.cli.Invocation;
import org.berth.cli.OptionEnvironment;
import org.berth.config.SiteConfig;
import org.berth.error.HostException;
import org.berth.host.Facts;
import org.berth.host.Host;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where temporary files go, and what is said of a place that is not there. */
class PlacesTest {
    @TempDir
    Path directory;

    private final Listener listener = mock(Listener.class);

    private Places places(Map<String, String> environment, String... words) {
        Facts facts = PlannedCommands.facts(List.of(words), environment, 1001);
        Host host = new Host(facts);
        Invocation invocation =
                OptionEnvironment.apply(CommandLineParser.parse(facts.argv()), host, new java.util.ArrayList<>());
        return new Places(invocation, host, SiteConfig.DEFAULTS);
    }

    @Test
    void whatIsThereIsUsedWithoutAWord() {
        Places places = places(Map.of("TMPDIR", directory.toString()), "pull", "docker://x");
        assertEquals(directory, places.temporaryDirectory(listener));
        verifyNoInteractions(listener);
    }

    @Test
    void aTmpdirThatIsNotThereIsPassedOverWithOneWarning() {
        Places places = places(Map.of("TMPDIR", directory + "/gone"), "pull", "docker://x");
        Path used = places.temporaryDirectory(listener);
        assertEquals(used, places.temporaryDirectory(listener));
        verify(listener, times(1))
                .warning(contains("TMPDIR is %s/gone, which does not exist here".formatted(directory)));
        verifyNoMoreInteractions(listener);
    }

    @Test
    void whatWasNamedForBerthAloneHasToBeThere() {
        Places places = places(Map.of("APPTAINER_TMPDIR", directory + "/gone"), "pull", "docker://x");
        HostException refused = assertThrows(HostException.class, () -> places.temporaryDirectory(listener));
        assertTrue(refused.getMessage().contains("gone, does not exist"), refused.getMessage());
        verifyNoInteractions(listener);
    }
}
