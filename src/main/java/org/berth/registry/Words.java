package org.berth.registry;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.berth.error.ImageException;
import org.berth.json.JsonObject;

/** Makes words from strangers fit to be shown: one line, no control characters, a bounded length. */
final class Words {
    private static final int MAX_LENGTH = 200;

    private Words() {}

    static String clean(String text) {
        String line = text.strip().replaceAll("\\s+", " ").replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Cs}]", "?");
        return line.length() <= MAX_LENGTH ? line : line.substring(0, MAX_LENGTH) + "…";
    }

    /**
     * What a registry or library says in the body of an error answer (OCI distribution specification, error codes).
     *
     * @return empty if it says nothing that is fit to be shown, as a web page is not
     */
    static Optional<String> errorText(byte[] body, String mediaType) {
        if (mediaType.contains("html")) {
            return Optional.empty();
        }
        try {
            JsonObject root = JsonObject.parse(body, "error");
            Optional<String> listed = root.array("errors").stream()
                    .flatMap(value -> JsonObject.of(value).stream())
                    .findFirst()
                    .flatMap(error -> error.text("message")
                            .filter(text -> !text.isBlank())
                            .or(() -> error.text("code")));
            return listed.or(() -> ofLibrary(root))
                    .or(() -> root.text("details"))
                    .or(() -> root.text("message"))
                    .map(Words::clean)
                    .filter(text -> !text.isEmpty());
        } catch (ImageException e) {
            // Not the specified form: plain text is shown as it is, anything else not at all.
            return mediaType.equals("text/plain")
                    ? Optional.of(clean(new String(body, StandardCharsets.UTF_8)))
                            .filter(text -> !text.isEmpty() && !text.startsWith("<"))
                    : Optional.empty();
        }
    }

    /** Libraries answer with one {@code error}, registries with a list. */
    private static Optional<String> ofLibrary(JsonObject root) {
        return root.field("error").flatMap(JsonObject::of).flatMap(error -> error.text("message"));
    }
}
