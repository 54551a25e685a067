package org.berth.registry;

import java.io.IOException;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.oci.Descriptor;
import org.berth.oci.Progress;

/**
 * Brings one blob into a repository (OCI distribution specification 1.1, push).
 *
 * <p>First in one request, which every registry takes. Where that breaks or is too large for what stands before the registry, in
 * pieces, each taken up where the registry says that it is.
 */
final class BlobUpload {
    private static final long PIECE = 16 << 20;
    private static final long SMALLEST_PIECE = 1 << 20;
    private static final Pattern RANGE = Pattern.compile("(?:bytes=)?0-(\\d{1,18})");
    private static final Map<String, String> BYTES = Map.of("Content-Type", "application/octet-stream");

    private final Exchange exchange;
    private final Endpoint endpoint;
    private final Descriptor blob;
    private final BlobContent content;
    private final Attempts attempts;
    private final Progress progress;
    private final Exchange.Doing doing;
    private long piece = PIECE;
    private long shown;

    BlobUpload(
            Exchange exchange,
            Endpoint endpoint,
            Descriptor blob,
            BlobContent content,
            RetryPolicy policy,
            Progress progress) {
        this.exchange = exchange;
        this.endpoint = endpoint;
        this.blob = blob;
        this.content = content;
        this.attempts = new Attempts(policy);
        this.progress = progress;
        this.doing = Exchange.Doing.pushing("writing blob " + blob.digest());
    }

    /** An upload that the registry has begun, and what it has of it. */
    private record Session(URI location, long offset) {}

    /** What became of a try. */
    private enum Outcome {
        DONE,
        /** Too much at once for the registry or for a proxy before it, or for the connection. */
        IN_PIECES
    }

    void run() {
        if (isThere()) {
            return;
        }
        progress.start(blob);
        try {
            if (whole() == Outcome.IN_PIECES) {
                inPieces();
            }
        } catch (IOException e) {
            throw exchange.failure(endpoint, doing, e, attempts.failures());
        }
        progress.done(blob);
    }

    private boolean isThere() {
        try (Http.Answer answer = exchange.request(
                endpoint, "HEAD", "/v2/%s/blobs/%s".formatted(endpoint.repository(), blob.digest()), Map.of(), doing)) {
            if (answer.status() == 401 || answer.status() == 403) {
                throw exchange.failure(endpoint, doing, Exchange.Refusal.read(answer));
            }
            return answer.status() == 200;
        }
    }

    private Session begin() throws IOException {
        Http.Request request = new Http.Request(
                        "POST",
                        exchange.uri(endpoint, "/v2/%s/blobs/uploads/".formatted(endpoint.repository())),
                        Map.of(),
                        Optional.empty())
                .with(Body.empty());
        try (Http.Answer answer = exchange.request(endpoint, request, doing)) {
            if (answer.status() / 100 != 2) {
                throw exchange.failure(endpoint, doing, Exchange.Refusal.read(answer));
            }
            answer.header("OCI-Chunk-Min-Length")
                    .filter(text -> text.matches("\\d{1,12}"))
                    .ifPresent(text -> piece = Math.max(piece, Long.parseLong(text)));
            return new Session(location(answer), 0);
        }
    }

    private URI location(Http.Answer answer) throws IOException {
        try {
            URI uri = answer.uri()
                    .resolve(answer.header("Location")
                            .orElseThrow(() -> new IOException("the registry did not say where to send the blob"))
                            .strip());
            boolean inClear =
                    "http".equals(uri.getScheme()) && !answer.uri().getScheme().equals("http");
            if (Http.isWeb(uri) && !inClear && uri.getRawFragment() == null) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            throw new Http.BadRedirect("the registry wants the blob at something that is not a URL");
        }
        throw new Http.BadRedirect("the registry wants the blob at a place that is not on the web");
    }

    private Outcome whole() throws IOException {
        Session session = begin();
        Body body = Body.of(content, 0, blob.size());
        try (Http.Answer answer = exchange.once(endpoint, finishing(session).with(shown(body, 0)), doing)) {
            if (answer.status() / 100 == 2) {
                return Outcome.DONE;
            }
            Exchange.Refusal refusal = Exchange.Refusal.read(answer);
            if (refusal.status() == 413
                    || Exchange.isTransient(refusal.status()) && attempts.again(refusal.retryAfter())) {
                return Outcome.IN_PIECES;
            }
            throw exchange.failure(endpoint, doing, refusal);
        } catch (IOException e) {
            if (Exchange.isFinal(e) || !attempts.again(Optional.empty())) {
                throw e;
            }
            return Outcome.IN_PIECES;
        }
    }

    private Http.Request finishing(Session session) {
        String text = session.location().toString();
        URI uri = URI.create(text + (session.location().getRawQuery() == null ? "?" : "&") + "digest=" + blob.digest());
        return new Http.Request("PUT", uri, BYTES, Optional.empty());
    }

    private void inPieces() throws IOException {
        Session session = begin();
        while (true) {
            try {
                session = session.offset() < blob.size() ? next(session) : session;
                if (session.offset() == blob.size() && finish(session)) {
                    return;
                }
            } catch (IOException e) {
                if (Exchange.isFinal(e) || !attempts.again(Optional.empty())) {
                    throw e;
                }
                session = resumed(session);
            }
        }
    }

    /** Sends the next piece; where the registry then is. */
    private Session next(Session session) throws IOException {
        long length = Math.min(piece, blob.size() - session.offset());
        Map<String, String> headers = Map.of(
                "Content-Type",
                "application/octet-stream",
                "Content-Range",
                "%d-%d".formatted(session.offset(), session.offset() + length - 1));
        Http.Request request = new Http.Request("PATCH", session.location(), headers, Optional.empty())
                .with(shown(Body.of(content, session.offset(), length), session.offset()));
        try (Http.Answer answer = exchange.once(endpoint, request, doing)) {
            if (answer.status() / 100 == 2) {
                attempts.received(length);
                return new Session(location(answer), has(answer).orElse(session.offset() + length));
            }
            Exchange.Refusal refusal = Exchange.Refusal.read(answer);
            if (refusal.status() == 413 && piece > SMALLEST_PIECE) {
                piece /= 2;
                return resumed(session);
            }
            if (refusal.status() == 416 || Exchange.isTransient(refusal.status())) {
                if (attempts.again(refusal.retryAfter())) {
                    return resumed(session);
                }
            }
            throw exchange.failure(endpoint, doing, refusal);
        }
    }

    /** What the registry has, by a Range header. */
    private Optional<Long> has(Http.Answer answer) {
        Matcher range = RANGE.matcher(answer.header("Range").orElse("").strip());
        return range.matches()
                ? Optional.of(Long.parseLong(range.group(1)) + 1).filter(count -> count <= blob.size())
                : Optional.empty();
    }

    /** Asks the registry how much it has; one that does not know the upload any more gets it from the start. */
    private Session resumed(Session session) throws IOException {
        Http.Request request = new Http.Request("GET", session.location(), Map.of(), Optional.empty());
        try (Http.Answer answer = exchange.request(endpoint, request, doing)) {
            Optional<Long> has = has(answer);
            if (answer.status() / 100 == 2 && has.isPresent()) {
                // A registry that has nothing says 0-0, which is also what it says of one byte.
                long offset = has.get() == 1 ? 0 : has.get();
                return new Session(
                        answer.header("Location").isPresent() ? location(answer) : session.location(), offset);
            }
        }
        return begin();
    }

    private boolean finish(Session session) throws IOException {
        try (Http.Answer answer = exchange.once(endpoint, finishing(session).with(Body.empty()), doing)) {
            if (answer.status() / 100 == 2) {
                return true;
            }
            Exchange.Refusal refusal = Exchange.Refusal.read(answer);
            if (Exchange.isTransient(refusal.status()) && attempts.again(refusal.retryAfter())) {
                // The registry may have finished it all the same.
                return isThere();
            }
            throw exchange.failure(endpoint, doing, refusal);
        }
    }

    /** A body whose bytes are shown once, however often they are sent. */
    private Body shown(Body body, long offset) {
        return body.counted(sent -> {
            long now = offset + sent;
            if (now > shown) {
                progress.bytes(blob, now - shown);
                shown = now;
            }
        });
    }
}
