package org.berth.toml;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.berth.error.HostException;

/**
 * Reads TOML 1.0 as far as settings need it; dates and numbers are kept as their text.
 *
 * <p>Jackson's TOML reader makes its whole tree before it hands out the first token, so that no key knows its line; a mistake in a
 * site's rules is told with the line that it is on.
 */
public final class Toml {
    private static final int MAX_DEPTH = 32;

    private final String name;
    private final String text;
    private int at;
    private int counted;
    private int line = 1;

    private Toml(String name, String text) {
        this.name = name;
        this.text = text;
    }

    /** A value of a document. */
    public sealed interface Value {}

    public record Text(String text) implements Value {}

    public record Flag(boolean value) implements Value {}

    /** A number or a time, as it is written. */
    public record Word(String text) implements Value {}

    public record Items(String file, List<Value> values) implements Value {}

    /**
     * @param line where it begins
     * @param lines where its keys are
     */
    public record Table(String file, int line, Map<String, Value> fields, Map<String, Integer> lines) implements Value {
        /** @throws HostException if the value is not a string */
        public Optional<String> text(String key) {
            return value(key).map(value -> {
                if (value instanceof Text(String text)) {
                    return text;
                }
                throw wrong(key, "a string");
            });
        }

        /** @throws HostException if the value is neither true nor false */
        public Optional<Boolean> flag(String key) {
            return value(key).map(value -> {
                if (value instanceof Flag(boolean flag)) {
                    return flag;
                }
                throw wrong(key, "true or false");
            });
        }

        /** An array of tables; none if it is not there. */
        public List<Table> tables(String key) {
            Value value = value(key).orElse(new Items(file, List.of()));
            if (value instanceof Items items && items.values().stream().allMatch(Table.class::isInstance)) {
                return items.values().stream().map(Table.class::cast).toList();
            }
            throw wrong(key, "an array of tables, [[%s]]".formatted(key));
        }

        /** An array of strings; empty if it is not there. */
        public List<String> texts(String key) {
            Value value = value(key).orElse(new Items(file, List.of()));
            if (value instanceof Items items && items.values().stream().allMatch(Text.class::isInstance)) {
                return items.values().stream().map(item -> ((Text) item).text()).toList();
            }
            throw wrong(key, "an array of strings");
        }

        /**
         * Keys are found in any case, as the libraries of the programs whose files these are find them.
         *
         * @throws HostException if the table has the key in two cases: which one counts would be chance
         */
        private Optional<Value> value(String key) {
            List<String> spellings = fields.keySet().stream()
                    .filter(key::equalsIgnoreCase)
                    .sorted(Comparator.comparing(spelling -> lines.getOrDefault(spelling, line)))
                    .toList();
            if (spellings.size() > 1) {
                throw wrong(lines.getOrDefault(spellings.get(1), line), "%s is there twice".formatted(key));
            }
            return spellings.stream().findFirst().map(fields::get);
        }

        /** @throws HostException if there is another key than these */
        public void requireOnly(Set<String> known, String where) {
            fields.keySet().stream()
                    .filter(key -> known.stream().noneMatch(key::equalsIgnoreCase))
                    .findFirst()
                    .ifPresent(key -> {
                        throw wrong(lines.getOrDefault(key, line), "unknown key '%s' %s".formatted(key, where))
                                .hint("known are " + String.join(", ", new TreeSet<>(known)));
                    });
        }

        private HostException wrong(String key, String wanted) {
            int where = fields.keySet().stream()
                    .filter(key::equalsIgnoreCase)
                    .findFirst()
                    .map(lines::get)
                    .orElse(line);
            return wrong(where, "%s is not %s".formatted(key, wanted));
        }

        private HostException wrong(int where, String what) {
            return new HostException("%s, line %d: %s".formatted(file, where, what));
        }
    }

    /** @throws HostException with the number of the line that is not TOML */
    public static Table parse(String name, String text) {
        return new Toml(name, text.replace("\r\n", "\n")).document();
    }

    private Table document() {
        Table root = table();
        Table current = root;
        for (blanks(); at < text.length(); blanks()) {
            if (peek() == '[') {
                current = header(root);
            } else {
                assign(current, 0);
            }
            endOfLine();
        }
        return root;
    }

    private Table table() {
        return new Table(name, line(), new LinkedHashMap<>(), new LinkedHashMap<>());
    }

    private Table header(Table root) {
        boolean array = text.startsWith("[[", at);
        at += array ? 2 : 1;
        List<String> path = keys();
        expect(array ? "]]" : "]");
        Table parent = inside(root, path.subList(0, path.size() - 1));
        String last = path.getLast();
        if (!array) {
            return inside(parent, List.of(last));
        }
        Table added = table();
        parent.lines().putIfAbsent(last, added.line());
        Value known = parent.fields().computeIfAbsent(last, key -> new Items(name, new ArrayList<>()));
        if (!(known instanceof Items items)) {
            throw failure("%s is an array of tables and something else".formatted(last));
        }
        items.values().add(added);
        return added;
    }

    /** The table at a path; of an array of tables the last one. */
    private Table inside(Table root, List<String> path) {
        Table current = root;
        for (String key : path) {
            current.lines().putIfAbsent(key, line());
            Value value = current.fields().computeIfAbsent(key, k -> table());
            if (value instanceof Items items
                    && !items.values().isEmpty()
                    && items.values().getLast() instanceof Table last) {
                current = last;
            } else if (value instanceof Table next) {
                current = next;
            } else {
                throw failure("%s is a table and something else".formatted(key));
            }
        }
        return current;
    }

    private void assign(Table table, int depth) {
        int start = line();
        List<String> path = keys();
        expect("=");
        spaces();
        Value value = value(depth);
        Table owner = inside(table, path.subList(0, path.size() - 1));
        if (owner.fields().putIfAbsent(path.getLast(), value) != null) {
            throw failure("%s is there twice".formatted(path.getLast()));
        }
        owner.lines().put(path.getLast(), start);
    }

    private List<String> keys() {
        List<String> keys = new ArrayList<>();
        do {
            spaces();
            keys.add(peek() == '"' ? basic() : peek() == '\'' ? literal() : word());
            spaces();
        } while (skip("."));
        return keys;
    }

    private String word() {
        int start = at;
        while (at < text.length()
                && (Character.isLetterOrDigit(text.charAt(at)) || "-_".indexOf(text.charAt(at)) >= 0)) {
            at++;
        }
        if (at == start) {
            throw failure("a name is missing");
        }
        return text.substring(start, at);
    }

    private Value value(int depth) {
        if (depth > MAX_DEPTH) {
            throw failure("too many brackets");
        }
        return switch (peek()) {
            case '"' -> new Text(basic());
            case '\'' -> new Text(literal());
            case '[' -> items(depth);
            case '{' -> inline(depth);
            default -> plain();
        };
    }

    private Value plain() {
        int start = at;
        while (at < text.length() && ",]}#\n".indexOf(text.charAt(at)) < 0) {
            at++;
        }
        String word = text.substring(start, at).strip();
        if (word.equals("true") || word.equals("false")) {
            return new Flag(word.equals("true"));
        }
        if (!word.matches("[+-]?(inf|nan|[0-9][0-9A-Za-z_.:+ -]*)")) {
            throw failure("'%s' is no value".formatted(word));
        }
        return new Word(word);
    }

    private Items items(int depth) {
        List<Value> values = new ArrayList<>();
        at++;
        for (blanks(); !skip("]"); blanks()) {
            values.add(value(depth + 1));
            blanks();
            if (!skip(",") && peek() != ']') {
                throw failure("an array lacks a comma or its end");
            }
        }
        return new Items(name, values);
    }

    private Table inline(int depth) {
        Table table = table();
        at++;
        for (spaces(); !skip("}"); spaces()) {
            assign(table, depth + 1);
            spaces();
            if (!skip(",") && peek() != '}') {
                throw failure("a table lacks a comma or its end");
            }
        }
        return table;
    }

    private String literal() {
        if (skip("'''")) {
            return firstLineBreakOff(until("'''"));
        }
        at++;
        return inOneLine(until("'"));
    }

    private String until(String mark) {
        int end = text.indexOf(mark, at);
        if (end < 0) {
            throw failure("a string has no end");
        }
        String found = text.substring(at, end);
        at = end + mark.length();
        return found;
    }

    private String inOneLine(String string) {
        if (string.contains("\n")) {
            throw failure("a string has no end in its line");
        }
        return string;
    }

    private static String firstLineBreakOff(String string) {
        return string.startsWith("\n") ? string.substring(1) : string;
    }

    private String basic() {
        String mark = text.startsWith("\"\"\"", at) ? "\"\"\"" : "\"";
        at += mark.length();
        StringBuilder string = new StringBuilder();
        while (!skip(mark)) {
            if (at >= text.length()) {
                throw failure("a string has no end");
            }
            char c = text.charAt(at++);
            if (c == '\n' && mark.length() == 1) {
                at--;
                throw failure("a string has no end in its line");
            } else if (c == '\\') {
                escape(string);
            } else {
                string.append(c);
            }
        }
        return mark.length() == 3 ? firstLineBreakOff(string.toString()) : string.toString();
    }

    private void escape(StringBuilder string) {
        char c = peek();
        at++;
        switch (c) {
            case 'b' -> string.append('\b');
            case 't' -> string.append('\t');
            case 'n' -> string.append('\n');
            case 'f' -> string.append('\f');
            case 'r' -> string.append('\r');
            case '"', '\\' -> string.append(c);
            case 'u' -> string.appendCodePoint(hex(4));
            case 'U' -> string.appendCodePoint(hex(8));
            case '\n', ' ', '\t' -> {
                while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
                    at++;
                }
            }
            default -> throw failure("\\%c has no meaning in a string".formatted(c));
        }
    }

    private int hex(int digits) {
        String number = text.substring(at, Math.min(text.length(), at + digits));
        at += number.length();
        if (!number.matches("[0-9a-fA-F]{%d}".formatted(digits))
                || !Character.isValidCodePoint(Integer.parseUnsignedInt(number, 16))) {
            throw failure("'%s' is no character's number".formatted(number));
        }
        return Integer.parseUnsignedInt(number, 16);
    }

    /** White space, line ends and comments. */
    private void blanks() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '#') {
                int end = text.indexOf('\n', at);
                at = end < 0 ? text.length() : end;
            } else if (Character.isWhitespace(c)) {
                at++;
            } else {
                return;
            }
        }
    }

    private void spaces() {
        while (peek() == ' ' || peek() == '\t') {
            at++;
        }
    }

    private void endOfLine() {
        spaces();
        if (at < text.length() && peek() != '\n' && peek() != '#') {
            throw failure("something follows the value");
        }
    }

    private void expect(String mark) {
        spaces();
        if (!skip(mark)) {
            throw failure("'%s' is missing".formatted(mark));
        }
    }

    private boolean skip(String mark) {
        if (text.startsWith(mark, at)) {
            at += mark.length();
            return true;
        }
        return false;
    }

    private char peek() {
        return at < text.length() ? text.charAt(at) : '\0';
    }

    /** The line that is read now; the text before it is looked through once only. */
    private int line() {
        for (; counted < Math.min(at, text.length()); counted++) {
            line += text.charAt(counted) == '\n' ? 1 : 0;
        }
        return line;
    }

    private HostException failure(String reason) {
        return new HostException("%s, line %d: %s".formatted(name, line(), reason));
    }
}
