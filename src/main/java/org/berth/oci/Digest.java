package org.berth.oci;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.berth.error.ImageException;

/**
 * A content digest, {@code algorithm:hex} in lower case (OCI image specification, descriptor.md).
 *
 * @param algorithm {@code sha256} or {@code sha512}
 * @param hex 64 or 128 lower-case hexadecimal digits
 */
public record Digest(String algorithm, String hex) {
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern SHA512 = Pattern.compile("[0-9a-f]{128}");

    /** @throws ImageException if the algorithm is unknown or the digits are not what it yields */
    public Digest {
        boolean valid = switch (algorithm) {
            case "sha256" -> SHA256.matcher(hex).matches();
            case "sha512" -> SHA512.matcher(hex).matches();
            default -> throw new ImageException("digest %s:%s: unsupported algorithm".formatted(algorithm, hex));
        };
        if (!valid) {
            throw new ImageException("digest %s:%s: not a valid %s digest".formatted(algorithm, hex, algorithm));
        }
    }

    /** Parses {@code algorithm:hex}. */
    public static Digest parse(String text) {
        int colon = text.indexOf(':');
        if (colon < 0) {
            throw new ImageException("'%s' is not a digest (algorithm:hex)".formatted(text));
        }
        return new Digest(text.substring(0, colon), text.substring(colon + 1));
    }

    public static Digest sha256(byte[] bytes) {
        return of("sha256", newMessageDigest("SHA-256").digest(bytes));
    }

    public static Digest of(String algorithm, byte[] hash) {
        return new Digest(algorithm, HexFormat.of().formatHex(hash));
    }

    /** A hasher of this digest's algorithm. */
    public MessageDigest hasher() {
        return newMessageDigest(algorithm.equals("sha256") ? "SHA-256" : "SHA-512");
    }

    private static MessageDigest newMessageDigest(String name) {
        try {
            return MessageDigest.getInstance(name);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(name + " is part of every JDK", e);
        }
    }

    @Override
    public String toString() {
        return algorithm + ":" + hex;
    }
}
