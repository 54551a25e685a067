package org.berth.sign;

import java.util.Optional;

/** What came of checking a signature with the keys at hand. */
sealed interface Opened {
    /** It is good: what it signs, and by whom if OpenPGP tells. */
    record Message(byte[] bytes, Optional<PgpIdentity> signer) implements Opened {}

    /** It is not; who seems to have signed, if that key is known. */
    record Refused(String reason, Optional<PgpIdentity> signer) implements Opened {}
}
