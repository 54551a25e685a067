package org.berth.sign;

import java.util.List;

/** The public keys of one keyring. */
public record PgpPublicKeys(List<PgpPublicKey> keys, PgpIdentity.Place place) {
    public PgpPublicKeys {
        keys = List.copyOf(keys);
    }
}
