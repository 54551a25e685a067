package org.berth.resolve;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.berth.oci.ImageConfig;

/**
 * The files that make an OCI image a container image for Apptainer and for us: {@code /.singularity.d} and its environment
 * scripts, runscript and start script (apptainer.md 3.15, 3.16; sif-format.md section 7).
 *
 * <p>Names of files and variables are the ones that existing images use; an image made here runs under Apptainer too.
 */
final class ContainerFiles {
    static final String OCI_ENVIRONMENT = "/.singularity.d/env/10-docker2singularity.sh";
    static final String CUSTOM_ENVIRONMENT = "/.singularity.d/env/90-environment.sh";
    static final String START_SCRIPT = "#!/bin/sh\n";
    static final String EMPTY_ENVIRONMENT = "#!/bin/sh\n# Custom environment shell code should follow\n\n";

    private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

    private static final String BASE_ENVIRONMENT = """
            #!/bin/sh
            # Nothing is set before the image's own variables.
            """;

    private static final String APPS_ENVIRONMENT = """
            #!/bin/sh
            # The environment of the SCIF application that was asked for.
            if [ -n "${SINGULARITY_APPNAME:-}" ] && [ -d "/scif/apps/$SINGULARITY_APPNAME" ]; then
                SCIF_APPS=/scif/apps
                SCIF_DATA=/scif/data
                SCIF_APPNAME=$SINGULARITY_APPNAME
                SCIF_APPROOT=/scif/apps/$SCIF_APPNAME
                SCIF_APPDATA=/scif/data/$SCIF_APPNAME
                PATH=$SCIF_APPROOT/bin:$PATH
                LD_LIBRARY_PATH=$SCIF_APPROOT/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
                export SCIF_APPS SCIF_DATA SCIF_APPNAME SCIF_APPROOT SCIF_APPDATA PATH LD_LIBRARY_PATH
                for scif_script in "$SCIF_APPROOT"/scif/env/*.sh; do
                    [ -f "$scif_script" ] && . "$scif_script"
                done
                unset scif_script
            fi
            """;

    private static final String LIBRARY_ENVIRONMENT = """
            #!/bin/sh
            # Libraries of the host (GPU drivers) are shown in this directory.
            LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/.singularity.d/libs
            PS1='Apptainer> '
            export LD_LIBRARY_PATH PS1
            """;

    private static final String RUNTIME_ENVIRONMENT = """
            #!/bin/sh
            # APPTAINERENV_PREPEND_PATH, _APPEND_PATH and _PATH.
            PATH=${SING_USER_DEFINED_PREPEND_PATH:+$SING_USER_DEFINED_PREPEND_PATH:}$PATH
            PATH=$PATH${SING_USER_DEFINED_APPEND_PATH:+:$SING_USER_DEFINED_APPEND_PATH}
            PATH=${SING_USER_DEFINED_PATH:-$PATH}
            unset SING_USER_DEFINED_PREPEND_PATH SING_USER_DEFINED_APPEND_PATH SING_USER_DEFINED_PATH
            export PATH
            """;

    private static final String ACTION_PROLOGUE = """
            #!/bin/sh
            for script in /.singularity.d/env/*.sh; do
                [ -f "$script" ] && . "$script"
            done
            """;

    private static final Map<String, String> ACTIONS = Map.of(
            "exec", "exec \"$@\"\n",
            "run", "exec /.singularity.d/runscript \"$@\"\n",
            "shell", "[ -x /bin/bash ] && exec /bin/bash --norc \"$@\"\nexec /bin/sh \"$@\"\n",
            "start", "exec /.singularity.d/startscript \"$@\"\n",
            "test", "[ -x /.singularity.d/test ] || exit 0\nexec /.singularity.d/test \"$@\"\n");

    /** The second half of the runscript: what was asked for decides which words run, and a shell evaluates them once. */
    private static final String RUN_LOGIC = """

            oci_literal=
            oci_literal=
            if [ -z "$OCI_ENTRYPOINT$OCI_CMD" ] && [ $# -eq 0 ]; then
                set -- /bin/sh
            elif [ -n "${SINGULARITY_NO_EVAL:-}" ]; then
                oci_literal=yes
            else
                CMDLINE_ARGS=
                for CMDLINE_ARG in "$@"; do
                    CMDLINE_ARGS="$CMDLINE_ARGS \\"$CMDLINE_ARG\\""
                done
                if [ $# -gt 0 ]; then
                    SINGULARITY_OCI_RUN="$OCI_ENTRYPOINT $CMDLINE_ARGS"
                else
                    SINGULARITY_OCI_RUN="$OCI_ENTRYPOINT $OCI_CMD"
                fi
                # Words that no shell can read are taken as they are.
                case $CMDLINE_ARGS in
                *[\\\\\\`\\"]*)
                    if (eval "set -- $SINGULARITY_OCI_RUN") >/dev/null 2>&1; then
                        eval "set -- $SINGULARITY_OCI_RUN"
                    else
                        oci_literal=yes
                    fi
                    ;;
                *) eval "set -- $SINGULARITY_OCI_RUN" ;;
                esac
            fi
            """;

    private ContainerFiles() {}

    /** The environment scripts that {@code inspect --environment} shows. */
    static Map<String, String> shownEnvironment(ImageConfig config) {
        Map<String, String> shown = new LinkedHashMap<>();
        shown.put(OCI_ENVIRONMENT, ociEnvironment(config));
        shown.put(CUSTOM_ENVIRONMENT, EMPTY_ENVIRONMENT);
        return shown;
    }

    /** Executable files by path, without the leading slash. */
    static Map<String, byte[]> executables(ImageConfig config) {
        Map<String, String> files = new LinkedHashMap<>();
        ACTIONS.keySet().stream()
                .sorted()
                .forEach(name -> files.put(".singularity.d/actions/" + name, ACTION_PROLOGUE + ACTIONS.get(name)));
        files.put(".singularity.d/env/01-base.sh", BASE_ENVIRONMENT);
        files.put(OCI_ENVIRONMENT.substring(1), ociEnvironment(config));
        files.put(CUSTOM_ENVIRONMENT.substring(1), EMPTY_ENVIRONMENT);
        files.put(".singularity.d/env/95-apps.sh", APPS_ENVIRONMENT);
        files.put(".singularity.d/env/99-base.sh", LIBRARY_ENVIRONMENT);
        files.put(".singularity.d/env/99-runtimevars.sh", RUNTIME_ENVIRONMENT);
        files.put(".singularity.d/runscript", runscript(config));
        files.put(".singularity.d/startscript", START_SCRIPT);
        Map<String, byte[]> bytes = new LinkedHashMap<>();
        files.forEach((path, text) -> bytes.put(path, text.getBytes(StandardCharsets.UTF_8)));
        return bytes;
    }

    /** Links in the image's root. */
    static Map<String, String> links() {
        Map<String, String> links = new LinkedHashMap<>();
        links.put("singularity", ".singularity.d/runscript");
        for (String action : List.of("run", "exec", "test", "shell")) {
            links.put("." + action, ".singularity.d/actions/" + action);
        }
        links.put("environment", ".singularity.d/env/90-environment.sh");
        return links;
    }

    /** Folders that every image has. */
    static List<String> folders() {
        return List.of("dev", "proc", "root", "var/tmp", "tmp", "etc", "sys", "home");
    }

    private static String ociEnvironment(ImageConfig config) {
        StringBuilder text = new StringBuilder("#!/bin/sh\n");
        for (String entry : config.env()) {
            int equals = entry.indexOf('=');
            String name = equals < 0 ? entry : entry.substring(0, equals);
            if (!VARIABLE.matcher(name).matches()) {
                continue;
            }
            String value = equals < 0 ? "" : escaped(entry.substring(equals + 1));
            if (name.equals("PATH")) {
                text.append("export PATH=\"").append(value).append("\"\n");
            } else if (equals < 0) {
                text.append("export %s=\"${%s:-}\"%n".formatted(name, name));
            } else {
                text.append("export %s=\"${%s:-\"%s\"}\"%n".formatted(name, name, value));
            }
        }
        return text.toString();
    }

    static String runscript(ImageConfig config) {
        return "#!/bin/sh\n"
                + "OCI_ENTRYPOINT=" + singleQuoted(words(config.entrypoint())) + "\n"
                + "OCI_CMD=" + singleQuoted(words(config.cmd())) + "\n"
                + RUN_LOGIC
                + "if [ -n \"$oci_literal\" ]; then\n"
                + literal("    [ $# -gt 0 ] || set --", config.cmd(), "")
                + literal("    set --", config.entrypoint(), " \"$@\"")
                + "    :\n"
                + "fi\n"
                + RUN_END;
    }

    private static final String RUN_END = """
            case ${1-} in
            */*) ;;
            *)
                if ! command -v "${1-}" >/dev/null 2>&1; then
                    echo "FATAL:   \\"${1-}\\": executable file not found in \\$PATH" >&2
                    exit 255
                fi
                ;;
            esac
            exec "$@"
            """;

    private static String literal(String start, List<String> words, String end) {
        if (words.isEmpty()) {
            return "";
        }
        return start + words.stream().map(word -> " " + singleQuoted(word)).collect(Collectors.joining()) + end + "\n";
    }

    private static String words(List<String> words) {
        return words.stream().map(word -> "\"" + escaped(word) + "\"").collect(Collectors.joining(" "));
    }

    /** What has a meaning inside double quotes loses it. */
    private static String escaped(String text) {
        return text.replace("\\", "\\\\")
                .replace("\"", "\\\"")
                .replace("$", "\\$")
                .replace("`", "\\`");
    }

    private static String singleQuoted(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }
}
