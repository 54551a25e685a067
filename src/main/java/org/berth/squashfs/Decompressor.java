package org.berth.squashfs;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.apache.commons.compress.compressors.xz.XZUtils;
import org.berth.error.ImageException;

/** Decompresses blocks, one at a time: each thread has its own. */
interface Decompressor extends AutoCloseable {
    /* An xz header may ask for 4 GiB of dictionary; a block has at most 1 MiB. */
    int MAX_XZ_MEMORY_KIB = 32 * 1024;

    /**
     * Decompresses a block.
     *
     * @param outLimit how many bytes may come out
     * @return how many did
     * @throws DataFormatException if the block is damaged or too large
     */
    int decompress(byte[] in, int inLength, byte[] out, int outLimit) throws DataFormatException;

    @Override
    void close();

    /**
     * A decompressor.
     *
     * @throws ImageException that begins with {@code name} if this installation has none for the type
     */
    static Decompressor of(CompressionType type, String name) {
        return switch (type) {
            case GZIP -> new Zlib();
            case ZSTD -> new Zstd();
            case LZ4 -> new Lz4();
            case XZ -> {
                if (!XZUtils.isXZCompressionAvailable()) {
                    throw unavailable(type, name);
                }
                yield new Streamed(in -> XZCompressorInputStream.builder()
                        .setInputStream(in)
                        .setMemoryLimitKiB(MAX_XZ_MEMORY_KIB)
                        .get());
            }
            // Neither is in a library here; images made with them are old or small.
            case LZMA, LZO -> throw unavailable(type, name);
        };
    }

    private static ImageException unavailable(CompressionType type, String name) {
        return new ImageException("%s: its squashfs is compressed with %s, which cannot be read here"
                        .formatted(name, type.word()))
                .hint("mount it, or convert it with unsquashfs and mksquashfs -comp zstd");
    }

    /** Streams of RFC 1950. */
    final class Zlib implements Decompressor {
        private final Inflater inflater = new Inflater();

        @Override
        public int decompress(byte[] in, int inLength, byte[] out, int outLimit) throws DataFormatException {
            inflater.reset();
            inflater.setInput(in, 0, inLength);
            int size = inflater.inflate(out, 0, outLimit);
            if (!inflater.finished() && size == outLimit) {
                // The checksum behind the last byte may not have been looked at yet.
                inflater.inflate(new byte[1]);
            }
            if (!inflater.finished() || inflater.getBytesWritten() > size) {
                throw new DataFormatException("a zlib stream is too long or has no end");
            }
            return size;
        }

        @Override
        public void close() {
            inflater.end();
        }
    }

    final class Zstd implements Decompressor {
        private final ZstdDecompressCtx context = new ZstdDecompressCtx();

        @Override
        public int decompress(byte[] in, int inLength, byte[] out, int outLimit) throws DataFormatException {
            try {
                return context.decompressByteArray(out, 0, outLimit, in, 0, inLength);
            } catch (ZstdException e) {
                throw new DataFormatException("zstd: " + e.getMessage());
            }
        }

        @Override
        public void close() {
            context.close();
        }
    }

    /**
     * Raw LZ4 blocks. Written out because the library's decoder unpacks a native file into the temporary directory, which
     * may be mounted noexec, and its Java one uses {@code sun.misc.Unsafe}, which warns on standard error.
     */
    final class Lz4 implements Decompressor {
        @Override
        public int decompress(byte[] in, int inLength, byte[] out, int outLimit) throws DataFormatException {
            int read = 0;
            int written = 0;
            while (read < inLength) {
                int token = in[read++] & 0xff;
                int literals = token >>> 4;
                for (int more = literals == 15 ? 255 : 0; more == 255; literals += more) {
                    more = byteAt(in, read++, inLength);
                }
                if (literals > inLength - read || literals > outLimit - written) {
                    throw new DataFormatException("lz4: literals exceed the block");
                }
                System.arraycopy(in, read, out, written, literals);
                read += literals;
                written += literals;
                if (read == inLength) {
                    return written;
                }
                int distance = byteAt(in, read, inLength) | byteAt(in, read + 1, inLength) << 8;
                read += 2;
                int length = (token & 15) + 4;
                for (int more = length == 19 ? 255 : 0; more == 255; length += more) {
                    more = byteAt(in, read++, inLength);
                }
                if (distance == 0 || distance > written || length > outLimit - written) {
                    throw new DataFormatException("lz4: a match exceeds the block");
                }
                // A match may overlap what it produces, so it is copied forwards, byte by byte.
                for (int end = written + length; written < end; written++) {
                    out[written] = out[written - distance];
                }
            }
            throw new DataFormatException("lz4: a block ends in a match");
        }

        private static int byteAt(byte[] in, int at, int length) throws DataFormatException {
            if (at >= length) {
                throw new DataFormatException("lz4: a block ends in the middle of a sequence");
            }
            return in[at] & 0xff;
        }

        @Override
        public void close() {}
    }

    /** Formats for which there is only a stream. */
    final class Streamed implements Decompressor {
        private interface Opener {
            InputStream open(InputStream in) throws IOException;
        }

        private final Opener opener;

        private Streamed(Opener opener) {
            this.opener = opener;
        }

        @Override
        public int decompress(byte[] in, int inLength, byte[] out, int outLimit) throws DataFormatException {
            try (InputStream stream = opener.open(new ByteArrayInputStream(in, 0, inLength))) {
                int size = stream.readNBytes(out, 0, outLimit);
                if (size == outLimit && stream.read() >= 0) {
                    throw new DataFormatException("a block is too long");
                }
                return size;
            } catch (IOException e) {
                throw new DataFormatException(e.getMessage());
            }
        }

        @Override
        public void close() {}
    }
}
