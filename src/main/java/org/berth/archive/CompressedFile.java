package org.berth.archive;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.files.Reason;

/** An archive that is compressed as a whole: its members can only be reached in an uncompressed copy. */
final class CompressedFile {
    private static final int BUFFER = 1 << 18;

    /** Room that is left to others on the file system of the copy, checked every {@link #CHECK} bytes. */
    private static final long RESERVE = 64 << 20;

    private static final long CHECK = 16 << 20;

    private CompressedFile() {}

    /**
     * An uncompressed copy of a file that is compressed by gzip or zstd; empty if it is not.
     *
     * @param scratch directory for the copy
     * @throws ImageException if there is no file, it is damaged or no archive
     * @throws HostException if the copy does not fit
     */
    static Optional<Path> inflate(Path file, Path scratch) {
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), BUFFER)) {
            raw.mark(8);
            byte[] magic = raw.readNBytes(4);
            raw.reset();
            if (starts(magic, 0x1f, 0x8b)) {
                // The JDK's stream looks for a further member by available(), which is exact for a file.
                return Optional.of(copy(file, new GZIPInputStream(raw, BUFFER), scratch));
            }
            if (starts(magic, 0x28, 0xb5, 0x2f, 0xfd)) {
                return Optional.of(copy(file, new ZstdInputStreamNoFinalizer(raw), scratch));
            }
            return Optional.empty();
        } catch (EOFException | ZipException | ZstdIOException e) {
            throw new ImageException("%s: its compressed data is damaged: %s".formatted(file, e.getMessage()), e);
        } catch (IOException e) {
            throw new ImageException("could not read %s: %s".formatted(file, Reason.of(e)), e);
        }
    }

    private static boolean starts(byte[] bytes, int... magic) {
        return bytes.length >= magic.length && Arrays.equals(magic, 0, magic.length, unsigned(bytes), 0, magic.length);
    }

    private static int[] unsigned(byte[] bytes) {
        int[] values = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            values[i] = bytes[i] & 0xff;
        }
        return values;
    }

    private static Path copy(Path file, InputStream in, Path scratch) throws IOException {
        byte[] buffer = new byte[BUFFER];
        try (in) {
            int first = in.readNBytes(buffer, 0, buffer.length);
            if (!TarIndex.isHeader(buffer, first)) {
                throw new ImageException("%s: compressed, but not a tar archive: invalid tar header".formatted(file));
            }
            return spool(new SequenceInputStream(new ByteArrayInputStream(buffer, 0, first), in), scratch);
        }
    }

    /**
     * Everything that a stream has, in a new temporary file.
     *
     * @throws HostException if it does not fit
     */
    static Path spool(InputStream in, Path scratch) throws IOException {
        Path copy = temporary(scratch);
        boolean done = false;
        try (OutputStream out = Files.newOutputStream(copy)) {
            byte[] buffer = new byte[BUFFER];
            long unchecked = CHECK;
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                unchecked += count;
                if (unchecked >= CHECK) {
                    requireRoom(scratch);
                    unchecked = 0;
                }
                write(out, buffer, count, copy);
            }
            done = true;
            return copy;
        } finally {
            if (!done) {
                TarFiles.remove(copy);
            }
        }
    }

    private static Path temporary(Path scratch) {
        try {
            return Files.createTempFile(scratch, "berth-archive-", ".tar");
        } catch (IOException e) {
            throw new HostException("could not make a temporary file in %s: %s".formatted(scratch, Reason.of(e)), e)
                    .hint("set APPTAINER_TMPDIR to a directory that can be written");
        }
    }

    private static void requireRoom(Path scratch) throws IOException {
        long free = Files.getFileStore(scratch).getUsableSpace();
        if (free < RESERVE) {
            throw new HostException("%s: no space left for the uncompressed archive".formatted(scratch))
                    .hint("make room, or set APPTAINER_TMPDIR to a larger directory");
        }
    }

    private static void write(OutputStream out, byte[] buffer, int count, Path copy) {
        try {
            out.write(buffer, 0, count);
        } catch (IOException e) {
            throw new HostException("could not write %s: %s".formatted(copy, Reason.of(e)), e)
                    .hint("make room, or set APPTAINER_TMPDIR to a larger directory");
        }
    }
}
