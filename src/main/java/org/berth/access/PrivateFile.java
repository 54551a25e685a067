package org.berth.access;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.berth.error.HostException;
import org.berth.host.Host;

/** Writes files with secrets: mode 0600 from their first byte, whole or not at all. */
final class PrivateFile {
    private PrivateFile() {}

    /** What is there is replaced; where it is a link to a file, that file is. */
    static void write(Path named, byte[] bytes) {
        try {
            Path path = Files.exists(named) ? named.toRealPath() : named;
            Path folder = Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file lies in a folder");
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            String random =
                    HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
            Path temporary = folder.resolve(".%s.%s".formatted(path.getFileName(), random));
            try {
                try (FileChannel out = FileChannel.open(
                        temporary,
                        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    while (buffer.hasRemaining()) {
                        out.write(buffer);
                    }
                    out.force(true);
                }
                Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw new HostException("could not write %s: %s".formatted(named, Host.reason(e)), e);
        }
    }
}
