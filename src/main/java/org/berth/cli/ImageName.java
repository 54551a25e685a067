package org.berth.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.error.HostException;

/** What the user calls an image: a path, or a scheme and what follows it. */
sealed interface ImageName {
    /** A file or directory. */
    record LocalPath(String text) implements ImageName {}

    /** An image in a registry; {@code from} is the text without the scheme. */
    record Docker(String uri, String from) implements ImageName {}

    /** A SIF that a registry keeps as it is. */
    record Oras(String uri, String from) implements ImageName {}

    Pattern SCHEME = Pattern.compile(
            "(docker|docker-archive|docker-daemon|oci|oci-archive|library|shub|oras|http|https|instance|ipfs):(?://)?(.*)",
            Pattern.DOTALL);

    /** @throws HostException for a scheme that is not available yet */
    static ImageName parse(String text) {
        Matcher matcher = SCHEME.matcher(text);
        if (!matcher.matches()) {
            return new LocalPath(text);
        }
        if (matcher.group(1).equals("docker")) {
            return new Docker(text, matcher.group(2));
        }
        if (matcher.group(1).equals("oras")) {
            return new Oras(text, matcher.group(2));
        }
        throw new HostException("%s: images by %s: are not available yet".formatted(text, matcher.group(1)))
                .hint("docker://…, oras://… and files of this machine are");
    }
}
