package org.berth.json;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.error.ImageException;

/** An object whose fields have the types that a format says; a field that is {@code null} reads as absent, as Go reads it. */
public record JsonObject(ObjectNode node) {
    private static final int SHOWN_DIGITS = 40;

    /** One without fields. */
    public static JsonObject empty() {
        return new JsonObject(Json.object());
    }

    /**
     * Reads a document that must be an object.
     *
     * @param what the document's name in messages
     * @throws ImageException if it is none
     */
    public static JsonObject parse(byte[] bytes, String what) {
        return of(Json.parse(bytes, what)).orElseThrow(() -> new ImageException(what + ": not a JSON object"));
    }

    /** The value, if it is an object. */
    public static Optional<JsonObject> of(JsonNode value) {
        return value instanceof ObjectNode object ? Optional.of(new JsonObject(object)) : Optional.empty();
    }

    /** The values by their keys, in the order of the document; to be read only. */
    public Map<String, JsonNode> fields() {
        Map<String, JsonNode> fields = new LinkedHashMap<>();
        node.properties().forEach(field -> fields.put(field.getKey(), field.getValue()));
        return fields;
    }

    /** The value of a key; absent also when it is {@code null}. */
    public Optional<JsonNode> field(String key) {
        return Optional.ofNullable(node.get(key)).filter(value -> !value.isNull());
    }

    /** @throws ImageException if the value is not a string */
    public Optional<String> text(String key) {
        return field(key).map(value -> {
            if (!value.isTextual()) {
                throw wrongType(key, value, "a string");
            }
            return value.textValue();
        });
    }

    /** @throws ImageException if the value is not a whole number that fits 64 bits */
    public Optional<Long> integer(String key) {
        return field(key).map(value -> {
            if (!value.isNumber()) {
                throw wrongType(key, value, "a number");
            }
            if (!value.isIntegralNumber() || !value.canConvertToLong()) {
                String digits = value.asText();
                throw new ImageException("field '%s' is %s, not a whole number of 64 bits"
                        .formatted(
                                key,
                                digits.length() > SHOWN_DIGITS
                                        ? "a number of " + digits.length() + " digits"
                                        : digits));
            }
            return value.longValue();
        });
    }

    /** @throws ImageException if the value is not an object */
    public Optional<JsonObject> object(String key) {
        return field(key).map(value -> of(value).orElseThrow(() -> wrongType(key, value, "an object")));
    }

    /** @throws ImageException if the value is not an array */
    public List<JsonNode> array(String key) {
        return field(key)
                .map(value -> {
                    if (!value.isArray()) {
                        throw wrongType(key, value, "an array");
                    }
                    return value.valueStream().toList();
                })
                .orElse(List.of());
    }

    /** An array of strings; {@code null} elements read as empty strings. */
    public List<String> texts(String key) {
        return array(key).stream().map(item -> string(key, item)).toList();
    }

    /** An object of strings, in the order of the document; {@code null} values read as empty strings. */
    public Map<String, String> textMap(String key) {
        Map<String, String> map = new LinkedHashMap<>();
        object(key).ifPresent(object -> object.fields().forEach((name, value) -> map.put(name, string(key, value))));
        return map;
    }

    /** As {@link Json#text}. */
    public String json() {
        return Json.text(node);
    }

    private static String string(String key, JsonNode value) {
        if (!value.isTextual() && !value.isNull()) {
            throw new ImageException("field '%s' holds %s where a string belongs".formatted(key, name(value)));
        }
        return value.isNull() ? "" : value.textValue();
    }

    private static ImageException wrongType(String key, JsonNode value, String wanted) {
        return new ImageException("field '%s' is %s, not %s".formatted(key, name(value), wanted));
    }

    /** What kind of value this is, in words. */
    private static String name(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT, POJO -> "an object";
            case ARRAY -> "an array";
            case STRING, BINARY -> "a string";
            case NUMBER -> "a number";
            case BOOLEAN -> "true or false";
            case NULL, MISSING -> "null";
        };
    }
}
