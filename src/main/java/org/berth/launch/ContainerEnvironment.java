package org.berth.launch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.berth.devices.GpuPlan;
import org.berth.image.RunnableImage;

/**
 * The payload's environment: the image's own over the caller's, and the injected values over both.
 *
 * <p>The image's environment is what its scripts in {@code /.singularity.d/env} make of an almost empty one; they run in
 * the container under the shell that ships with Berth. The order is the one of Apptainer's (apptainer.md 3.7).
 */
final class ContainerEnvironment {
    static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /** What the caller's environment never hands on. */
    private static final List<String> NEVER = List.of(
            "APPTAINER_*",
            "APPTAINERENV_*",
            "SINGULARITY_*",
            "SINGULARITYENV_*",
            "BERTH_*",
            "BERTHENV_*",
            "HOME",
            "PATH",
            "LD_LIBRARY_PATH");

    private static final List<String> CLEAN_KEEPS = List.of(
            "TERM",
            "http_proxy",
            "https_proxy",
            "no_proxy",
            "all_proxy",
            "ftp_proxy",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "ALL_PROXY",
            "FTP_PROXY");

    private static final Set<String> FOR_PATHS = Set.of("PATH", "PREPEND_PATH", "APPEND_PATH");
    private static final Pattern IDS = Pattern.compile("\\$\\{?(UID|EUID|GID)\\b");
    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

    private ContainerEnvironment() {}

    /** The caller's variables that go along. */
    static List<Op> ofCaller(LaunchRequest request, LaunchHost host, GpuPlan gpus) {
        List<Op> ops = new ArrayList<>();
        if (request.environment().clean()) {
            List<String> kept = new ArrayList<>(CLEAN_KEEPS);
            kept.addAll(gpus.masks());
            ops.add(new Op.EnvironmentKeep(kept));
            ops.add(new Op.EnvironmentSet("LANG", "C"));
        } else {
            List<String> dropped = new ArrayList<>(NEVER);
            dropped.addAll(request.environment().dropped().stream().sorted().toList());
            ops.add(new Op.EnvironmentDrop(dropped));
            ops.add(new Op.EnvironmentSet(
                    "USER_PATH", host.facts().environment("PATH").orElse(DEFAULT_PATH)));
        }
        gpus.environment().forEach((name, value) -> ops.add(new Op.EnvironmentSet(name, value)));
        return ops;
    }

    /** The image's own variables, and over them the injected ones. */
    static Op ofImage(LaunchRequest request, RunnableImage image, LaunchHost host, GpuPlan gpus) {
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put("HOME", request.mounts().home().target().toString());
        variables.put("PATH", DEFAULT_PATH);
        runtime(request, image).forEach((name, value) -> {
            variables.put("APPTAINER_" + name, value);
            if (!value.isEmpty() && !name.equals("COMMAND") || name.equals("BIND")) {
                variables.put("SINGULARITY_" + name, value);
            }
        });
        if (!gpus.libraries().isEmpty()) {
            variables.put("BERTH_LIBRARIES", GpuBinds.LIBRARIES.toString());
        }
        variables.put("BERTH_PROMPT", host.facts().program().equals("singularity") ? "Singularity> " : "Apptainer> ");
        boolean root = request.isolation().identity() == LaunchRequest.Identity.ROOT;
        variables.put(
                "BERTH_INJECT",
                injection(
                        request.environment(),
                        root ? 0 : host.facts().uid(),
                        root ? 0 : host.facts().gid()));
        String script = request.environment().entrypoint() ? EnvironmentScript.BY_ENTRYPOINT : EnvironmentScript.TEXT;
        return new Op.EnvironmentOfImage(host.shell(), script, "environment", variables);
    }

    /** What the caller keeps, whatever the image says. */
    static List<Op> kept(LaunchRequest request) {
        List<Op> ops = new ArrayList<>();
        request.environment().kept().forEach((name, value) -> ops.add(new Op.EnvironmentSet(name, value)));
        return ops;
    }

    private static Map<String, String> runtime(LaunchRequest request, RunnableImage image) {
        Map<String, String> runtime = new LinkedHashMap<>();
        runtime.put("APPNAME", request.process().app().orElse(""));
        runtime.put(
                "BIND",
                request.mounts().binds().stream()
                        .filter(bind -> bind.nesting() == LaunchRequest.Nesting.YES)
                        .map(bind -> bind.target().toString())
                        .collect(Collectors.joining(",")));
        runtime.put("COMMAND", request.action().word());
        runtime.put("CONTAINER", image.container());
        runtime.put("ENVIRONMENT", "/.singularity.d/env/91-environment.sh");
        runtime.put("NAME", image.name());
        if (!request.environment().evaluate()) {
            runtime.put("NO_EVAL", "1");
        }
        request.process().shell().ifPresent(shell -> runtime.put("SHELL", shell));
        return runtime;
    }

    /**
     * The injected values as shell text.
     *
     * <p>Evaluated ones stand in double quotes, in which only an unescaped quote is escaped: {@code $(…)}, variables and
     * backslashes have their meaning (rows S61, S64). Literal ones stand in single quotes. Those of the search paths are not
     * exported: the script makes the paths of them.
     *
     * @param uid that a value may name as {@code $UID} or {@code $EUID}, as shells have it
     * @param gid as {@code $GID}
     */
    static String injection(LaunchRequest.Environment environment, int uid, int gid) {
        StringBuilder text = new StringBuilder();
        boolean names = environment.evaluate()
                && environment.injected().values().stream()
                        .anyMatch(value -> IDS.matcher(value).find());
        if (names) {
            for (String name : List.of("UID", "EUID", "GID")) {
                String id = Integer.toUnsignedString(name.equals("GID") ? gid : uid);
                text.append("[ -n \"${%s-}\" ] || { %s=%s; berth_ids=\"${berth_ids-} %s\"; }\n"
                        .formatted(name, name, id, name));
            }
        }
        environment.injected().forEach((name, value) -> {
            if (!NAME.matcher(name).matches()) {
                return;
            }
            String whole = name.equals("LD_LIBRARY_PATH") ? value + ":/.singularity.d/libs" : value;
            text.append(assigned(name))
                    .append('=')
                    .append(environment.evaluate() ? doubleQuoted(whole) : singleQuoted(whole))
                    .append('\n');
        });
        if (names) {
            text.append("unset ${berth_ids-} berth_ids\n");
        }
        return text.toString();
    }

    private static String assigned(String name) {
        if (FOR_PATHS.contains(name)) {
            return "SING_USER_DEFINED_" + name;
        }
        return name.endsWith("PEND_LD_LIBRARY_PATH") ? "BERTH_" + name : "export " + name;
    }

    static String singleQuoted(String value) {
        return "'" + value.replace("'", "'\\''") + "'";
    }

    private static String doubleQuoted(String value) {
        StringBuilder text = new StringBuilder("\"");
        int backslashes = 0;
        for (char c : value.toCharArray()) {
            if (c == '"' && backslashes % 2 == 0) {
                text.append('\\');
            }
            backslashes = c == '\\' ? backslashes + 1 : 0;
            text.append(c);
        }
        if (backslashes % 2 == 1) {
            text.append('\\');
        }
        return text.append('"').toString();
    }
}
