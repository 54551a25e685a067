package org.berth.launch;

/**
 * The script that works out an image's environment.
 *
 * <p>It starts with little more than HOME, PATH and the {@code APPTAINER_*} variables, sources the image's own scripts in
 * the order of their names, appends the usual directories to the PATH that an OCI image sets, applies the injected values after {@code 99-base.sh} (or at the end, where an image has none),
 * and writes what is exported to descriptor 9.
 */
final class EnvironmentScript {
    private static final String VARIABLES = """
            unset PS1
            berth_inject() {
                berth_todo=$BERTH_INJECT
                unset BERTH_INJECT
                eval "$berth_todo"
                unset berth_todo
            }
            if [ -d /.singularity.d/env ]; then
                for berth_script in /.singularity.d/env/*.sh; do
                    [ -f "$berth_script" ] || continue
                    set -f
                    . "$berth_script"
                    set +f
                    case $berth_script in
                    */99-base.sh) berth_inject ;;
                    */10-docker*.sh)
                        for berth_directory in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
                            case :$PATH: in
                            *:"$berth_directory":*) ;;
                            *) PATH=${PATH:+$PATH:}$berth_directory ;;
                            esac
                        done
                        unset berth_directory
                        ;;
                    esac
                done
            elif [ -f /environment ]; then
                . /environment
            fi
            berth_inject
            if [ -n "$SING_USER_DEFINED_PREPEND_PATH" ]; then
                PATH=$SING_USER_DEFINED_PREPEND_PATH:$PATH
            fi
            if [ -n "$SING_USER_DEFINED_APPEND_PATH" ]; then
                PATH=$PATH:$SING_USER_DEFINED_APPEND_PATH
            fi
            if [ -n "$SING_USER_DEFINED_PATH" ]; then
                PATH=$SING_USER_DEFINED_PATH
            fi
            if [ -n "$BERTH_LIBRARIES" ]; then
                case :$LD_LIBRARY_PATH: in
                *:"$BERTH_LIBRARIES":*) ;;
                *)
                    LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$BERTH_LIBRARIES
                    export LD_LIBRARY_PATH
                    ;;
                esac
            fi
            if [ -n "$BERTH_PREPEND_LD_LIBRARY_PATH" ]; then
                LD_LIBRARY_PATH=$BERTH_PREPEND_LD_LIBRARY_PATH${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
                export LD_LIBRARY_PATH
            fi
            if [ -n "$BERTH_APPEND_LD_LIBRARY_PATH" ]; then
                LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$BERTH_APPEND_LD_LIBRARY_PATH
                export LD_LIBRARY_PATH
            fi
            [ -n "${PS1-}" ] || PS1=$BERTH_PROMPT
            PROMPT_COMMAND='PS1="'$BERTH_PROMPT'"; unset PROMPT_COMMAND'
            export PATH PS1 PROMPT_COMMAND
            unset SING_USER_DEFINED_PREPEND_PATH SING_USER_DEFINED_APPEND_PATH SING_USER_DEFINED_PATH
            unset BERTH_PREPEND_LD_LIBRARY_PATH BERTH_APPEND_LD_LIBRARY_PATH BERTH_LIBRARIES BERTH_INJECT
            unset BERTH_PROMPT berth_script
            """;

    private static final String EXPORT = "export -p >&9";

    static final String TEXT = VARIABLES + EXPORT + "\n";

    /**
     * The same, but what is exported is told by a shell of the image that is the command of its runscript: an entrypoint sets
     * its variables and then becomes what it was told to run.
     */
    static final String BY_ENTRYPOINT = VARIABLES + "set -- /bin/sh -c '" + EXPORT + "'\n. /.singularity.d/runscript\n";

    private EnvironmentScript() {}
}
