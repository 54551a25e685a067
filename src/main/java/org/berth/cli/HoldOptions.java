package org.berth.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.berth.error.UsageException;

/** The launch options that {@code --options} of {@code hold} and {@code resolve} carries as one text. */
public final class HoldOptions {
    private HoldOptions() {}

    /** The same invocation with the text's options among its own; binds and the like add up, else the text wins. */
    public static Invocation expanded(Invocation typed) {
        List<String> words = new ArrayList<>();
        typed.shared().values("options").forEach(text -> words.addAll(words(text)));
        if (words.isEmpty()) {
            return typed;
        }
        List<String> line = new ArrayList<>(List.of("berth", typed.command().name()));
        line.addAll(words);
        line.add("--");
        line.addAll(typed.operands());
        Invocation more;
        try {
            more = CommandLineParser.parse(line);
        } catch (CommandLineException e) {
            String why = String.valueOf(e.getMessage()).replaceFirst("^Error for command \"[a-z]+\": ", "");
            throw new UsageException("--container-options: " + why);
        }
        if (!more.operands().equals(typed.operands())) {
            throw new UsageException("--container-options: '%s' is no option"
                    .formatted(more.operands().isEmpty() ? "" : more.operands().getFirst()));
        }
        Map<String, List<String>> values = new HashMap<>(typed.values());
        more.values().forEach((name, added) -> values.merge(name, added, HoldOptions::joined));
        return new Invocation(typed.command(), typed.global(), values, typed.operands(), typed.operandsAt());
    }

    private static List<String> joined(List<String> first, List<String> second) {
        List<String> both = new ArrayList<>(first);
        both.addAll(second);
        return both;
    }

    /** Words as a shell would split them: blanks separate, quotes and backslashes keep together; nothing is expanded. */
    static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean inWord = false;
        char quote = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && quote != '\'' && i + 1 < text.length()) {
                word.append(text.charAt(++i));
                inWord = true;
            } else if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                } else {
                    word.append(c);
                }
            } else if (c == '\'' || c == '"') {
                quote = c;
                inWord = true;
            } else if (Character.isWhitespace(c)) {
                if (inWord) {
                    words.add(word.toString());
                }
                word.setLength(0);
                inWord = false;
            } else {
                word.append(c);
                inWord = true;
            }
        }
        if (quote != 0) {
            throw new UsageException("--container-options: a quote (%c) is not closed".formatted(quote));
        }
        if (inWord) {
            words.add(word.toString());
        }
        return words;
    }
}
