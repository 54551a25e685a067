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

    private final Path file;

    private ExecutionControlReader(Path file) {
        this.file = file;
    }

    /**
     * @param values of the setting: groups, or one text that is {@code no} or a path
     * @throws HostException if the groups cannot be understood, or the named file is not there
     */
    static ExecutionControl read(List<YamlTree> values, Host host, Path file) {
        ExecutionControlReader reader = new ExecutionControlReader(file);
        if (values.size() == 1 && values.getFirst() instanceof YamlTree.Text(String text)) {
            boolean off = Set.of("no", "false", "off").contains(text.toLowerCase(Locale.ROOT));
            return off ? ExecutionControl.OFF : ecl(text, host, reader);
        }
        if (values.isEmpty()) {
            throw reader.wrong("there is no group; 'no' switches it off");
        }
        List<Group> groups = values.stream().map(reader::group).toList();
        return new ExecutionControl(true, Accepted.CURRENT, groups, file);
    }

    private static ExecutionControl ecl(String text, Host host, ExecutionControlReader named) {
        if (!text.startsWith("/")) {
            throw named.wrong(
                    "'%s' is neither 'no', a list of groups, nor the absolute path of an ecl.toml".formatted(text));
        }
        Path file = named.path(text);
        byte[] bytes = host.read(file, MAX_BYTES)
                .orElseThrow(() -> named.wrong("%s: no such file or directory".formatted(file)));
        Toml.Table document = Toml.parse(file.toString(), new String(bytes, StandardCharsets.UTF_8));
        ExecutionControlReader reader = new ExecutionControlReader(file);
        return new ExecutionControl(
                document.flag("activated"),
                document.flag("legacyinsecure") ? Accepted.LEGACY : Accepted.CURRENT,
                document.tables("execgroup").stream().map(reader::group).toList(),
                file);
    }

    private Group group(Toml.Table table) {
        return group(
                table.text("tagname").orElse(""),
                table.text("mode").orElse(""),
                table.text("dirpath").orElse(""),
                table.texts("keyfp"));
    }

    private Group group(YamlTree tree) {
        if (!(tree instanceof YamlTree.Table table)) {
            throw wrong("a group has the fields name, mode, directory and keys");
        }
        table.fields().keySet().stream()
                .filter(field -> !FIELDS.contains(field))
                .findFirst()
                .ifPresent(field -> {
                    throw wrong("unknown field '%s' of a group".formatted(field));
                });
        return group(text(table, "name"), text(table, "mode"), text(table, "directory"), texts(table));
    }

    private String text(YamlTree.Table table, String field) {
        return switch (table.fields().getOrDefault(field, new YamlTree.Text(""))) {
            case YamlTree.Text(String text) -> text;
            case YamlTree.Items _, YamlTree.Table _ -> throw wrong("%s of a group is one text".formatted(field));
        };
    }

    private List<String> texts(YamlTree.Table table) {
        List<String> texts = new ArrayList<>();
        if (!(table.fields().getOrDefault("keys", new YamlTree.Items(List.of())) instanceof YamlTree.Items list)) {
            throw wrong("keys of a group is a list of fingerprints");
        }
        for (YamlTree item : list.items()) {
            if (!(item instanceof YamlTree.Text(String text))) {
                throw wrong("keys of a group is a list of fingerprints");
            }
            texts.add(text);
        }
        return texts;
    }

    private Group group(String name, String mode, String directory, List<String> keys) {
        if (!directory.isEmpty() && !directory.startsWith("/")) {
            throw wrong("group '%s': the directory '%s' is not an absolute path".formatted(name, directory));
        }
        return new Group(
                name,
                mode(name, mode),
                directory.isEmpty() ? Optional.empty() : Optional.of(path(directory)),
                keys.stream().map(key -> fingerprint(name, key)).toList());
    }

    private Mode mode(String group, String word) {
        return switch (word) {
            case "whitelist" -> Mode.WHITELIST;
            case "whitestrict" -> Mode.WHITESTRICT;
            case "blacklist" -> Mode.BLACKLIST;
            default ->
                throw wrong(
                        "group '%s': the mode '%s' is not whitelist, whitestrict or blacklist".formatted(group, word));
        };
    }

    private String fingerprint(String group, String text) {
        if (!text.matches("[0-9A-Fa-f]{40}")) {
            throw wrong("group '%s': '%s' is not a fingerprint of 40 hexadecimal digits".formatted(group, text));
        }
        return text.toUpperCase(Locale.ROOT);
    }

    private Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw wrong("a path cannot be used: " + e.getReason());
        }
    }

    private HostException wrong(String what) {
        return new HostException("%s: execution control: %s".formatted(file, what));
    }
}
