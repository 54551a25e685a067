package org.berth.registry;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** What a user shows to a registry. Its text never has the secret in it. */
public sealed interface Credential {
    /** Where it was found, for messages: an option's, a variable's or a file's name. */
    String source();

    /** A user's name and password; a token that stands in for a password is one, too. */
    record Login(String username, String password, String source) implements Credential {
        /** The value of an Authorization header (RFC 7617). */
        String basic() {
            byte[] pair = (username + ":" + password).getBytes(StandardCharsets.UTF_8);
            return "Basic " + Base64.getEncoder().encodeToString(pair);
        }

        @Override
        public String toString() {
            return "as user %s (from %s)".formatted(username, source);
        }
    }

    /** A refresh token that buys tokens for repositories (OAuth2; {@code identitytoken} in Docker's configuration). */
    record IdentityToken(String token, String source) implements Credential {
        @Override
        public String toString() {
            return "with an identity token (from %s)".formatted(source);
        }
    }

    /** A bearer token that is shown as it is ({@code registrytoken} in Docker's configuration). */
    record RegistryToken(String token, String source) implements Credential {
        @Override
        public String toString() {
            return "with a registry token (from %s)".formatted(source);
        }
    }
}
