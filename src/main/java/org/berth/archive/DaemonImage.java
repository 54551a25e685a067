package org.berth.archive;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.berth.error.HostException;
import org.berth.error.ImageException;
import org.berth.error.UsageException;
import org.berth.json.JsonObject;
import org.berth.oci.Digest;
import org.berth.oci.ImageReference;

/**
 * An image that a Docker daemon has (Docker Engine API: {@code GET /images/NAME/json} and {@code …/get}).
 *
 * @param name with a tag or a digest, or {@code sha256:HEX} for its id
 */
public record DaemonImage(DaemonAddress address, String name) {
    private static final int MAX_JSON = 8 << 20;
    private static final int MAX_MESSAGE = 1 << 16;

    /** @throws UsageException if it is no name, or one without a tag */
    public DaemonImage {
        if (!name.matches("sha256:[0-9a-f]{64}")) {
            ImageReference reference = parse(name);
            if (reference.tag().isEmpty() && reference.digest().isEmpty()) {
                throw new UsageException(
                                "unable to parse image name docker-daemon:%s: reference %s has neither a tag nor a digest"
                                        .formatted(name, name))
                        .hint("write docker-daemon:%s:latest".formatted(name));
            }
        }
    }

    private static ImageReference parse(String name) {
        try {
            return ImageReference.parse(name);
        } catch (UsageException e) {
            throw new UsageException(
                    "unable to parse image name docker-daemon:%s: invalid reference format".formatted(name), e);
        }
    }

    /** The digest of the image's configuration, as far as the daemon says so; empty if it does not. */
    public Optional<Digest> id() {
        try (DaemonAnswer answer = get("json")) {
            if (answer.status() != 200) {
                return Optional.empty();
            }
            byte[] bytes = answer.body().readNBytes(MAX_JSON);
            return JsonObject.parse(bytes, "the Docker daemon's answer")
                    .text("Id")
                    .map(Digest::parse);
        } catch (ImageException e) {
            // Only a short cut: the saved image says the same, and more.
            return Optional.empty();
        } catch (IOException e) {
            throw unreachable(e);
        }
    }

    /**
     * What {@code docker save} would write.
     *
     * @param scratch directory for it
     * @return a new file
     * @throws ImageException if the daemon has no such image
     * @throws HostException if the daemon cannot be reached
     */
    Path save(Path scratch) {
        try (DaemonAnswer answer = get("get")) {
            if (answer.status() != 200) {
                throw refused(answer);
            }
            return CompressedFile.spool(answer.body(), scratch);
        } catch (IOException e) {
            throw unreachable(e);
        }
    }

    private DaemonAnswer get(String what) throws IOException {
        return DaemonAnswer.get(address, "/images/%s/%s".formatted(name, what));
    }

    private ImageException refused(DaemonAnswer answer) throws IOException {
        String text = new String(answer.body().readNBytes(MAX_MESSAGE), StandardCharsets.UTF_8);
        String reason;
        try {
            reason = JsonObject.parse(text.getBytes(StandardCharsets.UTF_8), "answer")
                    .text("message")
                    .orElse(text);
        } catch (ImageException e) {
            reason = text;
        }
        return new ImageException("the Docker daemon at %s does not give image %s: %s (status %d)"
                .formatted(address.text(), name, StoredFiles.shown(reason.strip()), answer.status()));
    }

    private HostException unreachable(IOException e) {
        if (e instanceof DaemonAnswer.BrokenAnswer) {
            return new HostException("the Docker daemon at %s: %s".formatted(address.text(), e.getMessage()), e);
        }
        HostException failure = new HostException(
                "Cannot connect to the Docker daemon at %s. Is the docker daemon running? (%s)"
                        .formatted(address.text(), e.getMessage()),
                e);
        return switch (address.target()) {
            case DaemonAddress.Target.Socket _ ->
                failure.hint(
                        "its socket is open to root and the group docker; DOCKER_HOST or --docker-host name another");
            case DaemonAddress.Target.Network _ -> failure.hint("DOCKER_HOST or --docker-host name another address");
        };
    }
}
