package org.berth.yaml;

import java.io.StringReader;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.berth.error.HostException;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * A YAML document as a tree of texts: what {@code yes}, {@code 017} or a fingerprint that looks like a number means is up to
 * who reads it.
 *
 * <p>Types by tag ({@code !!…}), aliases of lists and tables, and a key that occurs twice are errors: no setting needs them, and
 * each is a way to mean something else than what is seen.
 */
public sealed interface YamlTree {
    /** A scalar. */
    record Text(String text) implements YamlTree {}

    record Items(List<YamlTree> items) implements YamlTree {
        public Items {
            items = List.copyOf(items);
        }
    }

    /**
     * @param line where it begins
     * @param lines where its names are
     */
    record Table(Map<String, YamlTree> fields, int line, Map<String, Integer> lines) implements YamlTree {
        /** Where a name is, or where the table begins if it is not there. */
        public int line(String name) {
            return lines.getOrDefault(name, line);
        }
    }

    /**
     * Reads a document.
     *
     * @return empty if there is nothing in it
     * @throws HostException with the name and the place of what is no YAML, or is not taken
     */
    static Optional<YamlTree> parse(String name, String text) {
        try {
            LoaderOptions options = YamlFile.options();
            options.setMaxAliasesForCollections(0);
            Node root = new Yaml(new SafeConstructor(options)).compose(new StringReader(text));
            return Optional.ofNullable(root).map(node -> of(name, node));
        } catch (YAMLException e) {
            throw YamlFile.notYaml(name, e);
        }
    }

    private static YamlTree of(String name, Node node) {
        if (!known(node.getTag())) {
            throw new HostException("%s: line %d: the type %s is not taken here, only plain values are"
                    .formatted(name, line(node), node.getTag().getValue()));
        }
        return switch (node) {
            case ScalarNode scalar -> new Text(scalar.getValue());
            case SequenceNode list ->
                new Items(list.getValue().stream().map(item -> of(name, item)).toList());
            case MappingNode table -> table(name, table);
            default -> throw new HostException("%s: line %d: this is not taken here".formatted(name, line(node)));
        };
    }

    private static Table table(String name, MappingNode node) {
        Map<String, YamlTree> fields = new LinkedHashMap<>();
        Map<String, Integer> lines = new LinkedHashMap<>();
        node.getValue().forEach(entry -> {
            if (!(of(name, entry.getKeyNode()) instanceof Text(String key))) {
                throw new HostException(
                        "%s: line %d: a name is a plain text".formatted(name, line(entry.getKeyNode())));
            }
            if (fields.put(key, of(name, entry.getValueNode())) != null) {
                throw new HostException(
                        "%s: line %d: %s is there twice".formatted(name, line(entry.getKeyNode()), key));
            }
            lines.put(key, line(entry.getKeyNode()));
        });
        return new Table(fields, line(node), lines);
    }

    /** The types that a value has by its looks. */
    private static boolean known(Tag tag) {
        return List.of(Tag.STR, Tag.BOOL, Tag.INT, Tag.FLOAT, Tag.NULL, Tag.TIMESTAMP, Tag.MERGE, Tag.SEQ, Tag.MAP)
                .contains(tag);
    }

    private static int line(Node node) {
        return node.getStartMark().getLine() + 1;
    }
}
