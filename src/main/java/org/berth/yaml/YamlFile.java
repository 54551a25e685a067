package org.berth.yaml;

import java.util.Optional;
import org.berth.error.HostException;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** A YAML document of another program, which is changed in one place and otherwise kept: values have their types. */
public final class YamlFile {
    private static final int MAX_DEPTH = 32;

    private YamlFile() {}

    /**
     * Reads a document: maps, lists, strings, numbers, truth values.
     *
     * @return empty if there is nothing in it
     * @throws HostException with the name and the place of what is no YAML
     */
    public static Optional<Object> load(String name, String text) {
        try {
            return Optional.ofNullable(new Yaml(new SafeConstructor(options())).load(text));
        } catch (RuntimeException e) {
            // The library has others than its own for a tag that claims what the value is not (!!int x, !!map x, !!int
            // '').
            throw notYaml(name, e);
        }
    }

    /** A document in block style. */
    public static String dump(Object document) {
        DumperOptions options = new DumperOptions();
        options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
        return new Yaml(options).dump(document);
    }

    static LoaderOptions options() {
        LoaderOptions options = new LoaderOptions();
        options.setNestingDepthLimit(MAX_DEPTH);
        return options;
    }

    static HostException notYaml(String name, RuntimeException e) {
        return new HostException(
                "%s: %s".formatted(name, String.valueOf(e.getMessage()).strip().replaceAll("[\\s\\p{Cntrl}]+", " ")),
                e);
    }
}
