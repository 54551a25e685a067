package org.berth.sign;

import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import org.berth.error.UsageException;
import org.berth.sif.HashType;
import org.bouncycastle.crypto.CryptoException;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.crypto.params.RSAKeyParameters;
import org.bouncycastle.crypto.params.RSAPrivateCrtKeyParameters;
import org.bouncycastle.crypto.util.OpenSSHPublicKeyUtil;
import org.bouncycastle.math.ec.FixedPointCombMultiplier;

/** Signs with a PEM key, into a DSSE envelope. */
record PemSigner(AsymmetricKeyParameter key) implements Signer {
    @Override
    public SignedMessage sign(byte[] message) {
        var signer = PemAlgorithms.of(key, HashType.SHA256);
        signer.init(true, key);
        byte[] bytes = Dsse.signedBytes(message);
        signer.update(bytes, 0, bytes.length);
        try {
            byte[] envelope = Dsse.envelope(message, keyId(), signer.generateSignature());
            return new SignedMessage(envelope, HashType.SHA256, new byte[0]);
        } catch (CryptoException e) {
            throw new UsageException("this key cannot sign: " + e.getMessage());
        }
    }

    /** The fingerprint that ssh-keygen shows of the public key. */
    private String keyId() {
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256").digest(OpenSSHPublicKeyUtil.encodePublicKey(publicKey()));
            return "SHA256:" + Base64.getEncoder().withoutPadding().encodeToString(digest);
        } catch (IOException | NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        } catch (IllegalArgumentException e) {
            // A curve that OpenSSH has no name for; the id is a hint only, verification does not need it.
            return "";
        }
    }

    private AsymmetricKeyParameter publicKey() {
        return switch (key) {
            case Ed25519PrivateKeyParameters ed25519 -> ed25519.generatePublicKey();
            case RSAPrivateCrtKeyParameters rsa ->
                new RSAKeyParameters(false, rsa.getModulus(), rsa.getPublicExponent());
            case ECPrivateKeyParameters ec ->
                new ECPublicKeyParameters(
                        new FixedPointCombMultiplier()
                                .multiply(ec.getParameters().getG(), ec.getD()),
                        ec.getParameters());
            default -> throw new IllegalArgumentException("no public part");
        };
    }
}
