package org.berth.gather;

import org.berth.error.UsageException;

/** Where a step's container is saved, as {@code --container-save} has it. */
public final class SavedPath {
    private SavedPath() {}

    /**
     * The path with the node's name for each {@code %N}, and {@code %} for {@code %%}.
     *
     * @param nodes of the step
     * @throws UsageException if several nodes would write the same file
     */
    public static String on(String node, int nodes, String text) {
        StringBuilder path = new StringBuilder();
        boolean named = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '%') {
                path.append(c);
                continue;
            }
            char what = ++i < text.length() ? text.charAt(i) : ' ';
            switch (what) {
                case '%' -> path.append('%');
                case 'N' -> {
                    path.append(node);
                    named = true;
                }
                default ->
                    throw new UsageException(
                                    "--container-save=%s: '%%' is followed by neither N nor %%".formatted(text))
                            .hint("%N is the node's name, %% a percent sign");
            }
        }
        if (nodes > 1 && !named) {
            throw new UsageException("--container-save=%s: %d nodes would write the same file".formatted(text, nodes))
                    .hint("put the node's name into it, as %N, or run the step on one node");
        }
        return path.toString();
    }
}
