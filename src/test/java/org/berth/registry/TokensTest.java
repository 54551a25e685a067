package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TokensTest {
    private static Endpoint.Security security(String realm) {
        Endpoint insecure = new Endpoint("reg.test:5000", "reg.test:5000", "a/b", Endpoint.Security.UNVERIFIED);
        Challenge challenge = new Challenge("bearer", Map.of("realm", realm));
        URI asked = URI.create("https://reg.test:5000/v2/");
        return Tokens.tokenRequest(insecure, Tokens.Access.PULL, asked, challenge, Optional.empty())
                .security();
    }

    @Test
    void theInsecureRuleOfARegistryIsNotInheritedByATokenServerOnAnotherHost() {
        assertEquals(Endpoint.Security.UNVERIFIED, security("https://reg.test:5000/token"));
        assertEquals(Endpoint.Security.UNVERIFIED, security("https://REG.test:5001/token"));
        assertEquals(Endpoint.Security.VERIFIED, security("https://auth.test/token"));
        assertEquals(Endpoint.Security.VERIFIED, security("https://reg.test.evil.test/token"));
    }
}
