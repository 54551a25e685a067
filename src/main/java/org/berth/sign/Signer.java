package org.berth.sign;

import org.berth.sif.HashType;

/** A private key that is ready to sign. */
public sealed interface Signer permits PemSigner, PgpSigner {
    /**
     * A signature with what it signs, as it is stored.
     *
     * @param fingerprint the 20 bytes of an OpenPGP key, none for others
     */
    record SignedMessage(byte[] bytes, HashType hash, byte[] fingerprint) {}

    SignedMessage sign(byte[] message);
}
