package org.berth.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.berth.cache.Java;
import org.berth.process.ProcessIdentity;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnfinishedTest {
    @TempDir
    Path folder;

    /** Another process: begins a file and stays. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        try (Unfinished part = Unfinished.beside(Path.of(arguments[0]).resolve("theirs"))) {
            if (arguments.length > 1) {
                Files.createDirectories(part.path().resolve("some/where"));
                Files.setPosixFilePermissions(part.path().resolve("some"), Set.of());
            } else {
                Files.writeString(part.path(), "half");
            }
            System.out.println("begun");
            Thread.sleep(60_000);
        }
    }

    private List<String> files() throws IOException {
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    private void writeOurs() throws IOException {
        OwnFiles.write(folder.resolve("ours"), 0644, "text".getBytes(StandardCharsets.US_ASCII));
        assertEquals("text", Files.readString(folder.resolve("ours")));
    }

    @Test
    void aLivingWritersFileStaysWithoutAnyLock() throws Exception {
        Process other = Java.start(UnfinishedTest.class, folder.toString());
        Java.await(other, "begun");
        writeOurs();
        assertEquals(2, files().size());
        Java.signal(other, "STOP");
        writeOurs();
        assertEquals(2, files().size(), "stopped is not gone");
        other.destroyForcibly().waitFor();
        writeOurs();
        assertEquals(List.of("ours"), files());
    }

    @Test
    void aWriterThatIsAskedToEndTidiesUp() throws Exception {
        Process other = Java.start(UnfinishedTest.class, folder.toString());
        Java.await(other, "begun");
        other.destroy();
        other.waitFor();
        assertEquals(List.of(), files());
    }

    @Test
    void whatAKilledWriterOfADirectoryLeftIsRemovedWithAllThatIsInIt() throws Exception {
        Process other = Java.start(UnfinishedTest.class, folder.toString(), "directory");
        Java.await(other, "begun");
        writeOurs();
        assertEquals(2, files().size());
        other.destroyForcibly().waitFor();
        writeOurs();
        assertEquals(List.of("ours"), files());
        other = Java.start(UnfinishedTest.class, folder.toString(), "directory");
        Java.await(other, "begun");
        other.destroy();
        other.waitFor();
        assertEquals(List.of("ours"), files());
    }

    @Test
    void anotherMachinesFileIsRemovedWhenItHasNotGrownForADay() throws IOException {
        String name = ".berth.%s.0123456789abcdef.part";
        Path theirs = Files.writeString(
                folder.resolve(name.formatted(new ProcessIdentity("far", "00000000", 999_999_999, 1).word())), "");
        writeOurs();
        assertTrue(Files.exists(theirs));
        Files.setLastModifiedTime(theirs, FileTime.from(Instant.now().minus(Duration.ofHours(25))));
        writeOurs();
        assertFalse(Files.exists(theirs));
    }

    @Test
    void filesThatAreNotOursByNameStay() throws IOException {
        Files.writeString(folder.resolve("a.part"), "");
        Files.writeString(folder.resolve(".berthing.part"), "");
        Files.createDirectory(folder.resolve(".berth.x.part"));
        writeOurs();
        assertEquals(List.of(".berth.x.part", ".berthing.part", "a.part", "ours"), files());
    }
}
