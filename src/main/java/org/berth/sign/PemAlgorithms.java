package org.berth.sign;

import org.berth.error.UsageException;
import org.berth.sif.HashType;
import org.bouncycastle.crypto.Digest;
import org.bouncycastle.crypto.Signer;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.digests.SHA384Digest;
import org.bouncycastle.crypto.digests.SHA512Digest;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;
import org.bouncycastle.crypto.params.ECKeyParameters;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.crypto.params.Ed25519PublicKeyParameters;
import org.bouncycastle.crypto.params.RSAKeyParameters;
import org.bouncycastle.crypto.signers.DSADigestSigner;
import org.bouncycastle.crypto.signers.ECDSASigner;
import org.bouncycastle.crypto.signers.Ed25519Signer;
import org.bouncycastle.crypto.signers.RSADigestSigner;

/** The signature scheme of a PEM key: Ed25519, RSA with PKCS#1 v1.5 padding, ECDSA in DER. */
final class PemAlgorithms {
    private PemAlgorithms() {}

    /**
     * @param hash for RSA and ECDSA; Ed25519 has its own
     * @throws UsageException if keys of that kind are not supported
     */
    static Signer of(AsymmetricKeyParameter key, HashType hash) {
        return switch (key) {
            case Ed25519PrivateKeyParameters secret -> new Ed25519Signer();
            case Ed25519PublicKeyParameters known -> new Ed25519Signer();
            case RSAKeyParameters rsa -> new RSADigestSigner(digest(hash));
            case ECKeyParameters ec -> new DSADigestSigner(new ECDSASigner(), digest(hash));
            default ->
                throw new UsageException("keys of this kind are not supported").hint("RSA, ECDSA and Ed25519 keys are");
        };
    }

    private static Digest digest(HashType hash) {
        return switch (hash) {
            case SHA384 -> new SHA384Digest();
            case SHA512 -> new SHA512Digest();
            case SHA256, BLAKE2S_256, BLAKE2B_256, UNKNOWN -> new SHA256Digest();
        };
    }
}
