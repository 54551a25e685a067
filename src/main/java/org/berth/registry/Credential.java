package org.berth.registry;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * A user's name and password for a registry; a token is a password, too.
 *
 * @param source where it was found, for messages: a variable's or a file's name
 */
public record Credential(String username, String password, String source) {
    /** The value of an Authorization header (RFC 7617). */
    String basic() {
        byte[] pair = (username + ":" + password).getBytes(StandardCharsets.UTF_8);
        return "Basic " + Base64.getEncoder().encodeToString(pair);
    }

    /** Never shows the password. */
    @Override
    public String toString() {
        return "%s (from %s)".formatted(username, source);
    }
}
