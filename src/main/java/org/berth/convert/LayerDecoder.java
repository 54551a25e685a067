package org.berth.convert;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.util.Arrays;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;

/** Finds out what a layer blob is by its first bytes, since media types are sometimes wrong, and uncompresses it. */
final class LayerDecoder {
    private static final int TAR_BLOCK = 512;

    private LayerDecoder() {}

    /**
     * The layer's tar stream.
     *
     * @throws ImageException if the blob is neither gzip, zstd nor a tar archive
     */
    static InputStream decode(Descriptor layer, InputStream blob) throws IOException {
        var in = new PushbackInputStream(blob, TAR_BLOCK);
        byte[] head = in.readNBytes(TAR_BLOCK);
        in.unread(head);
        if (starts(head, 0x1f, 0x8b)) {
            return new GzipStream(in);
        }
        boolean skippable = head.length >= 4 && (head[0] & 0xf0) == 0x50 && startsAt(head, 1, 0x2a, 0x4d, 0x18);
        if (skippable || starts(head, 0x28, 0xb5, 0x2f, 0xfd)) {
            return new Zstd(in);
        }
        if (head.length == 0 || isTarHeader(head)) {
            return in;
        }
        throw new ImageException(
                "not a container image layer: unsupported image-specific operation on artifact with type \"%s\""
                        .formatted(layer.mediaType()));
    }

    /** zstd of any number of frames; what the library calls an I/O error is one of the data. */
    private static final class Zstd extends InputStream {
        private final ZstdInputStreamNoFinalizer zstd;

        Zstd(InputStream in) throws IOException {
            zstd = new ZstdInputStreamNoFinalizer(in);
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] out, int from, int length) throws IOException {
            try {
                return zstd.read(out, from, length);
            } catch (ZstdIOException e) {
                throw new ImageException("its zstd data is damaged: " + e.getMessage(), e);
            }
        }

        @Override
        public void close() throws IOException {
            zstd.close();
        }
    }

    private static boolean starts(byte[] head, int... magic) {
        return startsAt(head, 0, magic);
    }

    private static boolean startsAt(byte[] head, int from, int... magic) {
        if (head.length < from + magic.length) {
            return false;
        }
        for (int i = 0; i < magic.length; i++) {
            if ((head[from + i] & 0xff) != magic[i]) {
                return false;
            }
        }
        return true;
    }

    /** A whole block of zeros (an empty archive), or one whose checksum field holds an octal number. */
    private static boolean isTarHeader(byte[] head) {
        if (head.length < TAR_BLOCK) {
            return false;
        }
        if (Arrays.equals(head, new byte[TAR_BLOCK])) {
            return true;
        }
        int digits = 0;
        for (int i = 148; i < 156; i++) {
            if (head[i] >= '0' && head[i] <= '7') {
                digits++;
            } else if (head[i] != ' ' && head[i] != 0) {
                return false;
            }
        }
        return digits > 0;
    }
}
