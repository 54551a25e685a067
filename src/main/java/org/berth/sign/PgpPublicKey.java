package org.berth.sign;

import org.bouncycastle.openpgp.PGPPublicKeyRing;

/** An OpenPGP key without its secret part: primary key, user ids, subkeys and their signatures. */
public record PgpPublicKey(PGPPublicKeyRing ring) {
    public PgpKey description() {
        return PgpKey.of(ring.getPublicKey());
    }

    /** As a file. */
    public byte[] encoded(KeyForm form) {
        return form.encode(ring::encode);
    }
}
