package org.berth.registry;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * One demand of a WWW-Authenticate header (RFC 7235, section 2.1).
 *
 * @param scheme in lower case: {@code bearer}, {@code basic}
 * @param parameters by name in lower case, unquoted
 */
record Challenge(String scheme, Map<String, String> parameters) {
    Challenge {
        parameters = Map.copyOf(parameters);
    }

    Optional<String> parameter(String name) {
        return Optional.ofNullable(parameters.get(name));
    }

    /**
     * Reads the header's lines: several challenges in one line or in several, parameters in any order, quoted or not,
     * with white space around {@code =} and {@code ,}. What cannot be read ends the line.
     */
    static List<Challenge> parse(List<String> lines) {
        List<Challenge> challenges = new ArrayList<>();
        for (String line : lines) {
            new Scanner(line).addTo(challenges);
        }
        return List.copyOf(challenges);
    }

    private static final class Scanner {
        private static final String TOKEN_MARKS = "!#$%&'*+-.^_`|~";
        private final String line;
        private int at;

        Scanner(String line) {
            this.line = line;
        }

        /** A token followed by {@code =} belongs to the challenge before it, any other token begins a new one. */
        void addTo(List<Challenge> challenges) {
            String scheme = "";
            Map<String, String> parameters = new LinkedHashMap<>();
            skip(", \t");
            while (at < line.length()) {
                String name = token().toLowerCase(Locale.ROOT);
                if (name.isEmpty()) {
                    break;
                }
                int afterName = at;
                skip(" \t");
                if (!scheme.isEmpty() && peek() == '=' && !isToken68End()) {
                    at++;
                    skip(" \t");
                    parameters.putIfAbsent(name, peek() == '"' ? quoted() : token());
                } else {
                    if (!scheme.isEmpty()) {
                        challenges.add(new Challenge(scheme, parameters));
                    }
                    scheme = name;
                    parameters = new LinkedHashMap<>();
                    at = afterName;
                    skipToken68();
                }
                skip(", \t");
            }
            if (!scheme.isEmpty()) {
                challenges.add(new Challenge(scheme, parameters));
            }
        }

        /** {@code Negotiate YII==}: a blob in place of parameters, which no registry scheme has; it is passed over. */
        private void skipToken68() {
            int start = at;
            skip(" \t");
            token();
            while (peek() == '/') {
                at++;
                token();
            }
            skip("=");
            int end = at;
            skip(" \t");
            boolean blob = end > start
                    && (at == line.length() || peek() == ',')
                    && !line.substring(start, end).isBlank();
            at = blob ? end : start;
        }

        private boolean isToken68End() {
            return line.startsWith("==", at);
        }

        private String token() {
            int start = at;
            while (at < line.length() && isTokenCharacter(line.charAt(at))) {
                at++;
            }
            return line.substring(start, at);
        }

        private static boolean isTokenCharacter(char c) {
            return c < 128 && (Character.isLetterOrDigit(c) || TOKEN_MARKS.indexOf(c) >= 0 || c == '/' || c == ':');
        }

        private String quoted() {
            StringBuilder text = new StringBuilder();
            at++;
            while (at < line.length() && line.charAt(at) != '"') {
                if (line.charAt(at) == '\\' && at + 1 < line.length()) {
                    at++;
                }
                text.append(line.charAt(at++));
            }
            at = Math.min(at + 1, line.length());
            return text.toString();
        }

        private void skip(String characters) {
            while (at < line.length() && characters.indexOf(line.charAt(at)) >= 0) {
                at++;
            }
        }

        private char peek() {
            return at < line.length() ? line.charAt(at) : '\0';
        }
    }
}
