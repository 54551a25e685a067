package org.berth.gather;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.error.HostException;
import org.berth.error.Nearest;
import org.berth.error.UsageException;
import org.berth.oci.ImageReference;
import org.berth.policy.Provenance;
import org.berth.registry.LibraryReference;

/** What the user calls an image: a path, or a scheme and what follows it. */
public sealed interface ImageName {
    /** A file or directory. */
    record LocalPath(String text) implements ImageName {}

    /** An image that is got before it can be run ({@link Pulling#acquire}); {@code from} is the text without the scheme. */
    sealed interface Distant extends ImageName {
        String uri();

        /** The file that {@code pull} makes when it is told none. */
        String fileName();

        /** How what was got came to its path. */
        Provenance provenance();
    }

    /** One that is converted. */
    sealed interface Remote extends Distant {
        @Override
        default Provenance provenance() {
            return new Provenance.Converted(uri());
        }
    }

    /** An image in a registry. */
    record Docker(String uri, String from) implements Remote {
        @Override
        public String fileName() {
            return ImageReference.parse(from).defaultFileName();
        }
    }

    /** An image in an archive, a layout or a daemon. */
    record Stored(Kind kind, String uri, String from) implements Remote {
        enum Kind {
            OCI,
            OCI_ARCHIVE,
            DOCKER_ARCHIVE,
            DOCKER_DAEMON
        }

        @Override
        public String fileName() {
            return StoredNames.defaultFileName(this);
        }
    }

    /** A SIF that is fetched as it is. */
    sealed interface Whole extends Distant {
        @Override
        default Provenance provenance() {
            return new Provenance.Fetched(uri());
        }
    }

    /** A SIF on a web server. */
    record Web(String uri) implements Whole {
        @Override
        public String fileName() {
            String name = uri.replaceFirst("[?#].*", "").replaceFirst(".*/", "");
            if (name.isEmpty()) {
                throw new UsageException("%s names no file".formatted(uri)).hint("say what it is to be called");
            }
            return name;
        }
    }

    /** A SIF in a registry. */
    record Oras(String uri, String from) implements Whole {
        @Override
        public String fileName() {
            return ImageReference.parse(from, "oras").defaultFileName();
        }
    }

    /** A SIF in a library. */
    record Library(String uri, String from) implements Whole {
        @Override
        public String fileName() {
            return LibraryReference.parse(from).defaultFileName();
        }
    }

    Pattern SCHEME = Pattern.compile(
            "(docker|docker-archive|docker-daemon|oci|oci-archive|library|shub|oras|http|https|instance|ipfs):(?://)?(.*)",
            Pattern.DOTALL);

    /** RFC 3986; one with a single letter would be a drive. */
    Pattern UNKNOWN = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]+)://.*", Pattern.DOTALL);

    /** What people of other programs write, and what it is here. */
    Map<String, String> OTHERS = Map.of(
            "dockerd", "docker-daemon:NAME is an image of the local Docker daemon",
            "podman",
                    "docker-daemon:NAME with --docker-host unix:///run/user/UID/podman/podman.sock is an image of Podman",
            "file", "a file is named by its path alone",
            "shifter", "docker://NAME is an image of a registry");

    private static HostException unknown(String text, String scheme) {
        String name = scheme.toLowerCase(Locale.ROOT);
        return new HostException("%s: images by %s:// are not known".formatted(text, scheme))
                .hint(OTHERS.getOrDefault(
                        name,
                        SCHEME.matcher(name + "://").matches()
                                ? "it is %s://, in small letters".formatted(name)
                                : nearest(name, text.substring(scheme.length() + "://".length()))
                                        .map("is it %s?"::formatted)
                                        .orElse(KNOWN)));
    }

    /** The name with the scheme that was meant, where one letter or two are wrong. */
    private static Optional<String> nearest(String scheme, String rest) {
        List<String> schemes = Arrays.stream(KNOWN.split("[ ,;]+"))
                .filter(known -> known.endsWith(":") || known.endsWith("://"))
                .toList();
        return Nearest.of(scheme, schemes.stream().map(known -> known.substring(0, known.indexOf(':')))).stream()
                .findFirst()
                .flatMap(near -> schemes.stream()
                        .filter(known -> known.startsWith(near + ":"))
                        .findFirst())
                .map(known -> known + rest);
    }

    String KNOWN =
            "docker://, oras://, library://, https://, http://, oci:, oci-archive:, docker-archive: and docker-daemon: are;"
                    + " a file is named by its path alone";

    /** Whether it is something else than a path, and can hardly be meant as one. */
    static boolean hasScheme(String text) {
        return text.contains("://")
                && (SCHEME.matcher(text).matches() || UNKNOWN.matcher(text).matches());
    }

    /**
     * @throws UsageException for no name at all, and for a scheme whose service does not exist
     * @throws HostException for a scheme that is not known, or not available yet
     */
    static ImageName parse(String text) {
        if (text.isBlank()) {
            // A path of no name would be the working directory, which would run as a sandbox.
            throw new UsageException("the name of the image is empty")
                    .hint("it may come from a variable that is not set");
        }
        Matcher matcher = SCHEME.matcher(text);
        if (!matcher.matches()) {
            Matcher unknown = UNKNOWN.matcher(text);
            if (unknown.matches()) {
                throw unknown(text, unknown.group(1));
            }
            return new LocalPath(text);
        }
        String from = matcher.group(2);
        return switch (matcher.group(1)) {
            case "docker" -> new Docker(text, from);
            case "oci" -> new Stored(Stored.Kind.OCI, text, from);
            case "oci-archive" -> new Stored(Stored.Kind.OCI_ARCHIVE, text, from);
            case "docker-archive" -> new Stored(Stored.Kind.DOCKER_ARCHIVE, text, from);
            case "docker-daemon" -> new Stored(Stored.Kind.DOCKER_DAEMON, text, from);
            case "http", "https" -> new Web(text);
            case "oras" -> new Oras(text, from);
            case "library" -> new Library(text, from);
            case "shub" ->
                throw new UsageException("%s: Singularity Hub has been closed since 2021".formatted(text))
                        .hint("ask the image's author where it is now; docker://… and oras://… are usual");
            default ->
                throw new HostException("%s: images by %s: are not available yet".formatted(text, matcher.group(1)))
                        .hint("docker://…, oras://…, archives, https://… and files of this machine are");
        };
    }
}
