package org.berth.access;

import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.berth.fuzz.Fuzz;
import org.berth.fuzz.Mutation;
import org.berth.host.Host;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of a user's credentials and of the site's registries as nobody would write them. */
class AccessFuzzTest {
    @TempDir
    Path directory;

    @Test
    void credentialFiles() {
        String whole = """
                {"auths":{"https://index.docker.io/v1/":{"auth":"YWxpY2U6c2VjcmV0"},"ghcr.io/a":{"username":"u","password":"p"},
                "quay.io":{"identitytoken":"t"},"r.example:5000":{"registrytoken":"t"}},"credHelpers":{"gcr.io":"gcloud"},
                "credsStore":"secretservice","HttpHeaders":{"x":1}}
                """;
        List<String> words = Mutation.json(
                "null",
                "1",
                "\"a\"",
                "\"auths\":",
                "\"auth\":",
                "\"username\":",
                "\"registrytoken\":",
                "\"credHelpers\":",
                "\"credsStore\":",
                "https://",
                "http://",
                "ghcr.io",
                "docker.io",
                "/v2/",
                "=",
                "YWxpY2U6",
                "\\u0000",
                "\\n",
                "{\"a\":",
                "[[[[");
        List<String> registries = List.of("docker.io", "ghcr.io", "gcr.io", "quay.io", "r.example:5000", "");
        Fuzz.of("docker-config").cases(2000).run(random -> {
            byte[] bytes = random.nextInt(4) == 0
                    ? Mutation.bytes(whole.getBytes(StandardCharsets.UTF_8), random)
                    : Mutation.text(whole, words, random).getBytes(StandardCharsets.UTF_8);
            CredentialFile file = CredentialFile.parse("config.json", bytes);
            for (String registry : registries) {
                file.find(registry, "a/b/c");
                file.helper(registry);
                assertFalse(file.without(registry).has(registry));
                CredentialFile.parse("again", file.with(registry, "u", "p").bytes());
            }
            file.store();
        });
    }

    @Test
    void registriesFiles() {
        String whole = """
                unqualified-search-registries = ["docker.io", 'quay.io']
                [[registry]] # one
                prefix = "example.com/a"
                location = "other.example:5000/\\u0061"
                insecure = false
                blocked = true
                mirror-by-digest-only = false
                [[registry.mirror]]
                location = "mirror.example"
                insecure = true
                pull-from-mirror = "digest-only"
                [registry.x.y]
                z = {a = 1, b = [1, 2.5, inf], "c" = \"""
                text\"""}
                [aliases]
                "a" = "b"
                when = 1979-05-27T07:32:00Z
                """;
        List<String> words = List.of(
                "[[registry]]",
                "[[registry.mirror]]",
                "[registry]",
                "[a.b.c]",
                "[",
                "]",
                "[[",
                "]]",
                "{",
                "}",
                "=",
                ",",
                ".",
                "\"",
                "\"\"\"",
                "'",
                "'''",
                "#",
                "\n",
                "\\u",
                "\\U",
                "\\U0010FFFF",
                "\\Uffffffff",
                "\\",
                "true",
                "false",
                "1",
                "inf",
                "prefix = ",
                "location = ",
                "mirror = ",
                "registry = ",
                "a = ",
                "a.b = ",
                "{a = ",
                "[[[[",
                "\r\n");
        Fuzz.of("registries.conf")
                .cases(3000)
                .run(random -> RegistriesFiles.rules(
                        "registries.conf",
                        random.nextInt(4) == 0
                                ? "registry" + Mutation.text(words, 40, random)
                                : Mutation.text(whole, words, random)));
    }

    @Test
    void loginRecords() {
        String whole = """
                Active: DefaultRemote
                Remotes:
                  DefaultRemote: &d
                    URI: cloud.apptainer.org
                    System: true
                Credentials:
                - URI: docker://ghcr.io
                  Insecure: false
                - {URI: "oras://x", Insecure: yes}
                """;
        List<String> words = Mutation.yaml("Credentials:", "URI: ");
        Path file = directory.resolve("remote.yaml");
        Fuzz.of("remote.yaml").cases(500).run(random -> {
            Files.writeString(
                    file,
                    random.nextInt(4) == 0
                            ? Mutation.text(words, 30, random).replaceAll("\\p{Cs}", "?")
                            : Mutation.text(whole, words, random).replaceAll("\\p{Cs}", "?"));
            Host host = Hosts.at(directory, Map.of());
            LoginRecords records = LoginRecords.read(host, file);
            records.logins();
            records.with(new LoginRecords.Login("docker://new", false)).write();
            LoginRecords.read(Hosts.at(directory, Map.of()), file)
                    .without("new")
                    .write();
        });
    }
}
