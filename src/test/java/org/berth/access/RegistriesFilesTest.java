package org.berth.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.berth.error.HostException;
import org.berth.registry.RegistryRules;
import org.berth.registry.RegistryRules.Mirror;
import org.berth.registry.RegistryRules.Rule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RegistriesFilesTest {
    @Test
    void mirrorsBlockedAndInsecureRegistriesAreRead() {
        List<Rule> rules = RegistriesFiles.rules("f", """
                # What podman's manual shows.
                unqualified-search-registries = ["docker.io", 'quay.io', # two
                ]
                short-name-mode = "enforcing"

                [[registry]]
                prefix = "example.com/foo"
                insecure = false
                blocked = false
                location = "internal-registry-for-example.com/bar"

                [[registry.mirror]]
                location = "example-mirror-0.local/mirror-for-foo"

                [[registry.mirror]]
                location = "example-mirror-1.local/mirrors/foo" # the second
                insecure = true
                pull-from-mirror = "tag-only"

                [[ registry ]]
                location = 'bad.example'
                blocked = true

                [aliases]
                "fedora" = "registry.fedoraproject.org/fedora"
                [aliases.nested]
                key.sub = {a = 1, b = [true, 1979-05-27T07:32:00Z], c = ''}
                text = '''
                more
                lines'''
                """);
        assertEquals(
                List.of(
                        new Rule(
                                "example.com/foo",
                                "internal-registry-for-example.com/bar",
                                false,
                                false,
                                List.of(
                                        new Mirror("example-mirror-0.local/mirror-for-foo", false, Mirror.For.ALL),
                                        new Mirror("example-mirror-1.local/mirrors/foo", true, Mirror.For.TAG_ONLY)),
                                "f"),
                        new Rule("bad.example", "bad.example", false, true, List.of(), "f")),
                rules);
    }

    @Test
    void keysAreFoundInAnyCaseAsPodmanFindsThem() {
        Rule rule = RegistriesFiles.rules("f", "[[Registry]]\nLocation='a'\nBlocked=true\n")
                .getFirst();
        assertEquals("a", rule.location());
        assertTrue(rule.blocked());
    }

    @Test
    void digestsOnlyIsAPropertyOfTheRegistryToo() {
        List<Rule> rules = RegistriesFiles.rules(
                "f", "[[registry]]\nlocation='a'\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation='b'\n");
        assertEquals(
                Mirror.For.DIGEST_ONLY, rules.getFirst().mirrors().getFirst().images());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[[registry]]~location = \"a~|f, line 2: a string has no end in its line",
                "[[registry]]~location = a|f, line 2: 'a' is no value",
                "[[registry]]~~~location 'a'|f, line 4: '=' is missing",
                "[[registry]~|f, line 1: ']]' is missing",
                "registry = 1~|f, line 1: registry is not an array of tables",
                "[[registry]]~location = 1|f, line 2: location is not a string",
                "[[registry]]~insecure = true|f, line 1: a [[registry]] with neither prefix nor location",
                "[[registry]]~location='a'~blocked='yes'|f, line 3: blocked is not true or false",
                "[[registry]]~location='a'~location='b'|f, line 3: location is there twice",
                "[[registry]]~location='a'~Location='b'|f, line 3: location is there twice",
                "[[registry]]~location='a'~bloked=true|f, line 3: unknown key 'bloked' of a [[registry]]",
                "~[[registri]]~location='a'~blocked=true|f, line 2: unknown key 'registri' in the document",
                "[registries.block]~registries=['a']|f, line 1: unknown key 'registries' in the document",
                "[[registry]]~location='a'~[[registry.mirror]]~location='b'~blocked=true|f, line 5: unknown key 'blocked' of a [[registry.mirror]]"
            })
    void aFileThatIsNotUnderstoodIsAnErrorWithItsLine(String text, String message) {
        HostException failure =
                assertThrows(HostException.class, () -> RegistriesFiles.rules("f", text.replace('~', '\n')));
        assertTrue(failure.getMessage().startsWith(message), failure.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[",
                "[[",
                "registry=[[[[",
                "registry={a={",
                "registry=\"\\",
                "registry=\"\\u12",
                "registry.=1",
                "registry='''"
            })
    void piecesOfFilesAreErrorsToo(String text) {
        assertThrows(HostException.class, () -> RegistriesFiles.rules("f", "registry.x=1\n" + text));
    }

    @Test
    void laterFilesReplaceRulesOfTheSamePrefix(@TempDir Path home) throws IOException {
        Path directory = home.resolve(".config/containers");
        Files.createDirectories(directory.resolve("registries.conf.d"));
        Files.writeString(directory.resolve("registries.conf"), "[[registry]]\nlocation='a'\nblocked=true\n");
        Files.writeString(directory.resolve("registries.conf.d/1.conf"), "[[registry]]\nlocation='a'\n");
        Files.writeString(directory.resolve("registries.conf.d/1.txt"), "not read");
        RegistryRules rules = RegistriesFiles.read(Hosts.at(home, Map.of("HOME", home.toString())));
        assertTrue(rules.rules().stream().anyMatch(rule -> rule.prefix().equals("a") && !rule.blocked()));
    }
}
