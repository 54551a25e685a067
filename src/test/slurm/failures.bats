#!/usr/bin/env bats
# One line per node with the cause, an exit status, and nothing left behind.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

refused_on_both() { # WORDS OPTION...
    local words=$1
    shift
    run as_user srun -N2 -n6 --ntasks-per-node=3 "$@" true
    echo "$output"
    [[ $status != 0 ]]
    [[ $(lines_with "berth: n1: .*$words" "$output") == 1 && $(lines_with "berth: n2: .*$words" "$output") == 1 ]]
    [[ $(lines_with 'berth: ' "$output") == 2 ]]
    nodes_are_clean
    no_node_is_drained
}

@test "no such image file" { refused_on_both 'nosuch.sif: no such file' --container-image=./nosuch.sif; }
@test "a file that is no image" {
    as_user sh -c 'echo text >text'
    refused_on_both 'format not recognized' --container-image=./text
}
@test "a missing mount source" { refused_on_both '/nosuch' --container-image="$IMAGES/hello.sif" --container-mounts=/nosuch:/mnt; }
@test "a mount that is not understood" { refused_on_both 'container-mounts' --container-image="$IMAGES/hello.sif" --container-mounts=/a:b; }
@test "a bad working directory" { refused_on_both 'working directory' --container-image="$IMAGES/hello.sif" --container-workdir=/nosuch; }
@test "an unknown launch option" { refused_on_both 'unknown flag' --container-image="$IMAGES/hello.sif" --container-options=--nosuch; }
@test "a namespace that would part the tasks" { refused_on_both 'PID namespace' --container-image="$IMAGES/hello.sif" --container-options=--pid; }

@test "a command that the image lacks" {
    run as_user srun -n1 --container-image="$IMAGES/hello.sif" nosuch
    echo "$output"
    [[ $status != 0 && $output == *nosuch*"No such file"* ]]
    nodes_are_clean
}

@test "srun refuses before a node works: an unknown image, a later option" {
    run as_user srun -n1 --container-image="$REGISTRY#nosuch" true
    echo "$output"
    [[ $status == 1 && $output == *"manifest unknown"* && $output != *"berth: n1"* ]]
    run as_user srun -n1 --container-image="$IMAGES/hello.sif" --container-name=kept true
    echo "$output"
    [[ $status != 0 && $output == *"--container-name is not available yet"* ]]
}

@test "a program killed by the step's end takes the container along" {
    run as_user srun -n2 --kill-on-bad-exit --container-image="$IMAGES/hello.sif" sh -c '[ $SLURM_PROCID = 0 ] && exit 3; sleep 60'
    [[ $status == 3 || $status == 137 || $status == 143 ]]
    nodes_are_clean
}

@test "hostile values change nothing" {
    for value in '; touch hostile' '$(touch hostile)' $'a\nb' '--help' $'\x01\x02' "$(printf 'x%.0s' {1..60000})"; do
        run as_user srun -n1 --container-image="$IMAGES/hello.sif" --container-mounts="$value" true
        [[ $status != 0 ]]
        run as_user srun -n1 --container-image="./$value" true
        [[ $status != 0 ]]
    done
    [[ -z $(find "$place" -name hostile) ]]
    no_node_is_drained
}
