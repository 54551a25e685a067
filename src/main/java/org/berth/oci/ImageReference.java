package org.berth.oci;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.error.ImageException;
import org.berth.error.UsageException;

/**
 * The name of an image in a registry, as Docker normalises it (distribution/reference): {@code docker://NAME} without
 * the scheme.
 *
 * @param registry host and port; {@code docker.io} if the name has none
 * @param repository lower-case path, {@code library/NAME} for a bare name of docker.io
 * @param tag as written; with neither tag nor digest {@code latest} is meant
 * @param digest wins over the tag
 */
public record ImageReference(String registry, String repository, Optional<String> tag, Optional<Digest> digest) {
    private static final String DOCKER_HUB = "docker.io";
    private static final int MAX_NAME = 255;

    private static final String LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*+(?<!-))?";
    private static final Pattern REGISTRY =
            Pattern.compile("(?:" + LABEL + "(?:\\." + LABEL + ")*+|\\[[a-fA-F0-9:]++\\])(?::[0-9]{1,5})?");
    private static final Pattern REPOSITORY = Pattern.compile(
            "[a-z0-9]++(?:(?:\\.|_{1,2}|-++)[a-z0-9]++)*+(?:/[a-z0-9]++(?:(?:\\.|_{1,2}|-++)[a-z0-9]++)*+)*+");
    private static final Pattern TAG = Pattern.compile("\\w[\\w.-]{0,127}");
    private static final Pattern REMAINDER = Pattern.compile("([^:@]*+)(?::([^@]*+))?(?:@(.*+))?", Pattern.DOTALL);
    private static final Pattern IDENTIFIER = Pattern.compile("[a-f0-9]{64}");

    /**
     * Parses what follows {@code docker://}.
     *
     * @throws UsageException if it is not a name
     */
    public static ImageReference parse(String name) {
        return parse(name, "docker");
    }

    /** @param scheme that stood before the name, for messages */
    public static ImageReference parse(String name, String scheme) {
        try {
            return parts(name);
        } catch (UsageException e) {
            throw new UsageException(
                    "unable to parse image name %s://%s: %s".formatted(scheme, name, e.getMessage()), e);
        }
    }

    private static ImageReference parts(String name) {
        if (IDENTIFIER.matcher(name).matches()) {
            throw new UsageException(
                    "invalid repository name (%s), cannot specify 64-byte hexadecimal strings".formatted(name));
        }
        int slash = name.indexOf('/');
        boolean hasHost = slash >= 0 && isHost(name.substring(0, slash));
        String registry = hasHost ? name.substring(0, slash) : DOCKER_HUB;
        String remainder = hasHost ? name.substring(slash + 1) : name;
        if (registry.equals("index.docker.io")) {
            registry = DOCKER_HUB;
        }
        Matcher parts = REMAINDER.matcher(remainder);
        if (!parts.matches() || !REGISTRY.matcher(registry).matches()) {
            throw new UsageException("invalid reference format");
        }
        String repository = parts.group(1);
        if (!repository.equals(repository.toLowerCase(Locale.ROOT))) {
            throw new UsageException("invalid reference format: repository name must be lowercase");
        }
        if (registry.equals(DOCKER_HUB) && !repository.contains("/")) {
            repository = "library/" + repository;
        }
        Optional<String> tag = Optional.ofNullable(parts.group(2));
        if (!REPOSITORY.matcher(repository).matches()
                || registry.length() + 1 + repository.length() > MAX_NAME
                || tag.filter(text -> !TAG.matcher(text).matches()).isPresent()) {
            throw new UsageException("invalid reference format");
        }
        return new ImageReference(
                registry, repository, tag, Optional.ofNullable(parts.group(3)).map(ImageReference::digest));
    }

    /** The first part of a name is a host if it looks like one; an upper-case letter can only belong to a host. */
    private static boolean isHost(String first) {
        return first.contains(".")
                || first.contains(":")
                || first.equals("localhost")
                || !first.equals(first.toLowerCase(Locale.ROOT));
    }

    private static Digest digest(String text) {
        try {
            return Digest.parse(text);
        } catch (ImageException e) {
            throw new UsageException("invalid reference format");
        }
    }

    /** Host and port to connect to; Docker Hub's registry has another name than its images. */
    public String host() {
        return hostOf(registry);
    }

    /** Host and port of a registry that is called so in image names. */
    public static String hostOf(String registry) {
        return registry.equals(DOCKER_HUB) ? "registry-1.docker.io" : registry;
    }

    /** The tag or digest that a registry is asked for. */
    public String version() {
        return digest.map(Digest::toString).orElse(tag.orElse("latest"));
    }

    /** The same repository at a digest. */
    public ImageReference at(Digest exact) {
        return new ImageReference(registry, repository, tag, Optional.of(exact));
    }

    /** {@code registry/repository}, as messages name it. */
    public String name() {
        return registry + "/" + repository;
    }

    /** The file that {@code pull} makes when it is told none: {@code NAME_TAG.sif}, or {@code NAME@sha256_HEX.sif}. */
    public String defaultFileName() {
        String last = repository.substring(repository.lastIndexOf('/') + 1);
        return digest.map(exact -> "%s@%s_%s.sif".formatted(last, exact.algorithm(), exact.hex()))
                .orElse("%s_%s.sif".formatted(last, tag.orElse("latest")));
    }

    @Override
    public String toString() {
        return name() + (digest.isPresent() ? "@" : ":") + version();
    }
}
