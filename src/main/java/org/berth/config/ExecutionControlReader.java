package org.berth.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.berth.config.ExecutionControl.Accepted;
import org.berth.config.ExecutionControl.Group;
import org.berth.config.ExecutionControl.Mode;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.toml.Toml;
import org.berth.yaml.YamlTree;

/** Reads groups of execution control: a list in berth.yaml, or Apptainer's {@code ecl.toml} that it names. */
final class ExecutionControlReader {
    private static final int MAX_BYTES = 1 << 20;
    private static final Set<String> FIELDS = Set.of("name", "mode", "directory", "keys");
    private static final Set<String> ECL_KEYS = Set.of("activated", "legacyinsecure", "execgroup");
    private static final Set<String> ECL_GROUP_KEYS = Set.of("tagname", "mode", "dirpath", "keyfp");

    private final Path file;

    private ExecutionControlReader(Path file) {
        this.file = file;
    }

    /**
     * @param value of the setting: groups, or one text that is {@code no} or a path
     * @param line of the setting
     * @throws HostException if the groups cannot be understood, or the named file is not there
     */
    static ExecutionControl read(YamlTree value, int line, Host host, Path file) {
        ExecutionControlReader reader = new ExecutionControlReader(file);
        return switch (value) {
            case YamlTree.Text(String text) ->
                Set.of("no", "false", "off").contains(text.toLowerCase(Locale.ROOT))
                        ? ExecutionControl.OFF
                        : ecl(text, line, host, reader);
            case YamlTree.Items(List<YamlTree> items) -> {
                if (items.isEmpty()) {
                    throw reader.wrong(line, "there is no group; 'no' switches it off");
                }
                List<Group> groups =
                        items.stream().map(item -> reader.group(item, line)).toList();
                yield new ExecutionControl(true, Accepted.CURRENT, groups, file);
            }
            case YamlTree.Table _ -> throw reader.wrong(line, "it is no, a list of groups, or a path, not one group");
        };
    }

    private static ExecutionControl ecl(String text, int line, Host host, ExecutionControlReader named) {
        if (!text.startsWith("/")) {
            throw named.wrong(
                    line,
                    "'%s' is neither 'no', a list of groups, nor the absolute path of an ecl.toml".formatted(text));
        }
        Path file = named.path(line, text);
        byte[] bytes = host.readWhole(file, MAX_BYTES)
                .orElseThrow(() -> named.wrong(line, "%s: no such file or directory".formatted(file)));
        Toml.Table document = Toml.parse(file.toString(), new String(bytes, StandardCharsets.UTF_8));
        document.requireOnly(ECL_KEYS, "of an execution control list");
        ExecutionControlReader reader = new ExecutionControlReader(file);
        List<Toml.Table> tables = document.tables("execgroup");
        for (Toml.Table table : tables) {
            table.requireOnly(
                    ECL_GROUP_KEYS, "of an [[execgroup]]; what is for all groups stands before the first of them");
        }
        return new ExecutionControl(
                document.flag("activated")
                        .orElseThrow(() -> reader.wrong(
                                1, "activated is missing: true checks images, false switches the control off")),
                document.flag("legacyinsecure").orElse(false) ? Accepted.LEGACY : Accepted.CURRENT,
                tables.stream().map(reader::group).toList(),
                file);
    }

    private Group group(Toml.Table table) {
        return group(
                table.line(),
                table.text("tagname").orElse(""),
                table.text("mode").orElse(""),
                table.text("dirpath").orElse(""),
                table.texts("keyfp"));
    }

    private Group group(YamlTree tree, int listed) {
        if (!(tree instanceof YamlTree.Table table)) {
            throw wrong(listed, "a group has the fields name, mode, directory and keys");
        }
        table.fields().keySet().stream()
                .filter(field -> !FIELDS.contains(field))
                .findFirst()
                .ifPresent(field -> {
                    throw wrong(table.line(field), "unknown field '%s' of a group".formatted(field));
                });
        return group(table.line(), text(table, "name"), text(table, "mode"), text(table, "directory"), texts(table));
    }

    private String text(YamlTree.Table table, String field) {
        return switch (table.fields().getOrDefault(field, new YamlTree.Text(""))) {
            case YamlTree.Text(String text) -> text;
            case YamlTree.Items _, YamlTree.Table _ ->
                throw wrong(table.line(field), "%s of a group is one text".formatted(field));
        };
    }

    private List<String> texts(YamlTree.Table table) {
        List<String> texts = new ArrayList<>();
        if (!(table.fields().getOrDefault("keys", new YamlTree.Items(List.of())) instanceof YamlTree.Items list)) {
            throw wrong(table.line("keys"), "keys of a group is a list of fingerprints");
        }
        for (YamlTree item : list.items()) {
            if (!(item instanceof YamlTree.Text(String text))) {
                throw wrong(table.line("keys"), "keys of a group is a list of fingerprints");
            }
            texts.add(text);
        }
        return texts;
    }

    private Group group(int line, String name, String mode, String directory, List<String> keys) {
        if (!directory.isEmpty() && !directory.startsWith("/")) {
            throw wrong(line, "group '%s': the directory '%s' is not an absolute path".formatted(name, directory));
        }
        Mode checked = mode(line, name, mode);
        // whitestrict would take any signature at all, a blacklist forbid none, and a whitelist everything.
        if (keys.isEmpty()) {
            throw wrong(line, "group '%s' has no key".formatted(name));
        }
        return new Group(
                name,
                checked,
                directory.isEmpty() ? Optional.empty() : Optional.of(path(line, directory)),
                keys.stream().map(key -> fingerprint(line, name, key)).toList());
    }

    private Mode mode(int line, String group, String word) {
        return switch (word) {
            case "whitelist" -> Mode.WHITELIST;
            case "whitestrict" -> Mode.WHITESTRICT;
            case "blacklist" -> Mode.BLACKLIST;
            default ->
                throw wrong(
                        line,
                        "group '%s': the mode '%s' is not whitelist, whitestrict or blacklist".formatted(group, word));
        };
    }

    private String fingerprint(int line, String group, String text) {
        if (!text.matches("[0-9A-Fa-f]{40}")) {
            throw wrong(line, "group '%s': '%s' is not a fingerprint of 40 hexadecimal digits".formatted(group, text));
        }
        return text.toUpperCase(Locale.ROOT);
    }

    private Path path(int line, String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw wrong(line, "a path cannot be used: " + e.getReason());
        }
    }

    private HostException wrong(int line, String what) {
        return new HostException("%s, line %d: execution control: %s".formatted(file, line, what));
    }
}
