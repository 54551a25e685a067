package org.berth.launcher;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.berth.error.HostException;
import org.berth.host.Bytes;
import org.berth.host.Facts;

/** Reads the facts that the launcher hands over; the format is in docs/plan.md. */
public final class FactsReader {
    private FactsReader() {}

    /** @throws HostException if the bytes are not facts of the version that this program understands */
    public static Facts parse(byte[] bytes) {
        try {
            return facts(bytes);
        } catch (InvalidPathException e) {
            throw new HostException("the directory %s has a name that this program cannot handle: %s"
                    .formatted(e.getInput(), e.getReason()));
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new HostException("the launcher's facts are damaged: launcher and planner are of different versions");
        }
    }

    private static Facts facts(byte[] bytes) {
        Map<String, List<String>> table = table(words(bytes));
        List<String> ids = table.getOrDefault("ids", List.of());
        List<String> uname = table.getOrDefault("uname", List.of());
        List<String> tty = table.getOrDefault("tty", List.of("0", "0", "0"));
        if (ids.size() < 4 || uname.size() < 5 || tty.size() != 3) {
            throw new HostException(
                    "the launcher's facts are incomplete: launcher and planner are of different versions");
        }
        int uid = Integer.parseUnsignedInt(ids.get(0));
        List<Integer> groups = new ArrayList<>();
        groups.add(Integer.parseUnsignedInt(ids.get(2)));
        ids.subList(4, ids.size()).stream()
                .map(Integer::parseUnsignedInt)
                .filter(g -> !groups.contains(g))
                .forEach(groups::add);
        String cwd = first(table, "cwd", "");
        return new Facts(
                table.getOrDefault("argv", List.of("berth")),
                environment(table.getOrDefault("env", List.of())),
                uid,
                groups.getFirst(),
                groups,
                account(uid, table.getOrDefault("passwd", List.of())),
                groupNames(table.getOrDefault("groups", List.of())),
                Path.of(cwd.isEmpty() ? "/" : cwd),
                !cwd.isEmpty(),
                Integer.parseInt(first(table, "umask", "022"), 8),
                tty.get(0).equals("1"),
                tty.get(2).equals("1"),
                Path.of(first(table, "prefix", "/usr/local")),
                uname.get(1),
                uname.get(4));
    }

    private static List<String> words(byte[] bytes) {
        List<String> words = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == 0) {
                words.add(Bytes.decode(java.util.Arrays.copyOfRange(bytes, from, i)));
                from = i + 1;
            }
        }
        return words;
    }

    private static Map<String, List<String>> table(List<String> words) {
        if (words.size() < 3
                || !words.get(0).equals("berth-facts")
                || !words.get(1).equals("1")) {
            throw new HostException(
                    "the launcher's facts are not of version 1: launcher and planner are of different versions");
        }
        Map<String, List<String>> table = new HashMap<>();
        int i = 2;
        while (i + 1 < words.size()) {
            int count = Integer.parseInt(words.get(i + 1));
            table.put(words.get(i), List.copyOf(words.subList(i + 2, i + 2 + count)));
            i += 2 + count;
        }
        return table;
    }

    private static String first(Map<String, List<String>> table, String key, String otherwise) {
        List<String> words = table.getOrDefault(key, List.of());
        return words.isEmpty() ? otherwise : words.getFirst();
    }

    private static Map<String, String> environment(List<String> entries) {
        Map<String, String> environment = new LinkedHashMap<>();
        for (String entry : entries) {
            int equals = entry.indexOf('=');
            if (equals > 0) {
                environment.putIfAbsent(entry.substring(0, equals), entry.substring(equals + 1));
            }
        }
        return environment;
    }

    private static Facts.Account account(int uid, List<String> passwd) {
        return passwd.size() == 4
                ? new Facts.Account(passwd.get(0), passwd.get(1), passwd.get(2), passwd.get(3))
                : new Facts.Account(Integer.toUnsignedString(uid), "", "/", "/bin/sh");
    }

    private static Map<Integer, String> groupNames(List<String> entries) {
        Map<Integer, String> names = new HashMap<>();
        for (String entry : entries) {
            int colon = entry.indexOf(':');
            names.put(Integer.parseUnsignedInt(entry.substring(0, colon)), entry.substring(colon + 1));
        }
        return names;
    }
}
