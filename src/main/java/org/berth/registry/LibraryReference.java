package org.berth.registry;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.error.UsageException;
import org.berth.oci.Digest;

/**
 * The name of an image in a library: {@code [HOST/][ENTITY/[COLLECTION/]]CONTAINER[:TAG]}.
 *
 * @param host the library's, where the name has all four parts
 * @param path the parts but the host, as they were written: the library completes a short one
 * @param tag {@code latest} unless the name has one; {@code sha256.HEX} is no tag but a digest
 */
public record LibraryReference(Optional<String> host, String path, String tag) {
    private static final String PART = "[A-Za-z0-9][A-Za-z0-9._-]*";
    private static final Pattern NAME = Pattern.compile(
            "(?:([A-Za-z0-9.-]+(?::[0-9]{1,5})?)/(?=%1$s/%1$s/))?(%1$s(?:/%1$s){0,2})(?::(%1$s))?".formatted(PART));
    private static final Pattern DIGEST = Pattern.compile("sha256\\.[0-9A-Fa-f]{64}");

    /** @param text what follows {@code library://} */
    public static LibraryReference parse(String text) {
        Matcher name = NAME.matcher(text.startsWith("/") ? text.substring(1) : text);
        if (!name.matches()) {
            throw new UsageException("library://%s is not the name of an image in a library".formatted(text))
                    .hint("it looks like library://ENTITY/COLLECTION/CONTAINER:TAG, with one tag or sha256.DIGEST");
        }
        return new LibraryReference(
                Optional.ofNullable(name.group(1)),
                name.group(2),
                Optional.ofNullable(name.group(3)).orElse("latest"));
    }

    /** The digest that the name pins. */
    public Optional<Digest> digest() {
        return DIGEST.matcher(tag).matches()
                ? Optional.of(
                        new Digest("sha256", tag.substring("sha256.".length()).toLowerCase(Locale.ROOT)))
                : Optional.empty();
    }

    /** {@code lolcow_latest.sif}: where it is pulled to unless the user says something else. */
    public String defaultFileName() {
        return "%s_%s.sif".formatted(path.substring(path.lastIndexOf('/') + 1), tag);
    }

    @Override
    public String toString() {
        return "library://%s%s:%s".formatted(host.map(name -> name + "/").orElse(""), path, tag);
    }
}
