#!/usr/bin/env bats
# Each option of srun by each of its names, said to srun, salloc and sbatch: the same on the first node and on the second.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

# NAME|VALUE (none: a flag)|KEY of BERTH_CONTAINER_KEY and PYXIS_CONTAINER_KEY|its VALUE|what the probe says then
TABLE='container-image|$box|IMAGE|$box|by
container-mounts|$place/data:/data|MOUNTS|$place/data:/data|data=mounted
container-mounts|$place/data:/data,$place/data:/more:rw|MOUNTS|$place/data:/data,$place/data:/more:rw|more=mounted
container-workdir|/var|WORKDIR|/var|cwd=/var
container-mount-home||MOUNT_HOME|1|home=mounted
no-container-mount-home||MOUNT_HOME|0|home= 
container-writable||WRITABLE|1|writes=yes
container-readonly||READONLY|1|writes=no
container-env|SOUGHT|ENV|SOUGHT|sought=job
container-entrypoint||ENTRYPOINT|1|by=entrypoint
no-container-entrypoint||ENTRYPOINT|0|by=none
container-options|--env OPTION=given|OPTIONS|--env OPTION=given|option=given
container-explain||EXPLAIN|1|berth:
container-name|$unique:create|NAME|$unique:create|writes=yes
container-save|$place/work/$unique-%N.sqsh|SAVE|$place/work/$unique-%N.sqsh|saved
container-remap-root||REMAP_ROOT|1|uid=0
no-container-remap-root||REMAP_ROOT|0|uid=own
container-unshare|ipc|UNSHARE|ipc|ipc=own'

PROBE='say=$(hostname)
is() { say="$say $1=$2"; }
is by "${BY:-none}"
is data "$(cat /data/word 2>/dev/null || echo none)"
is more "$(cat /more/word 2>/dev/null || echo none)"
is cwd "$PWD"
is home "$(while read -r _ _ _ _ at _; do [ "$at" != "$HOME" ] || echo mounted; done </proc/self/mountinfo)"
is writes "$(touch /opt/new 2>/dev/null && echo yes || echo no)"
is sought "$SOUGHT"
is option "${OPTION:-none}"
is uid "$([ "$(id -u)" = 0 ] && echo 0 || echo own)"
case " $OUTER_IPC " in *" $(readlink /proc/self/ns/ipc) "*) is ipc shared ;; *) is ipc own ;; esac
echo "$say"'

box() { # an image that has what the options are seen by
    box=$place/work/box
    as_user "$BERTH" build --sandbox "$box" "$IMAGES/hello.sif" >/dev/null 2>&1
    mkdir -p "$box/opt"
    printf '#!/bin/sh\nexport BY=entrypoint\nexec "$@"\n' >"$box/.singularity.d/runscript"
    printf 'export SOUGHT=image\n' >"$box/.singularity.d/env/91-environment.sh"
    chown -R "$BERTH_USER" "$box"
    mkdir "$place/data"
    echo mounted >"$place/data/word"
}

# Says the step to srun, salloc or sbatch, with OPTIONS of theirs and VARIABLES; prints what the tasks print.
said_to() { # PROGRAM
    local image=(--container-image="$box") outer
    [[ $name != container-image ]] || image=()
    outer=$(on_nodes readlink /proc/self/ns/ipc)
    variables+=(SOUGHT=job OUTER_IPC="${outer//$'\n'/ }")
    case $1 in
        srun) as_user "${variables[@]}" srun -N2 -n2 "${options[@]}" "${image[@]}" sh -c "$PROBE" 2>&1 ;;
        salloc) as_user "${variables[@]}" salloc -Q -N2 -n2 "${options[@]}" srun -Q "${image[@]}" sh -c "$PROBE" 2>&1 ;;
        sbatch)
            { echo '#!/bin/sh'; printf '%q ' srun -Q "${image[@]}" sh -c "$PROBE"; echo; } >job.sh
            sed -i '1s,.*,#!/bin/bash,' job.sh
            rm -f out
            as_user "${variables[@]}" sbatch -W -N2 -n2 -o "$place/work/out" "${options[@]}" job.sh >/dev/null
            cat out
            ;;
    esac
}

holds_on_both() { # OUTPUT
    case $wanted in
        saved) [[ -s $place/work/$unique-n1.sqsh && -s $place/work/$unique-n2.sqsh ]] ;;
        *) [[ $(lines_with "^n1 .*$wanted" "$1") == 1 && $(lines_with "^n2 .*$wanted" "$1") == 1 ]] ||
            [[ $wanted == berth: && $(lines_with '^berth: n1:' "$1") -ge 1 && $(lines_with '^berth: n2:' "$1") -ge 1 ]] ;;
    esac
}

filled() { # VALUE of the table
    local text=${1//'$box'/$box}
    text=${text//'$place'/$place}
    echo "${text//'$unique'/$unique}"
}

all_ways() { # PROGRAM
    local name value key set wanted form output failed=0 unique options variables count=0
    box
    # What none of them changes, so that a pattern below says something.
    name=none options=() variables=() unique=none
    wanted='by=none data=none more=none cwd=.* home=mounted writes=no sought=image option=none uid=own ipc=shared'
    output=$(said_to "$1")
    holds_on_both "$output" || { echo "without any: $output"; return 1; }
    while IFS='|' read -r name value key set wanted; do
        for form in option BERTH PYXIS; do
            unique=$1$((++count))
            variables=()
            options=()
            case $form in
                option)
                    options=("--$name")
                    [[ -z $value ]] || options=("--$name=$(filled "$value")")
                    ;;
                *) variables=("${form}_CONTAINER_$key=$(filled "$set")") ;;
            esac
            output=$(said_to "$1") || true
            holds_on_both "$output" || { printf 'not by %s to %s:\n%s\n' "${options[*]}${variables[0]}" "$1" "$output"; failed=1; }
        done
    done <<<"$TABLE"
    echo "$count ways"
    return "$failed"
}

@test "every option by each of its names, said to srun" { all_ways srun; }

@test "every option by each of its names, said to salloc" { all_ways salloc; }

@test "every option by each of its names, said to sbatch" { all_ways sbatch; }

@test "the table has every option that the plugin knows" {
    local name
    for name in $(sed -n '/^} table\[OPTION_COUNT\]/,/^};/s/^.*{\?"\(\(no-\)\?container-[a-z-]*\)",.*/\1/p' "$TREE/slurm-plugin/options.c"); do
        # The last two: nothing to be seen by, and a batch script's alone (forms.bats).
        [[ $TABLE == *"$name|"* || $name == container-entrypoint-log || $name == container-batch ]] || { echo "$name"; return 1; }
    done
}
