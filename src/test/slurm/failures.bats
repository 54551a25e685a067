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
@test "a namespace that would part the tasks" {
    refused_on_both 'PID namespace' --container-image="$IMAGES/hello.sif" --container-options=--pid
    refused_on_both 'PID namespace' --container-image="$IMAGES/hello.sif" --container-unshare=ipc,pid
    refused_on_both 'no namespace cgroup' --container-image="$IMAGES/hello.sif" --container-unshare=cgroup
}
@test "no network of its own where PMIx needs the host's" {
    srun --mpi=pmix -n1 true >/dev/null 2>&1 || skip "Slurm here cannot do --mpi=pmix"
    refused_on_both 'mpi=pmix' --mpi=pmix --container-image="$IMAGES/hello.sif" --container-unshare=net
}

serve() { # OPTION... IMAGE: from a registry of its own, whose address is set as $at until the test ends
    at=$CLUSTER_CTL_ADDR:$((${BERTH_TEST_PORT:-5610} + 4))
    "$CORPUS" serve --addr "$CLUSTER_CTL_ADDR" --port "${at##*:}" "$@" >/dev/null 2>&1 3>&- 4>&-
}

teardown() {
    [[ -z ${at:-} ]] || "$CORPUS" stop --port "${at##*:}"
    cd /
    rm -rf "$place"
}

@test "a registry that wants a login: srun says so; where the nodes lack it, each of them" {
    serve --auth me:secret hello whiteouts
    run as_user srun -N2 -n6 --container-image="$at#hello" true
    echo "$output"
    [[ $status == 1 && $(lines_with "$at" "$output") -ge 1 && $output != *"berth: n"* ]]
    run as_user APPTAINER_DOCKER_USERNAME=me APPTAINER_DOCKER_PASSWORD=secret srun -N2 -n6 --container-image="$at#hello" sh -c 'echo in'
    echo "$output"
    [[ $status == 0 && $(lines_with '^in$' "$output") == 6 && $output != *secret* ]]
    # srun has the login, but Slurm was told to hand it on to nobody.
    run as_user APPTAINER_DOCKER_USERNAME=me APPTAINER_DOCKER_PASSWORD=secret srun -N2 -n6 --ntasks-per-node=3 \
        --export=HOME,USER,APPTAINER_NOHTTPS --container-image="$at#whiteouts" true
    echo "$output"
    [[ $status != 0 ]]
    for node in n1 n2; do
        [[ $(lines_with "berth: $node: .*authentication required (registry $at" "$output") == 1 ]]
    done
    nodes_are_clean
    no_node_is_drained
}

@test "a damaged layer: each node says which" {
    serve --raw
    run as_user srun -N2 -n6 --ntasks-per-node=3 --container-image="docker://$at/evil/wrong-digest-same-size" true
    echo "$output"
    [[ $status != 0 ]]
    for node in n1 n2; do
        [[ $(lines_with "berth: $node: .*sha256:" "$output") == 1 ]]
    done
    nodes_are_clean
    no_node_is_drained
    # Nothing of it is kept: the next step is told the same.
    run as_user srun -n1 --container-image="docker://$at/evil/wrong-digest-same-size" true
    [[ $status != 0 ]]
}

@test "a command that the image lacks" {
    run as_user srun -n1 --container-image="$IMAGES/hello.sif" nosuch
    echo "$output"
    [[ $status != 0 && $output == *nosuch*"No such file"* ]]
    nodes_are_clean
}

@test "srun refuses before a node works: an unknown image" {
    run as_user srun -n1 --container-image="$REGISTRY#nosuch" true
    echo "$output"
    [[ $status == 1 && $output == *"manifest unknown"* && $output != *"berth: n1"* ]]
}

@test "a program killed by the step's end takes the container along" {
    run as_user srun -n2 --kill-on-bad-exit --container-image="$IMAGES/hello.sif" sh -c '[ $SLURM_PROCID = 0 ] && exit 3; sleep 600'
    [[ $status == 3 || $status == 137 || $status == 143 ]]
    nodes_are_clean
}
