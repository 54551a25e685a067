package org.berth.cli;

import java.util.ArrayList;
import java.util.List;

/** Values of options as text: flags, comma lists, and {@code NAME=VALUE} maps. */
public final class OptionValues {
    private OptionValues() {}

    /**
     * The values that one word of the command line, or of a variable, stands for.
     *
     * @throws IllegalArgumentException with the reason
     */
    static List<String> read(Option option, String text) {
        return switch (option.kind()) {
            case FLAG -> List.of(Boolean.toString(truth(text)));
            case TEXT, REPEATED -> List.of(text);
            case LIST -> commaList(text);
            case MAP -> entries(text);
        };
    }

    private static boolean truth(String text) {
        return switch (text) {
            case "1", "t", "T", "true", "TRUE", "True" -> true;
            case "0", "f", "F", "false", "FALSE", "False" -> false;
            default -> throw new IllegalArgumentException("\"%s\" is neither true nor false".formatted(text));
        };
    }

    /**
     * Splits at commas. One that begins with a quote goes on to the next, and a doubled quote in it is one (RFC 4180);
     * {@code \,} stays as it is for the reader of binds.
     */
    public static List<String> commaList(String text) {
        List<String> items = new ArrayList<>();
        StringBuilder item = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && i + 1 < text.length()) {
                item.append(c).append(text.charAt(++i));
            } else if (c == '"' && quoted && i + 1 < text.length() && text.charAt(i + 1) == '"') {
                item.append(text.charAt(++i));
            } else if (c == '"' && (quoted || item.isEmpty())) {
                quoted = !quoted;
            } else if (c == ',' && !quoted) {
                items.add(item.toString());
                item.setLength(0);
            } else {
                item.append(c);
            }
        }
        items.add(item.toString());
        items.removeIf(String::isEmpty);
        return items;
    }

    /** One entry is taken whole, so that its value may hold commas; several are separated by commas. */
    private static List<String> entries(String text) {
        long equals = text.chars().filter(c -> c == '=').count();
        if (equals == 0) {
            throw new IllegalArgumentException(text + " must be formatted as key=value");
        }
        if (equals == 1) {
            boolean quoted = text.length() > 1 && text.startsWith("\"") && text.endsWith("\"");
            return quoted ? commaList(text) : List.of(text);
        }
        List<String> entries = new ArrayList<>();
        for (String entry : commaList(text)) {
            if (entry.indexOf('=') >= 0) {
                entries.add(entry);
            } else if (entries.isEmpty()) {
                throw new IllegalArgumentException(entry + " must be formatted as key=value");
            } else {
                entries.set(entries.size() - 1, entries.getLast() + "," + entry);
            }
        }
        return entries;
    }
}
