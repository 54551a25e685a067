package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.util.List;
import org.berth.error.RegistryException;
import org.berth.oci.ImageReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of registries that no request can be sent to. */
class EndpointTest {
    @ParameterizedTest
    @ValueSource(strings = {"[:1]:5000/a", "[::::]/a", "registry.example:99999/a"})
    void namesThatAreNoAddressAreRefusedInASentence(String name) {
        ImageReference image = ImageReference.parse(name);
        RegistryException e = assertThrows(RegistryException.class, () -> RegistryRules.NONE.forPull(image));
        assertTrue(e.getMessage().endsWith("is not the address of a registry"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"user@mirror.example", "mirror example", "mirror.example/a?b", "https://mirror.example", "a_b"})
    void locationsOfMirrorsThatAreNoAddressAreRefusedInASentence(String location) {
        var mirror = new RegistryRules.Mirror(location, false, RegistryRules.Mirror.For.ALL);
        var rules = new RegistryRules(
                List.of(new RegistryRules.Rule("docker.io", "", false, false, List.of(mirror), "registries.conf")));
        ImageReference image = ImageReference.parse("alpine");
        assertThrows(RegistryException.class, () -> rules.forPull(image));
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "localhost:5000", "[::1]:5000", "127.0.0.1", "registry-1.example.com:443"})
    void hostsWithAndWithoutPortsAreAddresses(String host) {
        assertEquals(host, Endpoint.ofRegistry(host).host());
    }

    @Test
    void aRedirectToAPortThatDoesNotExistIsRefusedInASentence() {
        assertThrows(
                Http.BadRedirect.class,
                () -> Http.target(URI.create("https://registry.example/v2/"), "https://cdn.example:99999/blob"));
    }
}
