package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.error.BerthException;
import org.berth.error.RegistryException;
import org.berth.oci.Digest;
import org.berth.oci.DocumentStore;
import org.berth.oci.ImageNames;
import org.berth.oci.ImageReference;
import org.berth.oci.Platforms;
import org.berth.registry.RegistryRules.Mirror;
import org.berth.registry.RegistryRules.Rule;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Rules of registries.conf, and use without a network. */
class MirrorTest {
    private static final byte[] LAYER = TestRegistry.noise(1 << 20, 3);

    private final TestRegistry main = new TestRegistry();
    private final TestRegistry mirror = new TestRegistry();
    private final List<RegistryClient> clients = new ArrayList<>();

    @AfterEach
    void close() {
        clients.forEach(RegistryClient::close);
        main.close();
        mirror.close();
    }

    private RegistryClient client(RegistrySettings.Transport transport, Rule... rules) {
        RegistryClient client = new RegistryClient(
                RegistrySettings.defaults(transport, Proxies.NONE, "berth/test")
                        .with(
                                Duration.ofSeconds(2),
                                Duration.ofSeconds(2),
                                new RetryPolicy(2, Duration.ofMillis(5), Duration.ofSeconds(1), Duration.ofSeconds(5)))
                        .with(new RegistryRules(List.of(rules))),
                Credentials.ANONYMOUS);
        clients.add(client);
        return client;
    }

    private static String address(TestRegistry registry) {
        return "127.0.0.1:" + registry.port();
    }

    private Rule mirrored(boolean insecure, Mirror.For images) {
        return new Rule(
                "example.com",
                address(main) + "/moved",
                insecure,
                false,
                List.of(new Mirror(address(mirror) + "/proxy", insecure, images)),
                "registries.conf");
    }

    private static byte[] pull(RegistryClient client, ImageReference image) throws IOException {
        ResolvedImage resolved = client.resolve(image, Platforms.parse("amd64", ""), DocumentStore.NONE);
        try (var in = client.blobs(image).open(resolved.manifest().layers().getFirst())) {
            return in.readAllBytes();
        }
    }

    @Test
    void theMirrorIsAskedFirstUnderItsOwnPath() throws IOException {
        mirror.image("1", "amd64", LAYER);
        RegistryClient client = client(RegistrySettings.Transport.HTTP, mirrored(false, Mirror.For.ALL));
        assertArrayEquals(LAYER, pull(client, ImageReference.parse("example.com/a/b:1")));
        assertTrue(mirror.seen().stream().allMatch(seen -> seen.path().startsWith("/v2/proxy/a/b/")));
        assertEquals(List.of(), main.seen());
    }

    @Test
    void whatAMirrorLacksComesFromTheRegistryAtItsLocation() throws IOException {
        main.image("1", "amd64", LAYER);
        RegistryClient client = client(RegistrySettings.Transport.HTTP, mirrored(false, Mirror.For.ALL));
        assertArrayEquals(LAYER, pull(client, ImageReference.parse("example.com/a/b:1")));
        assertEquals(1, mirror.seen().size());
        assertTrue(main.seen().stream().allMatch(seen -> seen.path().startsWith("/v2/moved/a/b/")));
    }

    @Test
    void aMirrorThatLosesABlobIsNoFailure() throws IOException {
        mirror.image("1", "amd64", LAYER);
        main.image("1", "amd64", LAYER);
        mirror.fault((exchange, count) -> {
            if (exchange.getRequestURI().getPath().contains("/blobs/")) {
                TestRegistry.error(exchange, 404, "blob unknown");
                return true;
            }
            return false;
        });
        RegistryClient client = client(RegistrySettings.Transport.HTTP, mirrored(false, Mirror.For.ALL));
        assertArrayEquals(LAYER, pull(client, ImageReference.parse("example.com/a/b:1")));
    }

    @Test
    void whenAllFailEachIsNamed() {
        mirror.close();
        RegistryClient client = client(RegistrySettings.Transport.HTTP, mirrored(false, Mirror.For.ALL));
        RegistryException failure =
                assertThrows(RegistryException.class, () -> pull(client, ImageReference.parse("example.com/a/b:1")));
        assertTrue(failure.getMessage().contains(address(main)), failure.getMessage());
        assertTrue(
                failure.getMessage().contains("before: ")
                        && failure.getMessage().contains(address(mirror) + ": connection refused"),
                failure.getMessage());
    }

    @Test
    void aMirrorForDigestsIsNotAskedForTags() throws IOException {
        Digest digest = mirror.image("1", "amd64", LAYER);
        main.image("1", "amd64", LAYER);
        RegistryClient client = client(RegistrySettings.Transport.HTTP, mirrored(false, Mirror.For.DIGEST_ONLY));
        client.digest(ImageReference.parse("example.com/a/b:1"));
        assertEquals(List.of(), mirror.seen());
        RegistryClient other = client(RegistrySettings.Transport.HTTP, mirrored(false, Mirror.For.DIGEST_ONLY));
        pull(other, ImageReference.parse("example.com/a/b:1").at(digest));
        assertTrue(mirror.seen().size() > 0);
    }

    @Test
    void anInsecureRegistryMaySpeakInClear() throws IOException {
        mirror.image("1", "amd64", LAYER);
        RegistryClient client = client(RegistrySettings.Transport.HTTPS, mirrored(true, Mirror.For.ALL));
        assertArrayEquals(LAYER, pull(client, ImageReference.parse("example.com/a/b:1")));
    }

    @Test
    void aBlockedRegistryIsNotAsked() {
        Rule blocked = new Rule("*.example.com", "", false, true, List.of(), "/etc/containers/registries.conf");
        RegistryClient client = client(RegistrySettings.Transport.HTTP, blocked);
        BerthException failure =
                assertThrows(BerthException.class, () -> client.digest(ImageReference.parse("a.example.com:5000/b:1")));
        assertEquals(
                "a.example.com:5000/b:1: registry a.example.com:5000 is blocked by /etc/containers/registries.conf",
                failure.getMessage());
    }

    @Test
    void theLongestPrefixCountsAndOnlyWholeNames() {
        RegistryRules rules = new RegistryRules(List.of(
                new Rule("h.example", "one.example", false, false, List.of(), "f"),
                new Rule("h.example/a", "two.example/x", false, false, List.of(), "f"),
                new Rule("docker.io/library", "hub.example/lib", false, false, List.of(), "f")));
        assertEquals(
                "one.example/ab/c",
                rules.forPush(ImageReference.parse("h.example/ab/c")).name());
        assertEquals(
                "two.example/x/c",
                rules.forPush(ImageReference.parse("h.example/a/c")).name());
        assertEquals(
                "hub.example/lib/alpine",
                rules.forPush(ImageReference.parse("alpine")).name());
        assertEquals(
                "docker.io/u/alpine",
                rules.forPush(ImageReference.parse("u/alpine")).name());
    }

    @Test
    void withoutANetworkNamesAreTakenFromMemory() throws IOException {
        Map<String, Digest> known = new HashMap<>();
        ImageNames names = new ImageNames() {
            @Override
            public Optional<Digest> find(ImageReference image) {
                return Optional.ofNullable(known.get(image.toString()));
            }

            @Override
            public Optional<Instant> seen(ImageReference image) {
                return Optional.empty();
            }

            @Override
            public void remember(ImageReference image, Digest digest) {
                known.put(image.toString(), digest);
            }
        };
        Digest digest = main.image("1", "amd64", LAYER);
        ImageReference image = main.image("a/b:1");
        RegistrySettings settings =
                RegistrySettings.defaults(RegistrySettings.Transport.HTTP, Proxies.NONE, "berth/test");
        RegistryClient offline =
                new RegistryClient(settings.with(RegistrySettings.Reach.CACHE), Credentials.ANONYMOUS, names, _ -> {});
        RegistryClient online = new RegistryClient(settings, Credentials.ANONYMOUS, names, _ -> {});
        clients.addAll(List.of(offline, online));
        BerthException failure = assertThrows(BerthException.class, () -> offline.digest(image));
        assertTrue(failure.getMessage().contains("is not in the cache, and --offline"), failure.getMessage());
        assertEquals(digest, online.digest(image));
        int asked = main.seen().size();
        assertEquals(digest, offline.digest(image));
        assertThrows(BerthException.class, () -> pull(offline, image));
        assertEquals(asked, main.seen().size());
    }

    @Test
    void theLimitOfPullsIsReadAndToldInARefusal() {
        main.image("1", "amd64", LAYER);
        main.fault((exchange, count) -> {
            exchange.getResponseHeaders().set("ratelimit-limit", "100;w=21600");
            exchange.getResponseHeaders().set("ratelimit-remaining", "3;w=21600");
            return false;
        });
        RegistryClient client = client(RegistrySettings.Transport.HTTP);
        client.digest(main.image("a/b:1"));
        RateLimit limit = client.rateLimit().orElseThrow();
        assertEquals("3 of 100 pulls in 6 h are left", limit.text());
        assertTrue(limit.nearlyUsedUp());
        main.fault((exchange, count) -> {
            exchange.getResponseHeaders().set("ratelimit-limit", "100;w=21600");
            exchange.getResponseHeaders().set("ratelimit-remaining", "0;w=21600");
            exchange.getResponseHeaders().set("Retry-After", "7200");
            TestRegistry.error(exchange, 429, "You have reached your unauthenticated pull rate limit");
            return true;
        });
        RegistryException failure = assertThrows(RegistryException.class, () -> client.digest(main.image("a/b:1")));
        String text = failure.getMessage();
        assertTrue(text.contains("asked without credentials, 0 of 100 pulls in 6 h are left, again at "), text);
        assertTrue(text.matches(".*again at \\d\\d:\\d\\d.*"), text);
        assertTrue(failure.hint().orElseThrow().contains("berth registry login"), failure.toString());
    }
}
