package org.berth.sign;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.berth.error.ImageException;
import org.berth.sif.HashType;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;
import org.bouncycastle.crypto.Digest;
import org.bouncycastle.crypto.digests.Blake2bDigest;
import org.bouncycastle.crypto.digests.Blake2sDigest;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.digests.SHA384Digest;
import org.bouncycastle.crypto.digests.SHA512Digest;

/** What signatures of Singularity before 3.6 sign: {@code SIFHASH:}, a line end, and one digest of the objects' bytes. */
final class LegacyDigest {
    private static final String PREFIX = "SIFHASH:\n";

    private LegacyDigest() {}

    /** Whether a signature object is of this kind. */
    static boolean isLegacy(byte[] signature) {
        return ClearText.parse(signature)
                .map(clear -> text(clear.message()).startsWith(PREFIX))
                .orElse(false);
    }

    /** Whether this is the message of objects with that digest. */
    static boolean matches(byte[] message, String hex) {
        String text = text(message);
        return text.startsWith(PREFIX)
                && text.substring(PREFIX.length()).strip().equalsIgnoreCase(hex);
    }

    /** The digest of the objects' bytes, one after the other. */
    static String hex(HashType hash, SifFile file, List<SifDescriptor> objects) {
        Digest digest = digest(hash);
        byte[] result = new byte[digest.getDigestSize()];
        try {
            for (SifDescriptor object : objects) {
                file.copy(object, new OutputStream() {
                    @Override
                    public void write(int b) {
                        digest.update((byte) b);
                    }

                    @Override
                    public void write(byte[] bytes, int from, int count) {
                        digest.update(bytes, from, count);
                    }
                });
            }
        } catch (IOException e) {
            throw new ImageException("%s: cannot be read: %s".formatted(file.path(), e.getMessage()), e);
        }
        digest.doFinal(result, 0);
        return HexFormat.of().formatHex(result);
    }

    private static Digest digest(HashType hash) {
        return switch (hash) {
            case SHA256 -> new SHA256Digest();
            case SHA384 -> new SHA384Digest();
            case SHA512 -> new SHA512Digest();
            case BLAKE2S_256 -> new Blake2sDigest(256);
            case BLAKE2B_256 -> new Blake2bDigest(256);
            case UNKNOWN -> throw new ImageException("hash algorithm unsupported");
        };
    }

    private static String text(byte[] message) {
        return new String(message, StandardCharsets.UTF_8);
    }
}
