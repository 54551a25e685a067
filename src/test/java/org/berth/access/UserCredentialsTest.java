package org.berth.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.host.Host;
import org.berth.registry.Credential;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UserCredentialsTest {
    private static final String CONFIG = ".docker/config.json";
    private static final String OWN = ".apptainer/docker-config.json";

    @TempDir
    Path home = Path.of("/");

    private final List<String> warnings = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();

    @BeforeEach
    void anEnvironment() {
        environment.put("HOME", home.toString());
        environment.put("PATH", home.resolve("bin") + ":/usr/bin:/bin");
        environment.put("XDG_RUNTIME_DIR", home.resolve("run").toString());
    }

    private Host host() {
        return Hosts.at(home, environment);
    }

    private CredentialPlaces places(Optional<Path> authfile) {
        return CredentialPlaces.of(host(), home.resolve(".apptainer"), authfile);
    }

    private UserCredentials credentials() {
        return new UserCredentials(host(), places(Optional.empty()), warnings::add);
    }

    private Logins logins() {
        return new Logins(host(), places(Optional.empty()));
    }

    private void write(String path, String text) throws IOException {
        Path file = home.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private void login(String path, String user) throws IOException {
        byte[] pair = (user + ":p").getBytes(StandardCharsets.UTF_8);
        write(
                path,
                "{\"auths\":{\"h:1\":{\"auth\":\"%s\"}}}"
                        .formatted(Base64.getEncoder().encodeToString(pair)));
    }

    private void helper(String script) throws IOException {
        write("bin/docker-credential-test", "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(
                home.resolve("bin/docker-credential-test"), PosixFilePermissions.fromString("rwx------"));
    }

    private static String user(UserCredentials credentials) {
        return credentials
                .find("h:1", "a/b")
                .map(found -> ((Credential.Login) found).username())
                .orElse("");
    }

    private String mode(String path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(home.resolve(path)));
    }

    @Test
    void filesAreAskedInApptainersOrderAndPodmansLast() throws IOException {
        assertEquals("", user(credentials()));
        for (String file : List.of(".config/containers/auth.json", "run/containers/auth.json", CONFIG, OWN)) {
            login(file, file);
            assertEquals(file, user(credentials()));
        }
        login("mine.json", "mine");
        assertEquals(
                "mine",
                user(new UserCredentials(host(), places(Optional.of(home.resolve("mine.json"))), warnings::add)));
        assertEquals(List.of(), warnings);
    }

    @Test
    void anAuthfileThatIsMissingIsSaidInARefusal() throws IOException {
        login(CONFIG, "other");
        UserCredentials credentials =
                new UserCredentials(host(), places(Optional.of(home.resolve("no.json"))), warnings::add);
        assertEquals("", user(credentials));
        assertTrue(credentials.obstacle("h:1").orElseThrow().endsWith("no.json is not there"));
    }

    @Test
    void aBrokenFileIsWarnedOfOnceAndTheNextOneAsked() throws IOException {
        write(OWN, "not json");
        login(CONFIG, "alice");
        UserCredentials credentials = credentials();
        assertEquals("alice", user(credentials));
        assertEquals("alice", user(credentials));
        assertEquals(1, warnings.size());
        assertTrue(warnings.getFirst().contains(OWN), warnings.toString());
    }

    @Test
    void aHelperIsToldTheRegistryOnItsInput() throws IOException {
        write(CONFIG, "{\"credHelpers\":{\"h:1\":\"test\"}}");
        helper("read -r server; [ \"$*\" = get ] && printf '{\"Username\":\"%s\",\"Secret\":\"x\"}' \"$server\"");
        UserCredentials credentials = credentials();
        assertEquals("h:1", user(credentials));
        assertEquals(
                "docker-credential-test",
                credentials.find("h:1", "a/b").orElseThrow().source());
    }

    @Test
    void aHelpersTokenUserMeansARefreshToken() throws IOException {
        write(CONFIG, "{\"credsStore\":\"test\"}");
        helper("echo '{\"Username\":\"<token>\",\"Secret\":\"refresh\"}'");
        assertEquals(
                Optional.of(new Credential.IdentityToken("refresh", "docker-credential-test")),
                credentials().find("h:1", ""));
    }

    @Test
    void anEntryInClearIsReadBesideAHelperThatIsMissing() throws IOException {
        login(CONFIG, "alice");
        write(CONFIG, Files.readString(home.resolve(CONFIG)).replaceFirst("\\{", "{\"credsStore\":\"desktop\","));
        assertEquals("alice", user(credentials()));
    }

    @Test
    void aMissingHelperIsSaidOnlyInARefusal() throws IOException {
        write(CONFIG, "{\"credsStore\":\"nohelper\"}");
        UserCredentials credentials = credentials();
        assertEquals("", user(credentials));
        assertEquals(List.of(), warnings);
        String obstacle = credentials.obstacle("h:1").orElseThrow();
        assertTrue(obstacle.startsWith("docker-credential-nohelper, which "), obstacle);
        assertTrue(obstacle.endsWith("is not installed"), obstacle);
    }

    @Test
    void aHelperThatKnowsNothingIsNoObstacle() throws IOException {
        write(CONFIG, "{\"credsStore\":\"test\"}");
        helper("echo 'credentials not found in native keychain'; exit 1");
        UserCredentials credentials = credentials();
        assertEquals("", user(credentials));
        assertEquals(Optional.empty(), credentials.obstacle("h:1"));
    }

    @Test
    void aHelperIsNotWaitedForWithoutEnd() throws IOException {
        helper("sleep 60");
        CredentialHelper slow = new CredentialHelper("test", "f", host(), Duration.ofMillis(300));
        long start = System.nanoTime();
        assertTrue(slow.get("h") instanceof CredentialHelper.Answer.Failed(String reason)
                && reason.contains("did not answer"));
        assertTrue(Duration.ofNanos(System.nanoTime() - start).toSeconds() < 10);
    }

    @Test
    void aHelpersNameIsNoPath() throws IOException {
        write(CONFIG, "{\"credsStore\":\"../../bin/sh\"}");
        UserCredentials credentials = credentials();
        assertEquals("", user(credentials));
        assertTrue(credentials.obstacle("h:1").orElseThrow().contains("no program's name"));
    }

    @Test
    void aLoginGoesToApptainersFileIfThereIsOneAndIsPrivate() throws IOException {
        assertEquals(home.resolve(CONFIG).toString(), logins().keep("h:1", "$u", "p"));
        assertEquals("rw-------", mode(CONFIG));
        write(OWN, "{}");
        assertEquals(home.resolve(OWN).toString(), logins().keep("h:1", "v", "p"));
        assertEquals("rw-------", mode(OWN));
        assertEquals("v", user(credentials()));
        assertEquals(List.of(home.resolve(OWN).toString(), home.resolve(CONFIG).toString()), logins().forget("h:1"));
        assertEquals("", user(credentials()));
        try (var left = Files.list(home.resolve(".docker"))) {
            assertEquals(1, left.count());
        }
    }

    @Test
    void aLoginIsKeptByTheHelperThatTheFileNames() throws IOException {
        write(CONFIG, "{\"credsStore\":\"test\",\"auths\":{\"h:1\":{\"auth\":\"YTpi\"}}}");
        Path kept = home.resolve("kept");
        helper("case $1 in store) cat >%s;; get) cat %s;; erase) rm %s;; esac".formatted(kept, kept, kept));
        assertEquals("docker-credential-test", logins().keep("h:1", "u", "s3cret"));
        assertTrue(Files.readString(kept).contains("s3cret"));
        assertFalse(Files.readString(home.resolve(CONFIG)).contains("YTpi"));
        assertEquals("u", user(credentials()));
        assertEquals(List.of("docker-credential-test"), logins().forget("h:1"));
        assertFalse(Files.exists(kept));
    }

    @Test
    void aLinkedFileIsChangedWhereItIs() throws IOException {
        write("dotfiles/config.json", "{\"x\":1}");
        Files.createDirectories(home.resolve(".docker"));
        Files.createSymbolicLink(home.resolve(CONFIG), home.resolve("dotfiles/config.json"));
        assertEquals(home.resolve(CONFIG).toString(), logins().keep("h:1", "u", "p"));
        assertTrue(Files.isSymbolicLink(home.resolve(CONFIG)));
        assertTrue(Files.readString(home.resolve("dotfiles/config.json")).contains("h:1"));
    }

    @Test
    void aLoginOfPodmanIsNamedAfterALogout() throws IOException {
        login("run/containers/auth.json", "alice");
        assertEquals(List.of(home.resolve("run/containers/auth.json")), logins().elsewhere("h:1"));
    }

    @Test
    void theRecordOfLoginsIsWhatApptainerReads() throws IOException {
        Path file = home.resolve(".apptainer/remote.yaml");
        LoginRecords.read(host(), file)
                .with(new LoginRecords.Login("oras://h:1", false))
                .with(new LoginRecords.Login("docker://h:1", false))
                .with(new LoginRecords.Login("oras://h:1", true))
                .write();
        assertEquals("""
                Active: DefaultRemote
                Remotes:
                  DefaultRemote:
                    URI: cloud.apptainer.org
                    System: true
                    Exclusive: false
                Credentials:
                - URI: docker://h:1
                  Insecure: false
                - URI: oras://h:1
                  Insecure: true
                """, Files.readString(file));
        assertEquals("rw-------", mode(".apptainer/remote.yaml"));
        assertEquals(2, LoginRecords.read(host(), file).logins().size());
        assertEquals(List.of(), LoginRecords.read(host(), file).without("h:1").logins());
    }

    @Test
    void otherRemotesOfApptainerSurvive() throws IOException {
        write(
                ".apptainer/remote.yaml",
                "Active: mine\nRemotes:\n    mine:\n        URI: x.example\n        Token: t\n");
        Path file = home.resolve(".apptainer/remote.yaml");
        LoginRecords.read(host(), file)
                .with(new LoginRecords.Login("docker://h", false))
                .write();
        String text = Files.readString(file);
        assertTrue(text.contains("Active: mine") && text.contains("Token: t") && text.contains("docker://h"), text);
    }
}
