package org.berth.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.berth.error.HostException;

/** What commands do with the files that they make. */
public final class OutputFiles {
    private static final int BUFFER = 1 << 18;

    private OutputFiles() {}

    /** The directory of a file. */
    public static Path folder(Path file) {
        return Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file lies in a folder");
    }

    /** A hidden name beside a file, for what becomes that file: two writers never share one. */
    public static Path beside(Path file) {
        String random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        return folder(file).resolve(".berth-%s-%s".formatted(random, file.getFileName()));
    }

    /**
     * Copies a part of a file.
     *
     * @param at where it begins in {@code out}
     */
    public static void copyPart(Path from, long offset, long size, FileChannel out, long at) {
        try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ)) {
            if (in.size() < offset + size) {
                throw new IOException("it is shorter than it says");
            }
            transfer(in, offset, size, out, at);
        } catch (IOException e) {
            throw new HostException("could not copy %s: %s".formatted(from, Reason.of(e)), e);
        }
    }

    private static void transfer(FileChannel in, long offset, long size, FileChannel out, long at) throws IOException {
        out.position(at);
        long done = 0;
        while (done < size) {
            long count = in.transferTo(offset + done, size - done, out);
            if (count <= 0) {
                throw new IOException("it was cut while it was copied");
            }
            done += count;
        }
    }

    /** Writes all that a stream has into a file, new or empty, and brings it to the disk. */
    public static void write(InputStream in, Path file) throws IOException {
        try (FileChannel out = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            byte[] buffer = new byte[BUFFER];
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                writeAll(out, ByteBuffer.wrap(buffer, 0, count));
            }
            out.force(true);
        }
    }

    /** Writes all of them; one call may write less. */
    public static void writeAll(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }

    /** Makes a directory that nobody else can enter. */
    public static void makePrivateDirectory(Path directory) {
        try {
            Files.createDirectory(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException e) {
            throw new HostException("could not make %s: it exists".formatted(directory), e);
        } catch (IOException e) {
            throw new HostException("could not make %s: %s".formatted(directory, Reason.of(e)), e);
        }
    }

    /** Gives a file or directory another name on the same file system; a file that has it is replaced. */
    public static void rename(Path from, Path to) {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new HostException("could not rename %s to %s: %s".formatted(from, to, Reason.of(e)), e);
        }
    }
}
