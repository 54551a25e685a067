package org.berth.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProcessIdentityTest {
    private static final ProcessIdentity US = ProcessIdentity.current();

    @Test
    void thisProcessLives() throws IOException {
        assertEquals(ProcessHandle.current().pid(), US.pid());
        assertTrue(US.isNeighbour());
        assertFalse(US.isGone());
        String host = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        assertTrue(host.startsWith(US.host()) || !host.matches("[A-Za-z0-9.-]+"), US.host());
        assertEquals("process %d on %s".formatted(US.pid(), US.host()), US.toString());
    }

    @Test
    void theWordIsReadBack() {
        ProcessIdentity dashed = new ProcessIdentity("gpu-node-07", "0badcafe", 12, 345678);
        assertEquals("gpu-node-07-0badcafe-12-345678", dashed.word());
        assertEquals(Optional.of(dashed), ProcessIdentity.parse(dashed.word()));
        assertEquals(Optional.of(US), ProcessIdentity.parse(US.word()));
        for (String other : new String[] {"", "n1-0badcafe-1", "n1-0badcafe-x-1", "a.b-0badcafe-1-2", "n1-BAD-1-2"}) {
            assertEquals(Optional.empty(), ProcessIdentity.parse(other));
        }
    }

    @Test
    void anEndedProcessIsGoneAsIsAnotherOneWithItsNumber() throws Exception {
        Process sleeping = new ProcessBuilder("sleep", "60").start();
        String stat = Files.readString(Path.of("/proc/%d/stat".formatted(sleeping.pid())));
        long start = Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19]);
        ProcessIdentity other = new ProcessIdentity(US.host(), US.place(), sleeping.pid(), start);
        assertFalse(other.isGone());
        assertTrue(new ProcessIdentity(US.host(), US.place(), sleeping.pid(), start - 1).isGone());
        sleeping.destroyForcibly().waitFor();
        assertTrue(other.isGone());
    }

    @Test
    void ofOtherMachinesNothingIsKnown() {
        ProcessIdentity elsewhere = new ProcessIdentity(US.host(), "00000000", 1_000_000_000, 1);
        assertFalse(elsewhere.isNeighbour());
        assertFalse(elsewhere.isGone());
    }
}
