package org.berth.gather;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.berth.cli.OptionValues;
import org.berth.error.HostException;
import org.berth.host.Host;
import org.berth.launch.LaunchRequest.AskedBy;
import org.berth.launch.LaunchRequest.BindRequest;
import org.berth.launch.LaunchRequest.Nesting;

/** The two notations of a bind: {@code SRC[:DST[:OPTS]]} and {@code type=bind,src=…,dst=…} (apptainer.md 3.8). */
public final class BindText {
    private BindText() {}

    /** All binds of {@code --bind}'s items; an option that a comma separated from its bind is put back to it. */
    public static List<BindRequest> binds(List<String> items, Host host) {
        List<String> whole = new ArrayList<>();
        for (String item : items) {
            if (!whole.isEmpty() && isOption(item) && split(whole.getLast()).size() >= 3) {
                whole.set(whole.size() - 1, whole.getLast() + ":" + item);
            } else {
                whole.add(item);
            }
        }
        return whole.stream().map(text -> bind(text, host)).toList();
    }

    private static BindRequest bind(String text, Host host) {
        List<String> parts = split(text);
        String source = parts.getFirst();
        String target = parts.size() > 1 && !parts.get(1).isEmpty()
                ? parts.get(1)
                : host.path(source).toString();
        if (source.isEmpty()) {
            throw new HostException("while parsing bind path '%s': the source is missing".formatted(text));
        }
        boolean readOnly = false;
        for (String option : parts.subList(Math.min(2, parts.size()), parts.size())) {
            switch (option) {
                case "ro" -> readOnly = true;
                case "rw", "" -> {}
                default -> {
                    if (option.startsWith("image-src=") || option.startsWith("id=")) {
                        throw new HostException("bind option %s is not available yet".formatted(option))
                                .hint("bind a directory or a file of the host");
                    }
                    throw new HostException(
                            "while parsing bind path '%s': %s is not a valid bind option".formatted(text, option));
                }
            }
        }
        return new BindRequest(host.path(source), absolute(target, text, host), readOnly);
    }

    public static BindRequest mount(String text, Host host) {
        String source = "";
        String target = "";
        boolean readOnly = false;
        Nesting nesting = Nesting.YES;
        for (String field : OptionValues.commaList(text)) {
            int equals = field.indexOf('=');
            String key = equals < 0 ? field : field.substring(0, equals);
            String value = equals < 0 ? "" : field.substring(equals + 1);
            switch (key) {
                case "type" -> {
                    if (!value.equals("bind")) {
                        throw broken(text, "unsupported mount type \"%s\", only 'bind' is supported".formatted(value));
                    }
                }
                case "source", "src" -> source = value;
                case "destination", "dst", "target" -> target = value;
                case "ro", "readonly" -> readOnly = true;
                case "nonested" -> nesting = Nesting.NO;
                case "image-src", "id" ->
                    throw new HostException("mount key %s is not available yet".formatted(key))
                            .hint("bind a directory or a file of the host");
                case "bind-propagation" -> throw broken(text, "bind-propagation is not supported");
                default -> throw broken(text, "invalid key \"%s\" in mount specification".formatted(key));
            }
        }
        if (source.isEmpty() || target.isEmpty()) {
            throw broken(text, "mounts must specify a source and a destination");
        }
        return new BindRequest(host.path(source), absolute(target, text, host), readOnly, AskedBy.USER, nesting);
    }

    private static HostException broken(String text, String why) {
        return new HostException("while parsing mount \"%s\": %s".formatted(text, why));
    }

    private static Path absolute(String target, String text, Host host) {
        if (!target.startsWith("/")) {
            throw new HostException("bind '%s': destination must be an absolute path".formatted(text));
        }
        return host.path(target);
    }

    private static boolean isOption(String item) {
        return item.equals("ro") || item.equals("rw") || item.startsWith("image-src=") || item.startsWith("id=");
    }

    /** Splits at colons; a backslash takes away a colon's or comma's meaning. */
    static List<String> split(String text) {
        List<String> parts = new ArrayList<>();
        StringBuilder part = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && i + 1 < text.length() && ":,\\".indexOf(text.charAt(i + 1)) >= 0) {
                part.append(text.charAt(++i));
            } else if (c == ':') {
                parts.add(part.toString());
                part.setLength(0);
            } else {
                part.append(c);
            }
        }
        parts.add(part.toString());
        return parts;
    }
}
