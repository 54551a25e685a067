package org.berth.sign;

import java.util.Date;
import org.berth.error.UsageException;
import org.berth.sif.HashType;
import org.bouncycastle.bcpg.HashAlgorithmTags;
import org.bouncycastle.openpgp.PGPException;
import org.bouncycastle.openpgp.PGPPrivateKey;
import org.bouncycastle.openpgp.PGPPublicKey;
import org.bouncycastle.openpgp.PGPSignature;
import org.bouncycastle.openpgp.PGPSignatureGenerator;
import org.bouncycastle.openpgp.PGPSignatureSubpacketGenerator;
import org.bouncycastle.openpgp.operator.bc.BcPGPContentSignerBuilder;

/**
 * Signs with an OpenPGP key, in clear text.
 *
 * @param primary its fingerprint goes into the file
 * @param signing the public part of {@code secret}: the primary key or a subkey
 */
record PgpSigner(PGPPublicKey primary, PGPPublicKey signing, PGPPrivateKey secret) implements Signer {
    @Override
    public SignedMessage sign(byte[] message) {
        try {
            PGPSignatureGenerator generator = new PGPSignatureGenerator(
                    new BcPGPContentSignerBuilder(signing.getAlgorithm(), HashAlgorithmTags.SHA256), signing);
            generator.init(PGPSignature.CANONICAL_TEXT_DOCUMENT, secret);
            PGPSignatureSubpacketGenerator hashed = new PGPSignatureSubpacketGenerator();
            hashed.setSignatureCreationTime(false, new Date());
            hashed.setIssuerKeyID(false, signing.getKeyID());
            hashed.setIssuerFingerprint(false, signing);
            generator.setHashedSubpackets(hashed.generate());
            generator.update(ClearText.signedBytes(message));
            byte[] text = ClearText.encode(message, "SHA256", KeyForm.ARMORED.encode(generator.generate()::encode));
            return new SignedMessage(text, HashType.SHA256, primary.getFingerprint());
        } catch (PGPException e) {
            throw new UsageException("this key cannot sign: " + e.getMessage());
        }
    }
}
