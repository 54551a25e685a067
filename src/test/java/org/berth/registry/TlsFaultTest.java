package org.berth.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.time.LocalDate;
import java.util.Optional;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;

/** As the JDK nests them; the messages are the JDK's. */
class TlsFaultTest {
    private static TlsFault fault(String message, Throwable cause) {
        return TlsFault.of(new SSLHandshakeException(message).initCause(cause));
    }

    @Test
    void anExpiredCertificateIsToldWithItsDateAndOurs() {
        TlsFault fault = fault(
                "PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed",
                new CertPathValidatorException(
                        "validity check failed",
                        new CertificateExpiredException("NotAfter: Sat Jan 01 11:12:13 UTC 2022")));
        assertEquals("its certificate has expired on 2022-01-01", fault.reason());
        assertTrue(fault.hint().orElse("").contains(LocalDate.now().toString()));
        assertEquals(
                "its certificate has expired",
                fault("x", new CertificateExpiredException("NotAfter: sometime"))
                        .reason());
    }

    @Test
    void aClockThatIsBehindIsAsked() {
        TlsFault fault = fault("x", new CertificateNotYetValidException("NotBefore: Sat Jan 01 11:12:13 CET 2050"));
        assertEquals("its certificate is not valid before 2050-01-01", fault.reason());
        assertTrue(fault.hint().orElse("").contains("is its clock right?"));
    }

    @Test
    void anUnknownAuthorityAndAnotherNameAreToldApart() {
        String unknown =
                "PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find"
                        + " valid certification path to requested target";
        assertEquals(
                "its certificate is not of an authority that is trusted here",
                fault(unknown, new CertPathBuilderException("unable to find valid certification path"))
                        .reason());
        assertEquals(
                "its certificate is for another name",
                fault("No name matching x found", new CertificateException("No name matching x found"))
                        .reason());
    }

    @Test
    void anAlertIsTheOthersWord() {
        assertEquals(
                new TlsFault("it broke the connection off (handshake failure)", Optional.empty()),
                TlsFault.of(new SSLException("(handshake_failure) Received fatal alert: handshake_failure")));
    }
}
