package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.berth.error.RegistryException;
import org.berth.oci.DocumentStore;
import org.berth.oci.Documents;
import org.berth.oci.Platforms;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Registries that want to know who asks. */
class LoginTest {
    private static final Credential.Login ALICE = new Credential.Login("$alice", "s3cret", "DOCKER_USERNAME");
    private static final Credential.Login WRONG = new Credential.Login("$alice", "wr0ng", "DOCKER_USERNAME");
    private static final Credential.IdentityToken REFRESH =
            new Credential.IdentityToken("refresh+/&=1", "~/.docker/config.json");

    private final TestRegistry registry = new TestRegistry();
    private final List<RegistryClient> clients = new ArrayList<>();
    private final List<String> forms = new ArrayList<>();

    @AfterEach
    void close() {
        clients.forEach(RegistryClient::close);
        registry.close();
    }

    private RegistryClient client(Credentials credentials) {
        RegistryClient client = new RegistryClient(
                RegistrySettings.defaults(RegistrySettings.Transport.HTTP, Proxies.NONE, "berth/test")
                        .with(
                                Duration.ofSeconds(2),
                                Duration.ofSeconds(2),
                                new RetryPolicy(2, Duration.ofMillis(5), Duration.ofSeconds(1), Duration.ofSeconds(5))),
                credentials);
        clients.add(client);
        return client;
    }

    private String address() {
        return "127.0.0.1:" + registry.port();
    }

    private void pull(RegistryClient client) {
        registry.image("latest", "amd64", new byte[10]);
        client.resolve(registry.image("a/b"), Platforms.parse("amd64", ""), DocumentStore.NONE);
    }

    private static String authorization(HttpExchange exchange) {
        return Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization"))
                .orElse("");
    }

    private static boolean ping(HttpExchange exchange) throws IOException {
        if (exchange.getRequestURI().getPath().equals("/v2/")) {
            TestRegistry.send(exchange, 200, Documents.utf8("{}"));
            return true;
        }
        return false;
    }

    private void basic() {
        registry.fault((exchange, count) -> {
            if (authorization(exchange).equals(ALICE.basic())) {
                return ping(exchange);
            }
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"x\"");
            TestRegistry.error(exchange, 401, "authentication required");
            return true;
        });
    }

    /** Tokens by name and password (GET) and by refresh token (POST). */
    private void bearer() {
        registry.fault((exchange, count) -> {
            String path = exchange.getRequestURI().getPath();
            if (path.equals("/token")) {
                String form = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
                forms.add(form);
                boolean known = exchange.getRequestMethod().equals("POST")
                        ? URLDecoder.decode(form, StandardCharsets.UTF_8).contains("refresh_token=" + REFRESH.token())
                        : authorization(exchange).equals(ALICE.basic());
                if (known) {
                    TestRegistry.send(exchange, 200, Documents.utf8("{\"access_token\":\"t0ken\"}"));
                } else {
                    TestRegistry.error(exchange, 401, "incorrect username or password");
                }
                return true;
            }
            if (authorization(exchange).equals("Bearer t0ken")) {
                return ping(exchange);
            }
            String scope = path.equals("/v2/") ? "" : ",scope=\"repository:a/b:pull\"";
            exchange.getResponseHeaders()
                    .set(
                            "WWW-Authenticate",
                            "Bearer realm=\"http://%s/token\",service=\"reg\"%s".formatted(address(), scope));
            TestRegistry.error(exchange, 401, "authentication required");
            return true;
        });
    }

    private String refusal(Runnable work) {
        RegistryException failure = assertThrows(RegistryException.class, work::run);
        String text = failure.getMessage() + failure.hint().orElse("");
        assertFalse(text.contains("s3cret") || text.contains("wr0ng") || text.contains("refresh+"), text);
        assertTrue(text.contains(address()), text);
        return text;
    }

    @Test
    void aBasicLoginIsChecked() {
        basic();
        assertEquals(
                RegistryClient.Login.ACCEPTED, client(Credentials.of(ALICE)).login(address()));
        String text = refusal(() -> client(Credentials.of(WRONG)).login(address()));
        assertTrue(text.contains("asked as user $alice (from DOCKER_USERNAME)"), text);
    }

    @Test
    void aTokenLoginIsCheckedAlsoOnLoopback() {
        bearer();
        assertEquals(
                RegistryClient.Login.ACCEPTED, client(Credentials.of(ALICE)).login(address()));
        String text = refusal(() -> client(Credentials.of(WRONG)).login(address()));
        assertTrue(text.contains("its token server 127.0.0.1 answered 401, asked as user $alice"), text);
        assertTrue(
                registry.seen().stream().noneMatch(seen -> seen.path().contains("scope=")),
                "a login has no repository");
    }

    @Test
    void aRegistryThatAsksForNothingChecksNothing() {
        registry.fault((exchange, count) -> ping(exchange));
        assertEquals(
                RegistryClient.Login.NOT_ASKED, client(Credentials.of(WRONG)).login(address()));
    }

    @Test
    void whatHasNoApiIsNoRegistry() {
        assertTrue(refusal(() -> client(Credentials.of(ALICE)).login(address())).contains("is no registry"));
    }

    @Test
    void anIdentityTokenBuysTokensInAForm() {
        bearer();
        pull(client(Credentials.of(REFRESH)));
        List<TestRegistry.Seen> asked = registry.seen().stream()
                .filter(seen -> seen.path().startsWith("/token"))
                .toList();
        assertEquals(1, asked.size());
        assertEquals("POST", asked.getFirst().method());
        assertEquals("/token", asked.getFirst().path());
        assertEquals("", asked.getFirst().authorization());
        assertEquals(
                "grant_type=refresh_token&client_id=berth&refresh_token=refresh%2B%2F%26%3D1&service=reg"
                        + "&scope=repository%3Aa%2Fb%3Apull",
                forms.getFirst());
    }

    @Test
    void anIdentityTokenIsOfNoUseWithoutATokenServer() {
        basic();
        String text = refusal(() -> pull(client(Credentials.of(REFRESH))));
        assertTrue(text.contains("with an identity token (from ~/.docker/config.json)"), text);
    }

    @Test
    void aRefusedIdentityTokenIsNamedByItsFile() {
        bearer();
        String text = refusal(() -> pull(client(Credentials.of(new Credential.IdentityToken("old-s3cret", "a file")))));
        assertTrue(text.contains("with an identity token (from a file)"), text);
    }

    @Test
    void anIdentityTokenIsNotSentToAnotherOrigin() throws IOException {
        try (TestRegistry thief = new TestRegistry()) {
            registry.fault((exchange, count) -> {
                if (exchange.getRequestURI().getPath().equals("/token")) {
                    exchange.getResponseHeaders().set("Location", "http://127.0.0.1:%d/token".formatted(thief.port()));
                    TestRegistry.send(exchange, 307, new byte[0]);
                } else {
                    exchange.getResponseHeaders()
                            .set("WWW-Authenticate", "Bearer realm=\"http://%s/token\"".formatted(address()));
                    TestRegistry.error(exchange, 401, "authentication required");
                }
                return true;
            });
            assertTrue(refusal(() -> pull(client(Credentials.of(REFRESH)))).contains("redirected"));
            assertEquals(List.of(), thief.seen());
        }
    }

    @Test
    void aRegistryTokenIsShownAsItIs() {
        bearer();
        pull(client(Credentials.of(new Credential.RegistryToken("t0ken", "a file"))));
        assertTrue(forms.isEmpty());
    }

    @Test
    void credentialsAreAskedForOnlyWhenTheRegistryDoes() {
        List<String> asked = new ArrayList<>();
        Credentials credentials = (host, repository) -> {
            asked.add(host + "/" + repository);
            return Optional.of(ALICE);
        };
        pull(client(credentials));
        assertEquals(List.of(), asked);
        basic();
        pull(client(credentials));
        assertTrue(asked.contains(address() + "/a/b"), asked.toString());
    }

    @Test
    void whyThereIsNoCredentialIsToldInTheRefusal() {
        basic();
        Credentials nobody = new Credentials() {
            @Override
            public Optional<Credential> find(String host, String repository) {
                return Optional.empty();
            }

            @Override
            public Optional<String> obstacle(String host) {
                return Optional.of("docker-credential-x is not installed");
            }
        };
        String text = refusal(() -> pull(client(nobody)));
        assertTrue(text.contains("asked without credentials: docker-credential-x is not installed"), text);
        assertTrue(text.contains("berth registry login"), text);
    }

    @Test
    void aForbiddenRepositoryNamesRegistryAndUser() {
        registry.fault((exchange, count) -> {
            TestRegistry.error(exchange, 403, "denied");
            return true;
        });
        String text = refusal(() -> pull(client(Credentials.of(ALICE))));
        assertTrue(text.contains("denied") && text.contains("$alice") && text.contains("DOCKER_USERNAME"), text);
    }

    /** A token goes into a header, where a line end would be another header. */
    @Test
    void aTokenThatFitsNoHeaderIsRefusedInASentence() {
        bearer();
        var token = new Credential.RegistryToken("a\nX-Other: b", "~/.docker/config.json");
        RegistryException e = assertThrows(RegistryException.class, () -> pull(client(Credentials.of(token))));
        assertTrue(e.getMessage().contains("the token from ~/.docker/config.json is not one"), e.getMessage());
    }
}
