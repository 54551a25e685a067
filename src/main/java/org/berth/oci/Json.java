package org.berth.oci;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.error.ImageException;

/**
 * A JSON document (RFC 8259) as a tree, made for documents that came from a network.
 *
 * <p>Nesting ends at {@value #MAX_DEPTH} levels; of a key that occurs twice the last value counts, as in Go. A field
 * that is {@code null} reads as absent, as Go reads it. The tree is read by jackson-core alone: binding to beans costs
 * start-up time and reflection.
 */
public sealed interface Json {
    /** Deeper documents are refused: the deepest field of the image specification is at level six. */
    int MAX_DEPTH = 100;

    record Obj(Map<String, Json> fields) implements Json {
        public Obj {
            fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
        }

        /** The value of a key; absent also when it is {@code null}. */
        public Optional<Json> field(String key) {
            return Optional.ofNullable(fields.get(key)).filter(value -> !(value instanceof Null));
        }

        /** @throws ImageException if the value is not a string */
        public Optional<String> text(String key) {
            return field(key).map(value -> switch (value) {
                case Text(String text) -> text;
                case Obj _, Arr _, Num _, Bool _, Null _ -> throw wrongType(key, value, "a string");
            });
        }

        /** @throws ImageException if the value is not a whole number that fits 64 bits */
        public Optional<Long> integer(String key) {
            return field(key).map(value -> switch (value) {
                case Num(String literal) -> whole(key, literal);
                case Obj _, Arr _, Text _, Bool _, Null _ -> throw wrongType(key, value, "a number");
            });
        }

        /** @throws ImageException if the value is not an object */
        public Optional<Obj> object(String key) {
            return field(key).map(value -> switch (value) {
                case Obj object -> object;
                case Arr _, Text _, Num _, Bool _, Null _ -> throw wrongType(key, value, "an object");
            });
        }

        /** @throws ImageException if the value is not an array */
        public List<Json> array(String key) {
            return field(key)
                    .map(value -> switch (value) {
                        case Arr(List<Json> items) -> items;
                        case Obj _, Text _, Num _, Bool _, Null _ -> throw wrongType(key, value, "an array");
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
            object(key)
                    .ifPresent(object -> object.fields().forEach((name, value) -> map.put(name, string(key, value))));
            return map;
        }

        private static String string(String key, Json value) {
            return switch (value) {
                case Text(String text) -> text;
                case Null _ -> "";
                case Obj _, Arr _, Num _, Bool _ ->
                    throw new ImageException("field '%s' holds %s where a string belongs".formatted(key, name(value)));
            };
        }

        private static long whole(String key, String literal) {
            try {
                return Long.parseLong(literal);
            } catch (NumberFormatException e) {
                throw new ImageException("field '%s' is %s, not a whole number of 64 bits"
                        .formatted(
                                key, literal.length() > 40 ? "a number of " + literal.length() + " digits" : literal));
            }
        }

        private static ImageException wrongType(String key, Json value, String wanted) {
            return new ImageException("field '%s' is %s, not %s".formatted(key, name(value), wanted));
        }
    }

    record Arr(List<Json> items) implements Json {
        public Arr {
            items = List.copyOf(items);
        }
    }

    record Text(String value) implements Json {}

    /** A number as it was written, so that no digit is lost. */
    record Num(String literal) implements Json {}

    record Bool(boolean value) implements Json {}

    record Null() implements Json {}

    /**
     * Reads one document.
     *
     * @param what the document's name in messages
     * @throws ImageException if the bytes are not exactly one JSON value
     */
    static Json parse(byte[] bytes, String what) {
        try (JsonParser parser = Reader.FACTORY.createParser(bytes)) {
            parser.nextToken();
            Json value = Reader.value(parser);
            if (parser.nextToken() != null) {
                throw new ImageException(what + ": not JSON: something follows its end");
            }
            return value;
        } catch (JsonProcessingException e) {
            throw new ImageException("%s: not JSON: %s".formatted(what, Reader.firstLine(e.getOriginalMessage())), e);
        } catch (IOException e) {
            throw new ImageException(
                    "%s: not JSON: %s".formatted(what, Reader.firstLine(String.valueOf(e.getMessage()))), e);
        }
    }

    /** Reads a document that must be an object. */
    static Obj parseObject(byte[] bytes, String what) {
        return switch (parse(bytes, what)) {
            case Obj object -> object;
            case Arr _, Text _, Num _, Bool _, Null _ -> throw new ImageException(what + ": not a JSON object");
        };
    }

    /** This value as JSON text without white space, keys in the order of the tree. */
    default String json() {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = Reader.FACTORY.createGenerator(text)) {
            Reader.write(generator, this);
        } catch (IOException e) {
            throw new UncheckedIOException("a StringWriter does not fail", e);
        }
        return text.toString();
    }

    /** What kind of value this is, in words. */
    private static String name(Json value) {
        return switch (value) {
            case Obj _ -> "an object";
            case Arr _ -> "an array";
            case Text _ -> "a string";
            case Num _ -> "a number";
            case Bool _ -> "true or false";
            case Null _ -> "null";
        };
    }

    /** Between the tree and jackson's streams. */
    final class Reader {
        private static final JsonFactory FACTORY = JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(MAX_DEPTH)
                        .build())
                .build();

        private Reader() {}

        private static Json value(JsonParser parser) throws IOException {
            JsonToken token = parser.currentToken();
            if (token == null) {
                throw new IOException("it ends too early");
            }
            return switch (token) {
                case START_OBJECT -> object(parser);
                case START_ARRAY -> array(parser);
                case VALUE_STRING -> new Text(parser.getText());
                case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new Num(parser.getText());
                case VALUE_TRUE -> new Bool(true);
                case VALUE_FALSE -> new Bool(false);
                case VALUE_NULL -> new Null();
                case END_OBJECT, END_ARRAY, FIELD_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
                    throw new IOException("unexpected " + token);
            };
        }

        private static Json object(JsonParser parser) throws IOException {
            Map<String, Json> fields = new LinkedHashMap<>();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                parser.nextToken();
                fields.put(key, value(parser));
            }
            return new Obj(fields);
        }

        private static Json array(JsonParser parser) throws IOException {
            List<Json> items = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                items.add(value(parser));
            }
            return new Arr(items);
        }

        private static void write(JsonGenerator generator, Json value) throws IOException {
            switch (value) {
                case Obj(Map<String, Json> fields) -> {
                    generator.writeStartObject();
                    for (Map.Entry<String, Json> field : fields.entrySet()) {
                        generator.writeFieldName(field.getKey());
                        write(generator, field.getValue());
                    }
                    generator.writeEndObject();
                }
                case Arr(List<Json> items) -> {
                    generator.writeStartArray();
                    for (Json item : items) {
                        write(generator, item);
                    }
                    generator.writeEndArray();
                }
                case Text(String text) -> generator.writeString(text);
                case Num(String literal) -> generator.writeNumber(literal);
                case Bool(boolean truth) -> generator.writeBoolean(truth);
                case Null() -> generator.writeNull();
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
}
