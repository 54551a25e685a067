package org.berth.instance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.berth.error.HostException;
import org.junit.jupiter.api.Test;

/** What a name comes to, by its mode and by what is there. */
class ChoiceTest {
    private static final KeptContainer THERE = new KeptContainer(
            Path.of("/c/x"),
            "x",
            Optional.empty(),
            new KeptImage("/a.sif", "a.sif", Optional.empty(), 0, 0),
            Instant.EPOCH);
    private static final Occupants.Holder HOLDER = new Occupants.Holder(1, 2);

    @Test
    void withoutAModeItIsJoinedUsedOrMade() {
        assertEquals(new Choice.Make(), absent("x"));
        assertEquals(new Choice.Start(THERE), untouched("x"));
        assertEquals(new Choice.Start(THERE), idle("x"));
        assertEquals(new Choice.Join(THERE, HOLDER), running("x"));
    }

    @Test
    void createWantsNone() {
        assertEquals(new Choice.Make(), absent("x:create"));
        assertEquals(new Choice.Make(), untouched("x:create"));
        assertThrows(HostException.class, () -> idle("x:create"));
        assertThrows(HostException.class, () -> running("x:create"));
    }

    @Test
    void execWantsOneThatRuns() {
        assertThrows(HostException.class, () -> absent("x:exec"));
        assertThrows(HostException.class, () -> untouched("x:exec"));
        assertThrows(HostException.class, () -> idle("x:exec"));
        assertEquals(new Choice.Join(THERE, HOLDER), running("x:exec"));
    }

    @Test
    void noExecWantsNobodyInIt() {
        assertEquals(new Choice.Make(), absent("x:no_exec"));
        assertEquals(new Choice.Start(THERE), untouched("x:no_exec"));
        assertEquals(new Choice.Start(THERE), idle("x:no_exec"));
        assertThrows(HostException.class, () -> running("x:no_exec"));
    }

    private static Choice absent(String name) {
        return Choice.of(name(name), Optional.empty(), false, Optional.empty());
    }

    private static Choice untouched(String name) {
        return Choice.of(name(name), Optional.of(THERE), false, Optional.empty());
    }

    private static Choice idle(String name) {
        return Choice.of(name(name), Optional.of(THERE), true, Optional.empty());
    }

    private static Choice running(String name) {
        return Choice.of(name(name), Optional.of(THERE), true, Optional.of(HOLDER));
    }

    private static ContainerName name(String text) {
        return ContainerName.parse(text, Optional.empty());
    }
}
