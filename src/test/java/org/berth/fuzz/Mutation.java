package org.berth.fuzz;

import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/** Changes valid inputs in the ways that readers get wrong: at edges of numbers, in lengths, in order, by cutting and by doubling. */
public final class Mutation {
    private static final long[] NUMBERS = {
        0,
        1,
        -1,
        2,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x7fff,
        0x8000,
        0xffff,
        0x10000,
        0x7fffffff,
        0x80000000L,
        0xffffffffL,
        0x100000000L,
        Long.MAX_VALUE,
        Long.MIN_VALUE
    };

    /** Long texts come from few repetitions of a piece, deep nesting from many. */
    private static final int REPEATED_CHARACTERS = 20_000;

    /** Tags, anchors, indicators and numbers: what YAML has beyond plain text. */
    private static final List<String> YAML = List.of(
            "&a ",
            "*a",
            "&a [*a]",
            "[[*a]]",
            "<<: *a",
            "<<: x",
            "!!int ",
            "!!float ",
            "!!binary ",
            "!!timestamp ",
            "!!set ",
            "!!map ",
            "!!java.io.File ",
            "!x ",
            "? ",
            ": ",
            "- ",
            "---\n",
            "...\n",
            "%YAML 9.9\n",
            "|\n",
            ">\n",
            "{",
            "}",
            "[",
            "]",
            ",",
            "\"",
            "\"\\0\"",
            "\"/a\\0\"",
            "2001-99-99",
            "0x",
            "1_000",
            ".inf",
            "12:34:56",
            "~",
            "\n",
            "\n  ",
            "\t",
            "[[*d]]",
            "<<: *d",
            "!!python/object:x ",
            "0b",
            "0o",
            "._");

    private static final List<String> JSON = List.of("{", "}", "[", "]", ":", ",");

    private static final List<String> NASTY = List.of(
            "\0",
            "\n",
            "\r",
            "\t",
            " ",
            "\"",
            "'",
            "\\",
            "/",
            "//",
            ".",
            "..",
            "../",
            ":",
            ",",
            ";",
            "=",
            "-",
            "--",
            "#",
            "%",
            "%s",
            "$",
            "&",
            "*",
            "!",
            "|",
            ">",
            "<",
            "~",
            "@",
            "?",
            "`",
            "[",
            "]",
            "{",
            "}",
            "(",
            ")",
            "é",
            "\u212a",
            "\u2028",
            "\ufeff",
            "\ud800",
            "\udc80",
            "\udfff",
            "😀",
            "0",
            "1",
            "-1",
            "9",
            "00",
            "0x",
            "1e9",
            "2147483647",
            "2147483648",
            "4294967295",
            "9223372036854775807",
            "9223372036854775808",
            "99999999999999999999",
            "null",
            "true",
            "false");

    private Mutation() {}

    /** One of them. */
    public static <T> T one(List<T> all, RandomGenerator random) {
        return all.get(random.nextInt(all.size()));
    }

    /** Mostly small numbers up to the bound, which is left out. */
    public static int few(int bound, RandomGenerator random) {
        return random.nextInt(1 + random.nextInt(bound));
    }

    /** A copy with one to six changes; seldom one with none. */
    public static byte[] bytes(byte[] whole, RandomGenerator random) {
        byte[] bytes = whole.clone();
        for (int left = few(7, random); left > 0 && bytes.length > 0; left--) {
            bytes = changed(bytes, random);
        }
        return bytes;
    }

    private static byte[] changed(byte[] bytes, RandomGenerator random) {
        int at = random.nextInt(bytes.length);
        switch (random.nextInt(12)) {
            case 0, 1, 2 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 3 -> bytes[at] = (byte) random.nextInt();
            case 4, 5 -> number(bytes, at, random);
            case 6 -> Arrays.fill(bytes, at, Math.min(bytes.length, at + few(64, random) + 1), (byte) random.nextInt());
            case 7 -> {
                byte[] run = new byte[Math.min(bytes.length - at, 1 + few(64, random))];
                random.nextBytes(run);
                System.arraycopy(run, 0, bytes, at, run.length);
            }
            case 8 -> {
                int from = random.nextInt(bytes.length);
                int length = Math.min(bytes.length - Math.max(at, from), 1 + few(1024, random));
                System.arraycopy(bytes, from, bytes, at, length);
            }
            case 9 -> {
                return Arrays.copyOf(bytes, at);
            }
            case 10 -> {
                int end = Math.min(bytes.length, at + 1 + few(1024, random));
                return joined(bytes, 0, at, bytes, end, bytes.length);
            }
            default -> {
                int end = Math.min(bytes.length, at + 1 + few(1024, random));
                return joined(bytes, 0, end, bytes, at, bytes.length);
            }
        }
        return bytes;
    }

    /** A number at the edge of a type, in two, four or eight bytes of either order. */
    private static void number(byte[] bytes, int at, RandomGenerator random) {
        int width = 2 << random.nextInt(3);
        long value = NUMBERS[random.nextInt(NUMBERS.length)] + random.nextInt(3) - 1;
        boolean little = random.nextBoolean();
        for (int i = 0; i < width && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (value >>> 8 * (little ? i : width - 1 - i));
        }
    }

    /** The beginning of one with the end of another. */
    public static byte[] spliced(byte[] one, byte[] other, RandomGenerator random) {
        int from = random.nextInt(other.length + 1);
        return joined(one, 0, random.nextInt(one.length + 1), other, from, other.length);
    }

    private static byte[] joined(byte[] one, int from, int to, byte[] other, int start, int end) {
        byte[] both = new byte[to - from + end - start];
        System.arraycopy(one, from, both, 0, to - from);
        System.arraycopy(other, start, both, to - from, end - start);
        return both;
    }

    /**
     * A text with one to six changes; seldom one with none.
     *
     * @param words of the format, which are put in beside characters that mean something somewhere
     */
    public static String text(String whole, List<String> words, RandomGenerator random) {
        StringBuilder text = new StringBuilder(whole);
        for (int left = few(7, random); left > 0; left--) {
            int at = random.nextInt(text.length() + 1);
            int end = Math.min(text.length(), at + 1 + few(32, random));
            switch (random.nextInt(8)) {
                case 0, 1 -> text.insert(at, word(words, random));
                case 2, 3 -> text.replace(at, end, word(words, random));
                case 4 -> text.delete(at, end);
                case 5 -> text.insert(at, text.substring(at, end));
                case 6 -> text.insert(random.nextInt(text.length() + 1), text.substring(at, end));
                default -> {
                    if (random.nextInt(8) == 0) {
                        String piece = word(words, random);
                        int times = few(REPEATED_CHARACTERS, random) / Math.max(1, piece.length());
                        text.insert(at, piece.repeat(times));
                    } else {
                        text.setLength(at);
                    }
                }
            }
        }
        return text.toString();
    }

    /** A text of words of the format and of characters that mean something somewhere. */
    public static String text(List<String> words, int most, RandomGenerator random) {
        StringBuilder text = new StringBuilder();
        for (int left = few(most + 1, random); left > 0; left--) {
            text.append(word(words, random));
        }
        return text.toString();
    }

    private static String word(List<String> words, RandomGenerator random) {
        return words.isEmpty() || random.nextInt(3) == 0 ? one(NASTY, random) : one(words, random);
    }

    /** Pieces of YAML, and those of one kind of file. */
    public static List<String> yaml(String... own) {
        return Stream.concat(YAML.stream(), Stream.of(own)).toList();
    }

    /** Pieces of JSON, and those of one kind of document. */
    public static List<String> json(String... own) {
        return Stream.concat(JSON.stream(), Stream.of(own)).toList();
    }
}
