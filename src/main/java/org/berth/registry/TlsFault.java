package org.berth.registry;

import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.time.LocalDate;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Why no secure connection came about, and what to do, in words of ours.
 *
 * @param hint empty if there is nothing to be advised
 */
record TlsFault(String reason, Optional<String> hint) {
    /** As {@link java.util.Date#toString} writes it in the exceptions. */
    private static final Pattern DATE = Pattern.compile("Not(?:After|Before): (.+)");

    private static final DateTimeFormatter WRITTEN =
            DateTimeFormatter.ofPattern("EEE MMM dd HH:mm:ss zzz yyyy", Locale.ROOT);
    private static final Pattern ALERT = Pattern.compile("(?s).*fatal alert: ([a-z_]+).*");
    private static final String TRUSTED = "--cacert FILE names another authority that is to be trusted";

    /** @param failure of a connection by TLS */
    static TlsFault of(Throwable failure) {
        Optional<TlsFault> known = Optional.empty();
        // What is wrong stands at the end of the chain, and the ones before it say so less well.
        for (Throwable cause = failure; cause != null; cause = cause.getCause() == cause ? null : cause.getCause()) {
            Optional<TlsFault> here = known(cause);
            known = here.isPresent() ? here : known;
        }
        return known.orElseGet(() -> unknown(String.valueOf(failure.getMessage())));
    }

    static boolean isUnknownAuthority(Throwable failure) {
        Throwable cause = failure;
        while (cause != null && !(cause instanceof CertPathBuilderException)) {
            cause = cause.getCause();
        }
        return cause != null;
    }

    private static Optional<TlsFault> known(Throwable cause) {
        String text = String.valueOf(cause.getMessage());
        return switch (cause) {
            case CertificateExpiredException _ ->
                Optional.of(new TlsFault(
                        "its certificate has expired" + date(" on ", text),
                        Optional.of("tell who runs it; this machine's date is " + LocalDate.now())));
            case CertificateNotYetValidException _ ->
                Optional.of(new TlsFault(
                        "its certificate is not valid" + date(" before ", text),
                        Optional.of("this machine's date is %s: is its clock right?".formatted(LocalDate.now()))));
            case CertPathBuilderException _ ->
                Optional.of(new TlsFault(
                        "its certificate is not of an authority that is trusted here", Optional.of(TRUSTED)));
            case CertPathValidatorException _ ->
                Optional.of(new TlsFault("its certificate is not accepted", Optional.of(TRUSTED)));
            case CertificateException _
            when text.startsWith("No subject alternative") || text.startsWith("No name matching") ->
                Optional.of(new TlsFault(
                        "its certificate is for another name",
                        Optional.of("use the name that its certificate has, or let it have one for this name")));
            default -> Optional.empty();
        };
    }

    private static TlsFault unknown(String text) {
        Matcher alert = ALERT.matcher(text);
        if (alert.matches()) {
            return new TlsFault(
                    "it broke the connection off (%s)".formatted(alert.group(1).replace('_', ' ')), Optional.empty());
        }
        return new TlsFault(Words.clean(text), Optional.of("if it is a registry without encryption, use --no-https"));
    }

    /** The date in the text, with a word before it; nothing where it is written in another way. */
    private static String date(String word, String text) {
        Matcher date = DATE.matcher(text);
        if (!date.find()) {
            return "";
        }
        try {
            return word + ZonedDateTime.parse(date.group(1), WRITTEN).toLocalDate();
        } catch (DateTimeParseException e) {
            return "";
        }
    }
}
