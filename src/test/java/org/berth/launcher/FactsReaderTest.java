package org.berth.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.List;
import org.berth.error.HostException;
import org.berth.host.Bytes;
import org.berth.host.Facts;
import org.junit.jupiter.api.Test;

class FactsReaderTest {
    @Test
    void allThatTheLauncherTellsIsRead() {
        Facts facts = FactsReader.parse(words(
                "berth-facts",
                "1",
                "argv",
                "3",
                "berth",
                "exec",
                "\udcff",
                "env",
                "2",
                "A=1",
                "A=2",
                "ids",
                "6",
                "1001",
                "1001",
                "1002",
                "1002",
                "1002",
                "7",
                "passwd",
                "4",
                "alice",
                "Alice",
                "/home/alice",
                "/bin/zsh",
                "groups",
                "1",
                "7:wheel",
                "cwd",
                "3",
                "/data",
                "1",
                "2",
                "umask",
                "1",
                "27",
                "tty",
                "3",
                "1",
                "0",
                "1",
                "exe",
                "1",
                "/opt/b/bin/berth",
                "prefix",
                "1",
                "/opt/b",
                "uname",
                "5",
                "Linux",
                "node",
                "6",
                "v",
                "x86_64",
                "end"));
        assertEquals(List.of("berth", "exec", "\udcff"), facts.argv());
        assertEquals("1", facts.environment("A").orElseThrow());
        assertEquals(List.of(1002, 7), facts.groups());
        assertEquals(new Facts.Account("alice", "Alice", "/home/alice", "/bin/zsh"), facts.account());
        assertEquals(027, facts.umask());
        assertEquals(Path.of("/opt/b"), facts.prefix());
        assertEquals("node", facts.hostname());
    }

    @Test
    void factsOfAnotherVersionAreRefused() {
        assertThrows(HostException.class, () -> FactsReader.parse(words("berth-facts", "2", "end")));
        assertThrows(HostException.class, () -> FactsReader.parse(new byte[0]));
    }

    private static byte[] words(String... words) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (String word : words) {
            out.writeBytes(Bytes.encode(word));
            out.write(0);
        }
        return out.toByteArray();
    }

    @Test
    void damagedFactsAreRefusedInASentence() {
        assertThrows(HostException.class, () -> FactsReader.parse(words("berth-facts", "1", "argv", "x", "end")));
        assertThrows(HostException.class, () -> FactsReader.parse(words("berth-facts", "1", "argv", "-1", "end")));
        assertThrows(HostException.class, () -> FactsReader.parse(words("berth-facts", "1", "argv", "9", "end")));
    }

    @Test
    void aWorkingDirectoryThatIsNoTextIsNamed() {
        HostException e = assertThrows(
                HostException.class,
                () -> FactsReader.parse(words(
                        "berth-facts",
                        "1",
                        "ids",
                        "4",
                        "1",
                        "1",
                        "1",
                        "1",
                        "uname",
                        "5",
                        "Linux",
                        "n",
                        "6",
                        "v",
                        "x86_64",
                        "cwd",
                        "1",
                        "/\udcff",
                        "end")));
        assertTrue(String.valueOf(e.getMessage()).contains("cannot handle"), e.getMessage());
    }
}
