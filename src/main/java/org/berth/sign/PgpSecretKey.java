package org.berth.sign;

import java.math.BigInteger;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Date;
import org.berth.error.UsageException;
import org.bouncycastle.bcpg.HashAlgorithmTags;
import org.bouncycastle.bcpg.PublicKeyAlgorithmTags;
import org.bouncycastle.bcpg.PublicKeyPacket;
import org.bouncycastle.bcpg.SymmetricKeyAlgorithmTags;
import org.bouncycastle.bcpg.sig.Features;
import org.bouncycastle.bcpg.sig.KeyFlags;
import org.bouncycastle.crypto.generators.RSAKeyPairGenerator;
import org.bouncycastle.crypto.params.RSAKeyGenerationParameters;
import org.bouncycastle.openpgp.PGPEncryptedData;
import org.bouncycastle.openpgp.PGPException;
import org.bouncycastle.openpgp.PGPKeyPair;
import org.bouncycastle.openpgp.PGPKeyRingGenerator;
import org.bouncycastle.openpgp.PGPSecretKey;
import org.bouncycastle.openpgp.PGPSecretKeyRing;
import org.bouncycastle.openpgp.PGPSignature;
import org.bouncycastle.openpgp.PGPSignatureSubpacketGenerator;
import org.bouncycastle.openpgp.operator.PBESecretKeyDecryptor;
import org.bouncycastle.openpgp.operator.PBESecretKeyEncryptor;
import org.bouncycastle.openpgp.operator.bc.BcPBESecretKeyDecryptorBuilder;
import org.bouncycastle.openpgp.operator.bc.BcPBESecretKeyEncryptorBuilder;
import org.bouncycastle.openpgp.operator.bc.BcPGPContentSignerBuilder;
import org.bouncycastle.openpgp.operator.bc.BcPGPDigestCalculatorProvider;
import org.bouncycastle.openpgp.operator.bc.BcPGPKeyPair;

/** An OpenPGP key with its secret part, perhaps locked with a passphrase. */
public record PgpSecretKey(PGPSecretKeyRing ring) {
    private static final int SMALLEST = 2048;
    private static final int LARGEST = 16384;
    private static final int PRIME_CERTAINTY = 128;

    /* The coded iteration count of S2K (RFC 4880, 3.7.1.3): 65,011,712 bytes are hashed, as GnuPG does. */
    private static final int S2K_COUNT = 0xff;

    /**
     * A new RSA key that signs and certifies.
     *
     * @param userId {@code Name (comment) <address>}
     * @param passphrase empty for none
     * @throws UsageException if the number of bits is out of range
     */
    public static PgpSecretKey generate(String userId, int bits, char[] passphrase, Instant now) {
        if (bits < SMALLEST || bits > LARGEST) {
            throw new UsageException("a key of %d bits is not made: from %d to %d".formatted(bits, SMALLEST, LARGEST));
        }
        RSAKeyPairGenerator generator = new RSAKeyPairGenerator();
        generator.init(
                new RSAKeyGenerationParameters(BigInteger.valueOf(65537), new SecureRandom(), bits, PRIME_CERTAINTY));
        try {
            PGPKeyPair pair = new BcPGPKeyPair(
                    PublicKeyPacket.VERSION_4,
                    PublicKeyAlgorithmTags.RSA_GENERAL,
                    generator.generateKeyPair(),
                    Date.from(now));
            PGPSignatureSubpacketGenerator hashed = new PGPSignatureSubpacketGenerator();
            hashed.setKeyFlags(true, KeyFlags.CERTIFY_OTHER | KeyFlags.SIGN_DATA);
            hashed.setPrimaryUserID(false, true);
            hashed.setPreferredSymmetricAlgorithms(
                    false, new int[] {SymmetricKeyAlgorithmTags.AES_256, SymmetricKeyAlgorithmTags.AES_128});
            hashed.setPreferredHashAlgorithms(
                    false, new int[] {HashAlgorithmTags.SHA256, HashAlgorithmTags.SHA384, HashAlgorithmTags.SHA512});
            hashed.setFeature(false, Features.FEATURE_MODIFICATION_DETECTION);
            hashed.setIssuerFingerprint(false, pair.getPublicKey());
            PGPKeyRingGenerator rings = new PGPKeyRingGenerator(
                    PGPSignature.POSITIVE_CERTIFICATION,
                    pair,
                    userId,
                    new BcPGPDigestCalculatorProvider().get(HashAlgorithmTags.SHA1),
                    hashed.generate(),
                    new PGPSignatureSubpacketGenerator().generate(),
                    new BcPGPContentSignerBuilder(pair.getPublicKey().getAlgorithm(), HashAlgorithmTags.SHA384),
                    encryptor(passphrase));
            return new PgpSecretKey(rings.generateSecretKeyRing());
        } catch (PGPException e) {
            throw new IllegalStateException(e);
        }
    }

    public PgpKey description() {
        return PgpKey.of(ring.getPublicKey());
    }

    public boolean locked() {
        return primary().getKeyEncryptionAlgorithm() != SymmetricKeyAlgorithmTags.NULL;
    }

    /**
     * The key, ready to sign.
     *
     * @param passphrase empty if the key is not locked
     * @throws UsageException if the passphrase is wrong, or no part of the key can sign
     */
    public Signer unlock(char[] passphrase) {
        PGPSecretKey signing = signingKey();
        try {
            return new PgpSigner(
                    ring.getPublicKey(), signing.getPublicKey(), signing.extractPrivateKey(decryptor(passphrase)));
        } catch (PGPException e) {
            throw wrongPassphrase();
        }
    }

    /**
     * The same key locked with another passphrase.
     *
     * @throws UsageException if the old passphrase is wrong
     */
    public PgpSecretKey relocked(char[] old, char[] passphrase) {
        try {
            return new PgpSecretKey(PGPSecretKeyRing.copyWithNewPassword(ring, decryptor(old), encryptor(passphrase)));
        } catch (PGPException e) {
            throw wrongPassphrase();
        }
    }

    /** The public part. */
    public PgpPublicKey publicKey() {
        return new PgpPublicKey(ring.toCertificate());
    }

    /** As a file. */
    public byte[] encoded(KeyForm form) {
        return form.encode(ring::encode);
    }

    private PGPSecretKey primary() {
        return ring.getSecretKey();
    }

    /** The primary key if it may sign, else a subkey that may. */
    private PGPSecretKey signingKey() {
        for (PGPSecretKey key : ring) {
            boolean usable = !key.isPrivateKeyEmpty()
                    && PgpValidity.objection(publicKey().ring(), key.getPublicKey(), Instant.now())
                            .isEmpty();
            if (usable) {
                return key;
            }
        }
        throw new UsageException(
                        "the key %s cannot sign".formatted(description().fingerprint()))
                .hint("it may have expired, be revoked, or be without its secret part");
    }

    private static PBESecretKeyDecryptor decryptor(char[] passphrase) throws PGPException {
        return new BcPBESecretKeyDecryptorBuilder(new BcPGPDigestCalculatorProvider()).build(passphrase);
    }

    private static PBESecretKeyEncryptor encryptor(char[] passphrase) throws PGPException {
        return new BcPBESecretKeyEncryptorBuilder(
                        passphrase.length == 0 ? PGPEncryptedData.NULL : PGPEncryptedData.AES_256,
                        new BcPGPDigestCalculatorProvider().get(HashAlgorithmTags.SHA256),
                        S2K_COUNT)
                .build(passphrase);
    }

    private static UsageException wrongPassphrase() {
        return new UsageException("openpgp: the key cannot be unlocked with this passphrase");
    }
}
