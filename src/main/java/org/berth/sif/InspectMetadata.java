package org.berth.sif;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.berth.error.ImageException;
import org.jspecify.annotations.Nullable;

/**
 * What an image says about itself: the object {@link #OBJECT_NAME} of a SIF, and what {@code inspect} prints.
 *
 * <pre>
 * {"data":{"attributes":{"apps":{NAME:{…}},"environment":{PATH:TEXT},"labels":{NAME:VALUE},"runscript":TEXT,"test":TEXT,
 *  "helpfile":TEXT,"deffile":TEXT,"startscript":TEXT}},"type":"container"}
 * </pre>
 *
 * Empty members are left out; those of maps are in byte order, all others in the order above.
 *
 * @param apps by name
 * @param deffile the definition file that the image was built from; texts have no newline at their end
 */
public record InspectMetadata(SequencedMap<String, Section> apps, Section image, String deffile, String startscript) {
    /** The name of the JSON object in a SIF. */
    public static final String OBJECT_NAME = "inspect-metadata.json";

    /**
     * What the image and each of its apps have; absent texts are empty.
     *
     * @param environment texts of environment scripts by their paths in the image
     */
    public record Section(
            SequencedMap<String, String> environment,
            SequencedMap<String, String> labels,
            String runscript,
            String test,
            String helpfile) {
        public static final Section EMPTY = new Section(new TreeMap<>(), new TreeMap<>(), "", "", "");

        public Section {
            environment = sorted(environment);
            labels = sorted(labels);
        }
    }

    public static final InspectMetadata EMPTY = new InspectMetadata(new TreeMap<>(), Section.EMPTY, "", "");

    public InspectMetadata {
        apps = sorted(apps);
    }

    /** The same with the definition file of the SIF, for images whose metadata were collected from their files. */
    public InspectMetadata withDeffile(String other) {
        return new InspectMetadata(apps, image, other, startscript);
    }

    /** How JSON is laid out. */
    public enum Layout {
        /** One line without spaces, as it is stored. */
        COMPACT,
        /** Indented with tabs and with a newline at its end, as it is printed. */
        INDENTED
    }

    /* Go writes these as escapes, so that JSON can stand in HTML and in JavaScript. */
    private static final String GO_ESCAPED = "<>&\u2028\u2029";

    private static <T> SequencedMap<String, T> sorted(Map<String, T> map) {
        return Collections.unmodifiableSequencedMap(new TreeMap<>(map));
    }

    /** The JSON text, as Go's encoder would write it. */
    public String toJson(Layout layout) {
        StringWriter text = new StringWriter();
        try (JsonGenerator out = new JsonFactory().createGenerator(text)) {
            out.setCharacterEscapes(new GoEscapes());
            if (layout == Layout.INDENTED) {
                out.setPrettyPrinter(tabs());
            }
            out.writeStartObject();
            out.writeObjectFieldStart("data");
            out.writeObjectFieldStart("attributes");
            if (!apps.isEmpty()) {
                out.writeObjectFieldStart("apps");
                for (Map.Entry<String, Section> app : apps.entrySet()) {
                    out.writeObjectFieldStart(app.getKey());
                    write(out, app.getValue());
                    out.writeEndObject();
                }
                out.writeEndObject();
            }
            write(out, image);
            write(out, "deffile", deffile);
            write(out, "startscript", startscript);
            out.writeEndObject();
            out.writeEndObject();
            out.writeStringField("type", "container");
            out.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return layout == Layout.INDENTED ? text + "\n" : text.toString();
    }

    private static void write(JsonGenerator out, Section section) throws IOException {
        write(out, "environment", section.environment());
        write(out, "labels", section.labels());
        write(out, "runscript", section.runscript());
        write(out, "test", section.test());
        write(out, "helpfile", section.helpfile());
    }

    private static void write(JsonGenerator out, String name, Map<String, String> members) throws IOException {
        if (!members.isEmpty()) {
            out.writeObjectFieldStart(name);
            for (Map.Entry<String, String> member : members.entrySet()) {
                out.writeStringField(member.getKey(), member.getValue());
            }
            out.writeEndObject();
        }
    }

    private static void write(JsonGenerator out, String name, String text) throws IOException {
        if (!text.isEmpty()) {
            out.writeStringField(name, text);
        }
    }

    private static DefaultPrettyPrinter tabs() {
        Separators separators = Separators.createDefaultInstance()
                .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                .withObjectEmptySeparator("");
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter(separators);
        printer.indentObjectsWith(new DefaultIndenter("\t", "\n"));
        return printer;
    }

    private static final class GoEscapes extends CharacterEscapes {
        private static final long serialVersionUID = 1;

        @Override
        public int[] getEscapeCodesForAscii() {
            int[] codes = standardAsciiEscapesForJSON();
            for (char c : new char[] {'<', '>', '&'}) {
                codes[c] = ESCAPE_CUSTOM;
            }
            for (int c = 0; c < 0x20; c++) {
                if (codes[c] == ESCAPE_STANDARD) {
                    codes[c] = ESCAPE_CUSTOM;
                }
            }
            return codes;
        }

        @Override
        public @Nullable SerializableString getEscapeSequence(int c) {
            return c < 0x20 || GO_ESCAPED.indexOf(c) >= 0 ? new SerializedString("\\u%04x".formatted(c)) : null;
        }
    }

    /**
     * Reads the JSON text; members that are not known are skipped.
     *
     * @param name of the image, for the message
     * @throws ImageException if it is no JSON of this shape
     */
    public static InspectMetadata parse(byte[] json, String name) {
        try (JsonParser in = new JsonFactory().createParser(json)) {
            require(in.nextToken() == JsonToken.START_OBJECT);
            Draft draft = new Draft();
            members(in, member -> {
                if (!member.equals("data")) {
                    return false;
                }
                members(in, inner -> {
                    if (!inner.equals("attributes")) {
                        return false;
                    }
                    members(in, attribute -> draft.takeTop(in, attribute));
                    return true;
                });
                return true;
            });
            return draft.metadata();
        } catch (IOException | UncheckedIOException e) {
            throw new ImageException("%s: its %s cannot be read".formatted(name, OBJECT_NAME), e);
        }
    }

    private static void require(boolean condition) throws IOException {
        if (!condition) {
            throw new IOException("not of the expected shape");
        }
    }

    private interface Member {
        /** Whether the value was taken; if not, it is skipped. */
        boolean take(String name) throws IOException;
    }

    /** Goes through the object that the parser is at; {@code null} counts as an empty one. */
    private static void members(JsonParser in, Member member) throws IOException {
        if (in.currentToken() == JsonToken.VALUE_NULL) {
            return;
        }
        require(in.currentToken() == JsonToken.START_OBJECT);
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            String name = in.currentName();
            in.nextToken();
            if (!member.take(name)) {
                in.skipChildren();
            }
        }
        require(in.currentToken() == JsonToken.END_OBJECT);
    }

    private static String text(JsonParser in) throws IOException {
        require(in.currentToken().isScalarValue());
        return in.currentToken() == JsonToken.VALUE_NULL ? "" : in.getText();
    }

    private static boolean textsInto(JsonParser in, Map<String, String> map) throws IOException {
        members(in, name -> {
            map.put(name, text(in));
            return true;
        });
        return true;
    }

    /** What has been read of a section so far. */
    private static final class Draft {
        private final Map<String, Section> apps = new TreeMap<>();
        private final SequencedMap<String, String> environment = new TreeMap<>();
        private final SequencedMap<String, String> labels = new TreeMap<>();
        private final Map<String, String> texts = new TreeMap<>();

        private boolean takeTop(JsonParser in, String name) throws IOException {
            switch (name) {
                case "apps" ->
                    members(in, app -> {
                        Draft draft = new Draft();
                        members(in, attribute -> draft.take(in, attribute));
                        apps.put(app, draft.section());
                        return true;
                    });
                case "deffile", "startscript" -> texts.put(name, text(in));
                default -> {
                    return take(in, name);
                }
            }
            return true;
        }

        private boolean take(JsonParser in, String name) throws IOException {
            return switch (name) {
                case "environment" -> textsInto(in, environment);
                case "labels" -> textsInto(in, labels);
                case "runscript", "test", "helpfile" -> {
                    texts.put(name, text(in));
                    yield true;
                }
                default -> false;
            };
        }

        private Section section() {
            Function<String, String> text = name -> texts.getOrDefault(name, "");
            return new Section(
                    environment, labels, text.apply("runscript"), text.apply("test"), text.apply("helpfile"));
        }

        private InspectMetadata metadata() {
            return new InspectMetadata(
                    new TreeMap<>(apps),
                    section(),
                    texts.getOrDefault("deffile", ""),
                    texts.getOrDefault("startscript", ""));
        }
    }

    /** The labels of a {@code labels.json} in an image, which is one JSON object of texts. */
    static SequencedMap<String, String> parseLabels(byte[] json, String name) {
        SequencedMap<String, String> labels = new TreeMap<>();
        try (JsonParser in = new JsonFactory().createParser(new String(json, StandardCharsets.UTF_8))) {
            require(in.nextToken() == JsonToken.START_OBJECT);
            textsInto(in, labels);
        } catch (IOException e) {
            throw new ImageException("%s: its labels.json cannot be read".formatted(name), e);
        }
        return labels;
    }
}
