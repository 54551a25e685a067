package org.berth.sif;

import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;

/**
 * What {@code inspect} was asked for.
 *
 * @param parts empty for the default, the labels
 * @param app its own part instead of the image's
 */
public record InspectSelection(Set<Part> parts, Optional<String> app) {
    /** The options of {@code inspect}, in the order in which what they select is printed. */
    public enum Part {
        APPS,
        DEFFILE,
        RUNSCRIPT,
        STARTSCRIPT,
        TEST,
        HELPFILE,
        ENVIRONMENT,
        LABELS
    }

    /** {@code --all}: everything, of the image and of each app. */
    public static final InspectSelection ALL = new InspectSelection(Set.of(Part.values()), Optional.empty());

    public InspectSelection {
        parts = parts.isEmpty() ? Set.of(Part.LABELS) : Set.copyOf(parts);
    }

    private boolean has(Part part) {
        return parts.contains(part);
    }

    /** The selected part of an image's metadata; an app that it does not have gives nothing. */
    public InspectMetadata of(InspectMetadata whole) {
        InspectMetadata.Section none = InspectMetadata.Section.EMPTY;
        SequencedMap<String, InspectMetadata.Section> apps = new TreeMap<>();
        if (has(Part.APPS)) {
            apps.putAll(whole.apps());
        }
        app.filter(name -> !has(Part.APPS)).ifPresent(name -> {
            InspectMetadata.Section section = whole.apps().get(name);
            if (section != null) {
                apps.put(name, selected(section));
            }
        });
        return new InspectMetadata(
                apps,
                app.isPresent() ? none : selected(whole.image()),
                has(Part.DEFFILE) ? whole.deffile() : "",
                has(Part.STARTSCRIPT) && app.isEmpty() ? whole.startscript() : "");
    }

    private InspectMetadata.Section selected(InspectMetadata.Section section) {
        InspectMetadata.Section none = InspectMetadata.Section.EMPTY;
        return new InspectMetadata.Section(
                has(Part.ENVIRONMENT) ? section.environment() : none.environment(),
                has(Part.LABELS) ? section.labels() : none.labels(),
                has(Part.RUNSCRIPT) ? section.runscript() : "",
                has(Part.TEST) ? section.test() : "",
                has(Part.HELPFILE) ? section.helpfile() : "");
    }

    /** What {@code inspect --json} prints. */
    public String json(InspectMetadata whole) {
        return of(whole).toJson(InspectMetadata.Layout.INDENTED);
    }

    /** What {@code inspect} prints: the selected texts one after the other, without headings. */
    public String text(InspectMetadata whole) {
        InspectMetadata selected = of(whole);
        InspectMetadata.Section section = app.map(
                        name -> selected.apps().getOrDefault(name, InspectMetadata.Section.EMPTY))
                .orElse(selected.image());
        StringBuilder out = new StringBuilder();
        if (has(Part.APPS)) {
            selected.apps().keySet().forEach(name -> out.append(name).append('\n'));
        }
        append(out, selected.deffile());
        append(out, section.runscript());
        append(out, selected.startscript());
        append(out, section.test());
        append(out, section.helpfile());
        section.environment().forEach((path, text) -> out.append("=== %s ===\n%s\n\n".formatted(path, text)));
        section.labels().forEach((name, value) -> out.append("%s: %s\n".formatted(name, value)));
        return out.toString();
    }

    private static void append(StringBuilder out, String text) {
        if (!text.isEmpty()) {
            out.append(text).append('\n');
        }
    }
}
