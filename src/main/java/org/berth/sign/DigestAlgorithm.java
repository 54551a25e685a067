package org.berth.sign;

import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import org.berth.error.ImageException;
import org.berth.sif.SifDescriptor;
import org.berth.sif.SifFile;

/** A hash of signed metadata, by the name that stands before its digests. */
enum DigestAlgorithm {
    SHA224("sha224", "SHA-224"),
    SHA256("sha256", "SHA-256"),
    SHA384("sha384", "SHA-384"),
    SHA512("sha512", "SHA-512"),
    SHA512_224("sha512_224", "SHA-512/224"),
    SHA512_256("sha512_256", "SHA-512/256");

    private final String prefix;
    private final String algorithm;

    DigestAlgorithm(String word, String algorithm) {
        this.prefix = word + ":";
        this.algorithm = algorithm;
    }

    /**
     * The algorithm of a digest such as {@code sha256:HEX}.
     *
     * @throws ImageException if it is not known
     */
    static DigestAlgorithm of(String digest) {
        return Arrays.stream(values())
                .filter(known -> digest.startsWith(known.prefix))
                .findFirst()
                .orElseThrow(() -> new ImageException("its metadata has a digest of an unknown kind"));
    }

    /** The digest of these bytes, {@code sha256:HEX}. */
    String text(byte[] bytes) {
        return text(digest(), bytes);
    }

    /** The digest of an object's bytes. */
    String text(SifFile file, SifDescriptor object) {
        MessageDigest digest = digest();
        try {
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
        } catch (IOException e) {
            throw new ImageException("%s: cannot be read: %s".formatted(file.path(), e.getMessage()), e);
        }
        return text(digest, new byte[0]);
    }

    private String text(MessageDigest digest, byte[] last) {
        return prefix + HexFormat.of().formatHex(digest.digest(last));
    }

    private MessageDigest digest() {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
