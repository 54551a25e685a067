package org.berth.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.registry.Credential;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CredentialFileTest {
    /** Quotes are written as apostrophes. */
    private static CredentialFile file(String text) {
        return CredentialFile.parse("f", text.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    }

    private static String auth(String pair) {
        return Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
    }

    private static Optional<Credential> login(String user, String password) {
        return Optional.of(new Credential.Login(user, password, "f"));
    }

    private static String text(CredentialFile file) {
        return new String(file.bytes(), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @CsvSource({
        "https://index.docker.io/v1/, docker.io",
        "index.docker.io, docker.io",
        "docker.io, docker.io",
        "https://registry-1.docker.io, docker.io",
        "https://host:5000/v2/, host:5000",
        "http://host/some/path, host",
        "host:5000, host:5000",
        "host/v1/, host",
        "quay.io/org/name, quay.io/org/name"
    })
    void keysMeanRegistries(String key, String registry) {
        assertEquals(registry, CredentialFile.registry(key));
    }

    @Test
    void usersAndPasswordsMayHoldAnythingButAColonInTheName() {
        CredentialFile file = file("{'auths':{'h':{'auth':'%s'}}}".formatted(auth("$oauthtoken:pa$$:wd ü")));
        assertEquals(login("$oauthtoken", "pa$$:wd ü"), file.find("h", "a/b"));
        assertEquals(Optional.empty(), file.find("other", ""));
    }

    @Test
    void whatIsWrittenIsReadAgain() {
        CredentialFile file = CredentialFile.empty("f").with("docker.io", "$u", "p:\"\\\n");
        assertTrue(text(file).contains("https://index.docker.io/v1/"));
        assertEquals(
                login("$u", "p:\"\\\n"), CredentialFile.parse("f", file.bytes()).find("docker.io", ""));
    }

    @Test
    void whatIsNotOursSurvives() {
        CredentialFile file = file("{'HttpHeaders': {'X': 'y'}, 'n': [1, {}, null, 2.50],"
                + " 'auths': {'https://a/v1/': {'auth': 'YTpi', 'email': 'e'}}}");
        CredentialFile changed =
                CredentialFile.parse("f", file.with("b:1", "u", "p").bytes());
        assertEquals(
                file.root().fields().get("HttpHeaders"), changed.root().fields().get("HttpHeaders"));
        assertEquals(file.root().fields().get("n"), changed.root().fields().get("n"));
        assertEquals(
                file.root(),
                CredentialFile.parse("f", changed.without("b:1").bytes()).root());
    }

    @Test
    void theFileLooksAsDockerWritesIt() {
        assertEquals(
                "{\n\t\"auths\": {\n\t\t\"h:1\": {\n\t\t\t\"auth\": \"YWxpY2U6czNjcmV0\"\n\t\t}\n\t}\n}\n",
                text(CredentialFile.empty("f").with("h:1", "alice", "s3cret")));
        assertEquals("{\n\t\"auths\": {}\n}\n", text(CredentialFile.empty("f").without("h")));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"https://index.docker.io/v1/", "docker.io", "index.docker.io", "https://registry-1.docker.io/v2/"
            })
    void dockerHubIsForgottenUnderAllItsNames(String key) {
        CredentialFile file = file("{'auths':{'%s':{'auth':'YTpi'},'quay.io':{'auth':'YTpi'}}}".formatted(key));
        assertTrue(file.has("docker.io"));
        assertEquals(login("a", "b"), file.find("docker.io", "library/x"));
        assertFalse(file.without("docker.io").has("docker.io"));
        assertTrue(file.without("docker.io").has("quay.io"));
    }

    @Test
    void theLongestNamespaceWins() {
        CredentialFile file = file("{'auths':{'h':{'auth':'%s'},'h/a':{'auth':'%s'},'h/a/b':{'auth':'%s'}}}"
                .formatted(auth("host:1"), auth("a:1"), auth("ab:1")));
        assertEquals(login("ab", "1"), file.find("h", "a/b"));
        assertEquals(login("a", "1"), file.find("h", "a/c"));
        assertEquals(login("host", "1"), file.find("h", "ab"));
        assertEquals(login("host", "1"), file.find("h", ""));
    }

    @Test
    void tokensWinOverNames() {
        assertEquals(
                Optional.of(new Credential.IdentityToken("refresh", "f")),
                file("{'auths':{'h':{'auth':'%s','identitytoken':'refresh'}}}".formatted(auth("0000:")))
                        .find("h", ""));
        assertEquals(
                Optional.of(new Credential.RegistryToken("t", "f")),
                file("{'auths':{'h':{'registrytoken':'t'}}}").find("h", ""));
        assertEquals(
                login("u", "p"),
                file("{'auths':{'h':{'username':'u','password':'p'}}}").find("h", ""));
    }

    @Test
    void helpersAreNamedForRegistriesOrForAll() {
        CredentialFile file = file("{'auths':{'https://index.docker.io/v1/':{}},'credsStore':'desktop',"
                + "'credHelpers':{'1.dkr.ecr.eu.amazonaws.com':'ecr-login'}}");
        assertEquals(Optional.of("ecr-login"), file.helper("1.dkr.ecr.eu.amazonaws.com"));
        assertEquals(Optional.empty(), file.helper("docker.io"));
        assertEquals(Optional.of("desktop"), file.store());
        assertEquals(Optional.empty(), file.find("docker.io", ""));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "not json",
                "[]",
                "{'auths': 1}",
                "{'auths':{'h':{'auth':'%%%'}}}",
                "{'auths':{'h':{'auth':'YQ=='}}}",
                "{'auths':{'h':{'auth':1}}}",
                "{'auths':{'h':{'identitytoken':['s3cret']}}}"
            })
    void aBrokenFileIsNamedAndNoSecretShown(String text) {
        HostException failure =
                assertThrows(HostException.class, () -> file(text).find("h", ""));
        assertTrue(failure.getMessage().startsWith("f: "), failure.getMessage());
        assertFalse(failure.getMessage().contains("s3cret"));
    }

    @Test
    void anEmptyFileHasNothing() {
        assertEquals(Optional.empty(), file(" \n").find("h", ""));
    }
}
