package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.berth.oci.Documents;
import org.berth.oci.ImageReference;
import org.junit.jupiter.api.Test;

/** What registries say and what files say of registries, up to the request that becomes of it. */
class RegistryFuzzTest {
    private static final List<String> CHALLENGE = List.of(
            "Bearer ",
            "Basic ",
            "Negotiate ",
            "realm=",
            "service=",
            "scope=",
            "\"",
            ",",
            "=",
            "==",
            " ",
            "\\",
            "\\\"",
            "https://auth.example/token",
            "http://auth.example",
            "https://",
            "https://x:99999/",
            "https://[::1]/",
            "https://[:1]/",
            "//x",
            "mailto:x",
            "?a=b",
            "#f",
            "%",
            "%zz",
            "repository:a/b:pull",
            "repository:a/b:pull,push",
            "a".repeat(500));
    private static final List<String> CHALLENGES = List.of(
            "Bearer realm=\"https://auth.example/token\",service=\"registry\",scope=\"repository:a/b:pull\"",
            "Basic realm=\"r\", Bearer realm=http://x/t?y=z");
    private static final List<String> PLACES = List.of(
            "docker.io",
            "ghcr.io",
            "localhost:5000",
            "[::1]:5000",
            "[:1]",
            "[::::]",
            "*.example.com",
            "a/b",
            "/",
            "//",
            ":",
            ":99999",
            "@",
            "?q",
            "#f",
            "a_b",
            "%zz",
            "user@host",
            "..",
            " ",
            "é",
            "",
            "x.example.com");
    private static final List<String> REFERENCES = List.of(
            "alpine",
            "ghcr.io/a/b:t",
            "[:1]:5000/x",
            "localhost:99999/x",
            "x.example.com/a/b/c@" + Documents.DIGEST,
            "[::1]/y");

    @Test
    void challenges() {
        Endpoint endpoint = Endpoint.of(ImageReference.parse("registry.example/a/b"));
        URI asked = URI.create("https://registry.example/v2/");
        List<Optional<Credential>> credentials = List.of(
                Optional.empty(),
                Optional.of(new Credential.Login("u\n", "p\0é", "test")),
                Optional.of(new Credential.IdentityToken("t\r\nX: y", "test")));
        Fuzz.of("challenge").cases(3000).run(random -> {
            List<String> lines = new ArrayList<>();
            for (int left = 1 + random.nextInt(3); left > 0; left--) {
                lines.add(
                        random.nextBoolean()
                                ? Mutation.text(CHALLENGE, 12, random)
                                : Mutation.text(Mutation.one(CHALLENGES, random), CHALLENGE, random));
            }
            for (Challenge challenge : Challenge.parse(lines)) {
                assertFalse(challenge.scheme().isEmpty());
                if (challenge.scheme().equals("bearer")) {
                    Tokens.Access access = Mutation.one(List.of(Tokens.Access.values()), random);
                    requireSendable(
                            Tokens.tokenRequest(endpoint, access, asked, challenge, Mutation.one(credentials, random)));
                }
            }
        });
    }

    @Test
    void endpoints() {
        Fuzz.of("endpoint").cases(3000).run(random -> {
            var rules = new RegistryRules(List.of(rule(random), rule(random)));
            ImageReference image = ImageReference.parse(Mutation.one(REFERENCES, random));
            List<Endpoint> endpoints = new ArrayList<>(rules.forPull(image));
            endpoints.add(rules.forPush(image));
            endpoints.add(rules.forRegistry(Mutation.text(PLACES, 3, random)));
            for (Endpoint endpoint : endpoints) {
                String path = "/v2/%s/manifests/latest".formatted(endpoint.repository());
                requireSendable(new Http.Request(
                        "GET", URI.create("https://" + endpoint.host() + path), Map.of(), Optional.empty()));
            }
        });
    }

    private static RegistryRules.Rule rule(RandomGenerator random) {
        var mirror = new RegistryRules.Mirror(
                Mutation.text(PLACES, 3, random),
                random.nextBoolean(),
                Mutation.one(List.of(RegistryRules.Mirror.For.values()), random));
        return new RegistryRules.Rule(
                random.nextBoolean() ? Mutation.one(PLACES, random) : Mutation.text(PLACES, 3, random),
                random.nextBoolean() ? "" : Mutation.text(PLACES, 3, random),
                random.nextBoolean(),
                random.nextInt(8) == 0,
                List.of(mirror),
                "registries.conf");
    }

    @Test
    void redirects() {
        URI from = URI.create("https://registry.example/v2/a/b");
        List<String> words = new ArrayList<>(CHALLENGE);
        words.addAll(List.of(
                "https://cdn.example/blob?sig=a", "/relative", "../up", "http://x", "file:///etc/passwd", "jar:"));
        Fuzz.of("redirect").cases(3000).run(random -> {
            try {
                requireSendable(new Http.Request(
                        "GET", Http.target(from, Mutation.text(words, 4, random)), Map.of(), Optional.empty()));
            } catch (Http.BadRedirect e) {
                requireLine(String.valueOf(e.getMessage()));
            }
        });
    }

    /** Bodies and headers that become words in a message. */
    @Test
    void answers() {
        String error =
                "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"requested access is denied\",\"detail\":null}]}";
        List<String> words = Mutation.json("\"errors\"", "\"message\"", "\"code\"", "\u001b[2J", "<html>");
        List<String> values =
                List.of("100", ";w=", "21600", " ", "Wed, 21 Oct 2015 07:28:00 GMT", "Mon, 99 Foo", "999999999", ",");
        Fuzz.of("answer").cases(3000).run(random -> {
            byte[] body = random.nextBoolean()
                    ? Mutation.text(error, words, random).getBytes(StandardCharsets.UTF_8)
                    : Mutation.bytes(error.getBytes(StandardCharsets.UTF_8), random);
            Words.errorText(body, Mutation.one(List.of("application/json", "text/plain", "text/html", ""), random))
                    .ifPresent(RegistryFuzzTest::requireLine);
            String header = Mutation.text(values, 6, random);
            Attempts.retryAfter(header, Instant.EPOCH).ifPresent(wait -> assertFalse(wait.isNegative()));
            HttpHeaders headers = HttpHeaders.of(
                    Map.of(
                            "ratelimit-limit", List.of(Mutation.text("100;w=21600", values, random)),
                            "ratelimit-remaining", List.of(Mutation.text("9;w=21600", values, random))),
                    (name, value) -> true);
            RateLimit.of("registry", headers).ifPresent(limit -> {
                requireLine(limit.text());
                limit.nearlyUsedUp();
            });
        });
    }

    @Test
    void proxies() {
        List<String> words = List.of(
                "http://",
                "https://",
                "proxy",
                ":3128",
                ":99999",
                "[::1]",
                "user:p@",
                "/",
                ",",
                "*",
                ".example.com",
                "localhost");
        URI uri = URI.create("https://registry.example/v2/");
        Fuzz.of("proxy").cases(2000).run(random -> {
            Map<String, String> environment = Map.of(
                    "https_proxy", Mutation.text(words, 5, random),
                    "http_proxy", Mutation.text("http://proxy:3128", words, random),
                    "no_proxy", Mutation.text(words, 8, random));
            Proxies.of(name -> Optional.ofNullable(environment.get(name)))
                    .selector()
                    .select(uri);
        });
    }

    /** As the JDK's client has it; it resolves no name before it is sent. */
    private static void requireSendable(Http.Request request) {
        HttpRequest.Builder builder = HttpRequest.newBuilder(request.uri());
        request.headers().forEach(builder::header);
        request.authorization().ifPresent(value -> builder.header("Authorization", value));
        builder.build();
        assertTrue(request.uri().getPort() <= 65535, request.uri().toString());
    }

    private static void requireLine(String text) {
        assertFalse(text.matches("(?s).*\\p{Cntrl}.*"), text);
    }
}
