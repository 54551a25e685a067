package org.berth.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class SmallFileTest {
    @TempDir
    Path folder;

    @Test
    void aFileIsReadWholeAndNoMore() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "12345");
        assertEquals("12345", SmallFile.text(file, 5, StandardCharsets.UTF_8));
        FileSystemException e = assertThrows(FileSystemException.class, () -> SmallFile.read(file, 4));
        assertEquals("is longer than 4 bytes", e.getReason());
        assertThrows(NoSuchFileException.class, () -> SmallFile.read(folder.resolve("none"), 1));
    }

    @Test
    @Timeout(value = 20, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aFifoADirectoryAndALinkAreNotOpened() throws IOException, InterruptedException {
        Path fifo = folder.resolve("fifo");
        assertEquals(0, new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor());
        assertThrows(FileSystemException.class, () -> SmallFile.read(fifo, 10));
        assertThrows(FileSystemException.class, () -> SmallFile.read(folder, 10));
        Path file = Files.writeString(folder.resolve("file"), "1");
        Path link = Files.createSymbolicLink(folder.resolve("link"), file);
        assertThrows(FileSystemException.class, () -> SmallFile.read(link, 10));
        assertThrows(FileSystemException.class, () -> SmallFile.read(Path.of("/dev/zero"), 10));
    }

    @Test
    void aFileThatOthersReplaceIsReadAllTheSame() throws IOException, InterruptedException {
        Path file = Files.writeString(folder.resolve("file"), "0");
        AtomicBoolean done = new AtomicBoolean();
        Thread writer = Thread.ofPlatform().start(() -> {
            try {
                while (!done.get()) {
                    Path fresh = Files.writeString(folder.resolve("fresh"), "1");
                    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        try {
            for (int i = 0; i < 20_000; i++) {
                assertEquals(1, SmallFile.text(file, 5, StandardCharsets.UTF_8).length());
            }
        } finally {
            done.set(true);
            writer.join();
        }
    }
}
