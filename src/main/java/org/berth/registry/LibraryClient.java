package org.berth.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import org.berth.error.BerthException;
import org.berth.error.ImageException;
import org.berth.error.RegistryException;
import org.berth.json.JsonObject;
import org.berth.oci.Descriptor;
import org.berth.oci.Digest;
import org.berth.oci.LayerSource;
import org.berth.oci.VerifyingInputStream;

/**
 * Reads SIF files from a library: the interface of Singularity's and Apptainer's container library, version 1, without a login.
 *
 * <p>{@code GET v1/images/PATH:TAG?arch=A} tells hash and size, {@code GET v1/imagefile/PATH:TAG?arch=A} gives the file or
 * redirects to where it is. What comes is verified by the hash, and taken up again where a connection broke.
 */
public final class LibraryClient implements AutoCloseable {
    private static final int MAX_ANSWER = 1 << 20;
    private static final String HASH = "sha256\\.[0-9a-f]{64}";

    private final URI address;
    private final RegistrySettings settings;
    private final Http http;

    /** @param address of the library, without a slash at its end */
    public LibraryClient(URI address, RegistrySettings settings) {
        this.address = address;
        this.settings = settings;
        this.http = new Http(settings);
    }

    /**
     * What the library has under a name for an architecture.
     *
     * @throws RegistryException if it has nothing, or does not answer
     * @throws ImageException if it names the file by something that cannot be verified
     */
    public Descriptor find(LibraryReference reference, String architecture) {
        if (settings.reach() == RegistrySettings.Reach.CACHE) {
            throw new RegistryException("--offline forbids to ask the library %s for %s".formatted(address, reference))
                    .hint("pull it into a file while there is a network, and run that");
        }
        Attempts attempts = new Attempts(settings.retries());
        try (Http.Answer answer =
                Exchange.persistently(attempts, () -> get("images", reference, architecture, Map.of()))) {
            if (answer.status() != 200) {
                throw refused(reference, architecture, Exchange.Refusal.read(answer));
            }
            byte[] bytes = answer.body().readNBytes(MAX_ANSWER);
            return descriptor(reference, bytes);
        } catch (IOException e) {
            throw failed(reference, architecture, e, attempts.failures());
        }
    }

    private Descriptor descriptor(LibraryReference reference, byte[] answer) {
        String what = "what the library %s says of %s".formatted(address, reference);
        JsonObject image = JsonObject.parse(answer, what)
                .object("data")
                .orElseThrow(() -> new ImageException(what + " is not about an image"));
        String hash = image.text("hash").orElse("");
        long size = image.integer("size").orElse(0L);
        if (!hash.matches(HASH) || size <= 0) {
            throw new ImageException(
                    "%s cannot be verified: hash '%s', %d bytes".formatted(what, Words.clean(hash), size));
        }
        Digest digest = new Digest("sha256", hash.substring("sha256.".length()));
        if (reference.digest().filter(wanted -> !wanted.equals(digest)).isPresent()) {
            throw new ImageException("%s: the library %s has %s instead".formatted(reference, address, hash));
        }
        return new Descriptor("", digest, size, Map.of());
    }

    /** The bytes of what was found under that name. */
    public LayerSource bytes(LibraryReference reference, String architecture) {
        return new LayerSource() {
            @Override
            public InputStream open(Descriptor sif) {
                return open(sif, InputStream.nullInputStream(), 0);
            }

            @Override
            public InputStream open(Descriptor sif, InputStream start, long length) {
                Attempts attempts = new Attempts(settings.retries());
                BlobStream rest = new BlobStream(new File(reference, architecture, sif), sif.size(), attempts, length);
                return new VerifyingInputStream(new SequenceInputStream(start, rest), sif, reference.toString());
            }
        };
    }

    private final class File implements BlobStream.Origin {
        private final LibraryReference reference;
        private final String architecture;
        private final Descriptor sif;

        File(LibraryReference reference, String architecture, Descriptor sif) {
            this.reference = reference;
            this.architecture = architecture;
            this.sif = sif;
        }

        @Override
        public Http.Answer open(long offset) throws IOException {
            Http.Answer answer = Exchange.persistently(
                    new Attempts(settings.retries()),
                    () -> get("imagefile", reference, architecture, RangedAnswer.headers(offset)));
            if (!RangedAnswer.isGiven(answer, offset)) {
                Exchange.Refusal refusal = Exchange.Refusal.read(answer);
                RangedAnswer.requireOffset(refusal.status(), offset);
                throw refused(reference, architecture, refusal);
            }
            return RangedAnswer.from(answer, offset, sif, "reading %s from %s".formatted(reference, address));
        }

        @Override
        public BerthException failure(IOException cause, int tries) {
            return failed(reference, architecture, cause, tries);
        }
    }

    private Http.Answer get(String what, LibraryReference reference, String architecture, Map<String, String> headers)
            throws IOException {
        URI uri = URI.create(
                "%s/v1/%s/%s:%s?arch=%s".formatted(address, what, reference.path(), reference.tag(), architecture));
        return http.send(new Http.Request("GET", uri, headers, Optional.empty()));
    }

    private RegistryException refused(LibraryReference reference, String architecture, Exchange.Refusal refusal) {
        return switch (refusal.status()) {
            case 404 -> {
                RegistryException failure =
                        new RegistryException("image does not exist in the library: %s:%s (%s), asked %s"
                                .formatted(reference.path(), reference.tag(), architecture, address));
                yield refusal.page() ? failure.hint("check that this is the address of a library") : failure;
            }
            case 401, 403 ->
                new RegistryException("%s: the library %s gives it to nobody without a login (%d%s)"
                                .formatted(reference, address, refusal.status(), refusal.saidAfterColon()))
                        .hint("only public images can be had from a library");
            default ->
                new RegistryException("%s: the library %s answered %d%s"
                        .formatted(reference, address, refusal.status(), refusal.saidAfterColon()));
        };
    }

    private RegistryException failed(LibraryReference reference, String architecture, IOException cause, int tries) {
        if (cause instanceof Exchange.GivenUp given) {
            return refused(reference, architecture, given.refusal());
        }
        return new RegistryException(
                "%s: the library %s: %s%s"
                        .formatted(
                                reference,
                                address,
                                Exchange.reason(cause),
                                tries > 1 ? " (tried %d times)".formatted(tries) : ""),
                cause);
    }

    @Override
    public void close() {
        http.close();
    }
}
