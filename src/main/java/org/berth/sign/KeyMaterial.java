package org.berth.sign;

import java.util.List;
import java.util.Optional;
import org.berth.sif.HashType;
import org.bouncycastle.crypto.Signer;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;

/** The public keys that a verification accepts. */
public sealed interface KeyMaterial {
    /** One key from a PEM file: verifies DSSE envelopes. */
    record Pem(AsymmetricKeyParameter key) implements KeyMaterial {
        /** The payload, if one of the signatures is this key's. */
        Opened open(Dsse envelope, HashType hash) {
            if (envelope.signatures().size() > Dsse.MAX_SIGNATURES) {
                return new Opened.Refused(
                        "dsse: %d signatures of one message, at most %d are looked at"
                                .formatted(envelope.signatures().size(), Dsse.MAX_SIGNATURES),
                        Optional.empty());
            }
            byte[] signed = Dsse.signedBytes(envelope.payload());
            for (byte[] signature : envelope.signatures()) {
                Signer verifier = PemAlgorithms.of(key, hash);
                verifier.init(false, key);
                verifier.update(signed, 0, signed.length);
                if (verifier.verifySignature(signature)) {
                    return new Opened.Message(envelope.payload(), Optional.empty());
                }
            }
            return new Opened.Refused(
                    "dsse: verify envelope failed: accepted signatures do not match threshold, Found: 0, Expected 1",
                    Optional.empty());
        }
    }

    /** The keys of OpenPGP keyrings, the first that has a signature's key counts: verifies clear-text signatures. */
    record Pgp(List<PgpPublicKeys> keyrings) implements KeyMaterial {
        public Pgp {
            keyrings = List.copyOf(keyrings);
        }

        /** The text, if a known key signed it. */
        Opened open(ClearText text) {
            return PgpSignature.open(text, keyrings);
        }
    }
}
