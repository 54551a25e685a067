package org.berth.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.berth.error.ImageException;

/**
 * JSON documents (RFC 8259) as Jackson's trees, made for documents that came from a network.
 *
 * <p>Nesting ends at {@value #MAX_DEPTH} levels; of a key that occurs twice the last value counts, as in Go. Numbers keep all
 * their digits.
 */
public final class Json {
    /** Deeper documents are refused: the deepest field of the image specification is at level six. */
    public static final int MAX_DEPTH = 100;

    private static final JsonNodeFactory NODES = JsonNodeFactory.withExactBigDecimals(true);

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .build())
                    .build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .nodeFactory(NODES)
            .build();

    private Json() {}

    /**
     * Reads one document.
     *
     * @param what the document's name in messages
     * @throws ImageException if the bytes are not exactly one JSON value
     */
    public static JsonNode parse(byte[] bytes, String what) {
        try (JsonParser parser = MAPPER.createParser(bytes)) {
            JsonNode value = MAPPER.readTree(parser);
            if (value == null) {
                throw new ImageException(what + ": not JSON: it ends too early");
            }
            if (parser.nextToken() != null) {
                throw new ImageException(what + ": not JSON: something follows its end");
            }
            return value;
        } catch (JsonProcessingException e) {
            throw new ImageException("%s: not JSON: %s".formatted(what, firstLine(e.getOriginalMessage())), e);
        } catch (IOException e) {
            throw new ImageException("%s: not JSON: %s".formatted(what, firstLine(String.valueOf(e.getMessage()))), e);
        }
    }

    /** An object without fields, to be filled. */
    public static ObjectNode object() {
        return NODES.objectNode();
    }

    /** An object of strings. */
    public static ObjectNode texts(Map<String, String> map) {
        ObjectNode object = object();
        map.forEach(object::put);
        return object;
    }

    /** JSON text without white space, keys in the order of the tree. */
    public static String text(JsonNode value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException("a tree can be written", e);
        }
    }

    /** The parser's words without its line breaks and without control characters of the document. */
    private static String firstLine(String message) {
        // Where an object began is told with the parser's view of its source, which says nothing to a user.
        String line = message.lines()
                .findFirst()
                .orElse("")
                .replaceFirst(" \\(start marker at .*", "")
                .replaceAll("\\p{Cntrl}", "?");
        return line.length() <= 200 ? line : line.substring(0, 200) + "…";
    }
}
