package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.berth.error.BerthException;
import org.berth.error.HostException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A registry whose certificate comes from an authority of its own. */
class TrustTest {
    @TempDir
    static Path directory = Path.of("/");

    private static HttpsServer server;

    /** Made with the JDK's keytool: a certificate for localhost that vouches for itself. */
    @BeforeAll
    static void start() throws IOException, GeneralSecurityException, InterruptedException {
        Path store = directory.resolve("keys.p12");
        keytool("-genkeypair", "-alias", "x", "-keyalg", "EC", "-dname", "CN=test", "-ext", "san=dns:localhost");
        keytool("-exportcert", "-alias", "x", "-rfc", "-file", pem().toString());
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            keys.load(in, "changeit".toCharArray());
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(keys, "changeit".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(factory.getKeyManagers(), null, null);
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        server.createContext("/v2/", exchange -> {
            try (exchange) {
                TestRegistry.send(exchange, 200, new byte[] {'{', '}'});
            }
        });
        server.start();
    }

    private static void keytool(String... words) throws IOException, InterruptedException {
        List<String> command = new java.util.ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin/keytool").toString()));
        command.addAll(List.of(words));
        command.addAll(List.of("-keystore", directory.resolve("keys.p12").toString(), "-storepass", "changeit"));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), output);
    }

    private static Path pem() {
        return directory.resolve("ca.pem");
    }

    @AfterAll
    static void stop() {
        server.stop(0);
    }

    private static RegistryClient.Login login(String host, Trust trust, RegistryRules rules) {
        RegistrySettings settings = RegistrySettings.defaults(
                        RegistrySettings.Transport.HTTPS, Proxies.NONE, "berth/test")
                .with(
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(5),
                        new RetryPolicy(1, Duration.ofMillis(5), Duration.ofSeconds(1), Duration.ofSeconds(5)))
                .with(trust)
                .with(rules);
        try (RegistryClient client = new RegistryClient(settings, Credentials.ANONYMOUS)) {
            return client.login(host + ":" + server.getAddress().getPort());
        }
    }

    private static String refusal(String host, Trust trust) {
        BerthException failure = assertThrows(BerthException.class, () -> login(host, trust, RegistryRules.NONE));
        return failure.getMessage() + failure.hint().orElse("");
    }

    @Test
    void anUnknownAuthorityIsRefusedWithTheWayOut() {
        String text = refusal("localhost", Trust.JVM);
        assertTrue(
                text.contains(
                        "no secure connection: its certificate is not of an authority that is trusted here--cacert FILE"),
                text);
    }

    @Test
    void aNamedAuthorityIsTrusted() {
        assertEquals(
                RegistryClient.Login.NOT_ASKED,
                login("localhost", new Trust(List.of(pem()), List.of()), RegistryRules.NONE));
    }

    @Test
    void theFirstBundleOfTheSystemThatIsThereIsTrusted() {
        Trust trust = new Trust(List.of(), List.of(directory.resolve("missing"), pem()));
        assertEquals(RegistryClient.Login.NOT_ASKED, login("localhost", trust, RegistryRules.NONE));
    }

    @Test
    void theHostsNameIsCheckedAllTheSame() {
        String text = refusal("127.0.0.1", new Trust(List.of(pem()), List.of()));
        assertTrue(text.contains("no secure connection: its certificate is for another name"), text);
    }

    @Test
    void anInsecureRegistrysCertificateIsNotLookedAt() {
        RegistryRules insecure = new RegistryRules(List.of(
                new RegistryRules.Rule("127.0.0.1:" + server.getAddress().getPort(), "", true, false, List.of(), "f")));
        assertEquals(RegistryClient.Login.NOT_ASKED, login("127.0.0.1", Trust.JVM, insecure));
    }

    @Test
    void aNamedFileMustHoldCertificates() throws IOException {
        Path empty = Files.writeString(directory.resolve("empty.pem"), "nothing\n");
        for (Path file : List.of(empty, directory.resolve("missing"))) {
            HostException failure = assertThrows(
                    HostException.class,
                    () -> login("localhost", new Trust(List.of(file), List.of()), RegistryRules.NONE));
            assertTrue(failure.getMessage().contains(file.toString()), failure.getMessage());
        }
    }
}
