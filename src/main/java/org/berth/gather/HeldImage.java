package org.berth.gather;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.berth.cli.Invocation;
import org.berth.host.Host;

/**
 * An image as the users of Slurm write it: a path, a reference with a scheme, or a bare name of a registry's image.
 *
 * <p>Pyxis' notation goes along, in which {@code #} stands between registry and image and a user name may come first:
 * {@code [USER@][REGISTRY#]IMAGE[:TAG]}.
 */
public final class HeldImage {
    private static final String DOCKER = "docker://";
    private static final String LAYOUT = "oci:";

    /** As enroot calls the local daemon. */
    private static final String DAEMON = "dockerd://";

    private static final List<String> FILE_ENDINGS = List.of(".sif", ".sqsh", ".sqfs", ".squashfs", ".img");

    private static final Pattern SCHEME = Pattern.compile(
            "(?:[a-z][a-z0-9+.-]*://|(?:oci|docker)-archive:|docker-daemon:|oci:.*/).*", Pattern.DOTALL);

    private HeldImage() {}

    /** What the user calls the image, where the plugin gave another name in its place. */
    public static Optional<String> called(Invocation invocation, Host host) {
        return invocation.shared().value("called").map(text -> normalized(text, path -> host.exists(host.path(path))));
    }

    /** The image as {@link ImageName#parse} takes it; {@code exists} says whether a path leads to something. */
    public static String normalized(String text, Predicate<String> exists) {
        if (text.startsWith("/") || text.startsWith(".")) {
            return text;
        }
        if (text.startsWith(DOCKER)) {
            return DOCKER + withSlash(text.substring(DOCKER.length()));
        }
        if (text.startsWith(DAEMON)) {
            return "docker-daemon:" + text.substring(DAEMON.length());
        }
        if (SCHEME.matcher(text).matches() || text.startsWith(LAYOUT) && isLayout(text, exists)) {
            return text;
        }
        if (exists.test(text) || FILE_ENDINGS.stream().anyMatch(text::endsWith)) {
            return text;
        }
        return DOCKER + withSlash(text);
    }

    /** {@code oci:NAME} is an image of a registry too: which one it is, a directory of that name says. */
    private static boolean isLayout(String text, Predicate<String> exists) {
        String directory = text.substring(LAYOUT.length());
        int tag = directory.lastIndexOf(':');
        return !directory.isEmpty() && exists.test(directory) || tag > 0 && exists.test(directory.substring(0, tag));
    }

    private static String withSlash(String name) {
        int hash = name.indexOf('#');
        if (hash < 0) {
            return name;
        }
        String registry = name.substring(name.lastIndexOf('@', hash) + 1, hash);
        return registry + "/" + name.substring(hash + 1);
    }
}
