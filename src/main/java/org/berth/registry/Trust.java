package org.berth.registry;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.berth.error.HostException;

/**
 * Which certificates are believed, besides those that the JVM ships.
 *
 * @param named files of the user, in PEM: they must be there
 * @param system bundles of this machine: the first one that can be read counts, and only where the others do not suffice,
 *     because reading one costs a tenth of a second
 */
public record Trust(List<Path> named, List<Path> system) {
    /** The JVM's certificates alone. */
    public static final Trust JVM = new Trust(List.of(), List.of());

    public Trust {
        named = List.copyOf(named);
        system = List.copyOf(system);
    }

    /** @throws HostException if a named file cannot be read or holds no certificate */
    SSLContext context() {
        Optional<X509ExtendedTrustManager> own =
                named.isEmpty() ? Optional.empty() : Optional.of(manager(certificates()));
        return context(new Chain(Stream.of(
                        own.stream().<Supplier<Optional<X509ExtendedTrustManager>>>map(m -> () -> Optional.of(m)),
                        Stream.<Supplier<Optional<X509ExtendedTrustManager>>>of(
                                () -> Optional.of(manager(Optional.empty())), this::systemManager))
                .flatMap(s -> s)
                .toList()));
    }

    /** For registries that the site calls insecure: no certificate is looked at. */
    static SSLContext anybody() {
        return context(new Anybody());
    }

    private static SSLContext context(TrustManager manager) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {manager}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new HostException("this Java cannot speak TLS: " + e.getMessage(), e);
        }
    }

    private Optional<KeyStore> certificates() {
        List<Certificate> all = new ArrayList<>();
        named.forEach(file -> all.addAll(read(file)));
        return Optional.of(store(all));
    }

    private static Collection<? extends Certificate> read(Path file) {
        Collection<? extends Certificate> found;
        try (InputStream in = Files.newInputStream(file)) {
            found = CertificateFactory.getInstance("X.509").generateCertificates(in);
        } catch (IOException e) {
            throw new HostException("certificates in %s: cannot be read".formatted(file), e);
        } catch (CertificateException e) {
            throw new HostException("certificates in %s: not in PEM format".formatted(file), e);
        }
        if (found.isEmpty()) {
            throw new HostException("certificates in %s: there are none".formatted(file));
        }
        return found;
    }

    private Optional<X509ExtendedTrustManager> systemManager() {
        return system.stream().filter(Files::isReadable).findFirst().flatMap(file -> {
            try {
                return Optional.of(manager(Optional.of(store(read(file)))));
            } catch (HostException e) {
                // A broken bundle is no reason to fail: the certificate in question stays untrusted.
                return Optional.empty();
            }
        });
    }

    private static KeyStore store(Collection<? extends Certificate> certificates) {
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int number = 0;
            for (Certificate certificate : certificates) {
                store.setCertificateEntry("ca" + number++, certificate);
            }
            return store;
        } catch (IOException | GeneralSecurityException e) {
            throw new HostException("this Java cannot keep certificates: " + e.getMessage(), e);
        }
    }

    /** The JDK's own checks, of the host's name too; without a store those of the JVM's certificates. */
    private static X509ExtendedTrustManager manager(Optional<KeyStore> store) {
        try {
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store.orElse(null));
            for (TrustManager manager : factory.getTrustManagers()) {
                if (manager instanceof X509ExtendedTrustManager x509) {
                    return x509;
                }
            }
            throw new HostException("this Java cannot check certificates");
        } catch (GeneralSecurityException e) {
            throw new HostException("this Java cannot check certificates: " + e.getMessage(), e);
        }
    }

    private interface Check {
        void by(X509ExtendedTrustManager manager) throws CertificateException;
    }

    /** Believes what one of several believes; each is made when the ones before it have refused. */
    private static final class Chain extends X509ExtendedTrustManager {
        private final List<Supplier<Optional<X509ExtendedTrustManager>>> makers;
        private final Map<Integer, Optional<X509ExtendedTrustManager>> made = new ConcurrentHashMap<>();

        Chain(List<Supplier<Optional<X509ExtendedTrustManager>>> makers) {
            this.makers = List.copyOf(makers);
        }

        private void check(Check check) throws CertificateException {
            Optional<CertificateException> refusal = Optional.empty();
            for (int i = 0; i < makers.size(); i++) {
                Optional<X509ExtendedTrustManager> manager =
                        made.computeIfAbsent(i, n -> makers.get(n).get());
                if (manager.isPresent()) {
                    try {
                        check.by(manager.orElseThrow());
                        return;
                    } catch (CertificateException e) {
                        // Who knows the authority says more than who does not.
                        refusal = refusal.filter(known -> !TlsFault.isUnknownAuthority(known))
                                .or(() -> Optional.of(e));
                    }
                }
            }
            throw refusal.orElseGet(() -> new CertificateException("no certificates are trusted"));
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(manager -> manager.checkServerTrusted(chain, type));
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            check(manager -> manager.checkServerTrusted(chain, type, socket));
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            check(manager -> manager.checkServerTrusted(chain, type, engine));
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
            throw new CertificateException("this is no server");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            throw new CertificateException("this is no server");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            throw new CertificateException("this is no server");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    /** Being an extended manager it also keeps the JDK from comparing the host's name. */
    private static final class Anybody extends X509ExtendedTrustManager {
        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
