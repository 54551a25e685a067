package org.berth.sign;

/**
 * Whose OpenPGP key a signature was made with.
 *
 * @param name the user id, {@code Name (comment) <address>}; may be empty
 * @param fingerprint of the primary key, 40 upper-case hexadecimal digits
 * @param place which keyring knows the key
 */
public record PgpIdentity(String name, String fingerprint, Place place) {
    /** Where a public key was found. */
    public enum Place {
        /** The installation's keyring. */
        GLOBAL,
        /** The user's own keyring. */
        LOCAL
    }
}
