package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChallengeTest {
    private static List<Challenge> parse(String... lines) {
        return Challenge.parse(List.of(lines));
    }

    @Test
    void parametersComeInAnyOrderAndSpacing() {
        assertEquals(
                List.of(new Challenge("bearer", Map.of("scope", "a b", "realm", "https://x/t?a=b,c", "service", "s"))),
                parse("BEARER  Scope =\"a b\",,  realm= \"https://x/t?a=b,c\" ,service=s"));
    }

    @Test
    void severalChallengesInOneLineAreTold() {
        assertEquals(
                List.of(
                        new Challenge("basic", Map.of("realm", "simple")),
                        new Challenge("newauth", Map.of("realm", "apps", "type", "1", "title", "Login to \"apps\""))),
                parse("Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\""));
    }

    @Test
    void schemesWithoutParametersAndWithBlobsArePassedOver() {
        assertEquals(
                List.of(
                        new Challenge("negotiate", Map.of()),
                        new Challenge("ntlm", Map.of()),
                        new Challenge("kerberos", Map.of()),
                        new Challenge("bearer", Map.of("realm", "r"))),
                parse("Negotiate YII/+==, NTLM, Kerberos abc=", "Bearer realm=r"));
    }

    @Test
    void nonsenseEndsQuietly() {
        assertEquals(List.of(), parse("", "  ", "=", "\"x\"", ",,,"));
        assertEquals(
                List.of(new Challenge("bearer", Map.of("realm", "unterminated"))),
                parse("Bearer realm=\"unterminated"));
        assertEquals(List.of(new Challenge("bearer", Map.of())), parse("Bearer realm="));
    }
}
