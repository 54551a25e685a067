package org.berth.error;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** What was probably meant by a word that is mistyped. */
public final class Nearest {
    private static final int MOST = 3;

    private Nearest() {}

    /** At most three of the names, the nearest first: two letters away, of a short word one; never the word itself. */
    public static List<String> of(String word, Stream<String> names) {
        int far = word.length() <= 3 ? 1 : 2;
        return names.filter(name -> !name.equals(word) && Math.abs(name.length() - word.length()) <= far)
                .filter(name -> distance(name, word) <= far)
                .distinct()
                .sorted(Comparator.<String>comparingInt(name -> distance(name, word))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(MOST)
                .toList();
    }

    /** The least number of letters put in, left out or changed. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
