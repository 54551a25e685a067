package org.berth.registry;

import java.io.EOFException;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.berth.error.ImageException;
import org.berth.oci.Descriptor;

/** Answers to requests for the rest of a file, whatever the server makes of ranges (RFC 9110, section 14). */
final class RangedAnswer {
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes\\s+(\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

    private RangedAnswer() {}

    /** What asks for all from an offset on. */
    static Map<String, String> headers(long offset) {
        return offset > 0 ? Map.of("Range", "bytes=%d-".formatted(offset)) : Map.of();
    }

    /** Whether the answer has the file or its rest; else it is a refusal. */
    static boolean isGiven(Http.Answer answer, long offset) {
        return answer.status() == 200 || offset > 0 && answer.status() == 206;
    }

    /** @throws EOFException if a refusal says that the file has no such offset */
    static void requireOffset(int status, long offset) throws EOFException {
        if (status == 416) {
            throw new EOFException("the registry has no more than %d bytes".formatted(offset));
        }
    }

    /**
     * The answer with its body at the offset.
     *
     * @param what is read and where, for messages
     * @throws ImageException if the file has another size than it should
     */
    static Http.Answer from(Http.Answer answer, long offset, Descriptor file, String what) throws IOException {
        boolean whole = answer.status() == 200;
        Optional<Long> total = whole ? contentLength(answer) : total(answer, offset);
        if (total.filter(length -> length != file.size()).isPresent()) {
            answer.close();
            throw new ImageException(
                    "%s: the registry has %d bytes, the manifest says %d".formatted(what, total.get(), file.size()));
        }
        if (whole) {
            // The range was ignored. The kept part is already hashed, so what differs now shows in the digest.
            answer.body().skipNBytes(offset);
        }
        return answer;
    }

    private static Optional<Long> contentLength(Http.Answer answer) {
        return answer.header("Content-Length")
                .filter(text -> text.matches("\\d{1,18}"))
                .map(Long::valueOf);
    }

    /** The size that a Content-Range names, if it begins where it must. */
    private static Optional<Long> total(Http.Answer answer, long offset) throws IOException {
        Matcher range =
                CONTENT_RANGE.matcher(answer.header("Content-Range").orElse("").strip());
        if (!range.matches() || Long.parseLong(range.group(1)) != offset) {
            answer.close();
            throw new IOException("the registry sent another part than the one asked for");
        }
        return Optional.of(range.group(3)).filter(size -> !size.equals("*")).map(Long::valueOf);
    }
}
