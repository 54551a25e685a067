#!/usr/bin/env bats
# What breaks on a node ends a step with one clear line, and leaves the node alive.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

with_berth() { # PROGRAM
    echo "required $PLUGIN berth=$1" >"$CLUSTER_DIR/etc/plugstack.conf"
}

teardown() {
    echo "required $PLUGIN" >"$CLUSTER_DIR/etc/plugstack.conf"
    on_nodes sh -c 'test ! -e /dev/fuse.away || mv /dev/fuse.away /dev/fuse'
    cd /
    rm -rf "$place"
}

one_line_per_node() { # WORDS
    echo "$output"
    [[ $status != 0 ]]
    [[ $(lines_with "berth: n1: .*$1" "$output") == 1 && $(lines_with "berth: n2: .*$1" "$output") == 1 ]]
    [[ $(lines_with 'berth: ' "$output") == 2 ]]
    nodes_are_clean
    no_node_is_drained
    run as_user srun -N2 -n2 true
    [[ $status == 0 ]]
}

@test "Berth is missing on a node" {
    with_berth /nosuch/bin/berth
    run as_user srun -N2 -n6 --container-image="$IMAGES/hello.sif" true
    one_line_per_node '/nosuch/bin/berth: No such file'
}

@test "Berth on a node is of another version" {
    # Another message than the plugin knows, from a program that then holds as it should.
    printf '#!/bin/sh\nprintf "berth-held\\0002\\0001\\000%%s\\000/\\000end\\000" $$ >&3\nexec 3>&- 1>&- 2>&-\ncat <&4 >/dev/null\n' >berth
    chmod 755 berth
    with_berth "$PWD/berth"
    run as_user srun -N2 -n6 --container-image="$IMAGES/hello.sif" true
    one_line_per_node 'of another version than this plugin'
    # One that does not know the plugin's flags.
    printf '#!/bin/sh\necho "FATAL:   unknown flag: $2" >&2\nexit 1\n' >berth
    LOUD=1 run as_user srun -N2 -n6 --container-image="$IMAGES/hello.sif" true
    one_line_per_node 'unknown flag: --ready-fd'
}

@test "the planner is killed, as by the step's memory limit" {
    # The testbed limits no memory; what the kernel does then is this.
    printf '#!/bin/sh\nkill -KILL $$\n' >berth
    chmod 755 berth
    with_berth "$PWD/berth"
    run as_user srun -N2 -n6 --container-image="$IMAGES/hello.sif" true
    one_line_per_node 'berth ended early'
}

@test "the planner's JVM finds no memory" {
    printf '#!/bin/sh\nulimit -v 300000\nexec "%s" "$@"\n' "$BERTH" >berth
    chmod 755 berth
    with_berth "$PWD/berth"
    run as_user srun -N2 -n6 --container-image="$IMAGES/hello.sif" true
    [[ $status != 0 ]]
    echo "$output"
    for node in n1 n2; do
        [[ $(lines_with "berth: $node: .*292 MB of address space.*ulimit -v" "$output") == 1 && $(lines_with "berth: $node: " "$output") == 1 ]]
    done
    nodes_are_clean
    no_node_is_drained
}

@test "/dev/fuse is absent: the image is unpacked, or a line says why not" {
    on_nodes mv /dev/fuse /dev/fuse.away
    LOUD=1 run as_user srun -N2 -n4 --container-image="$IMAGES/hello.sif" sh -c 'echo in $APPTAINER_NAME'
    echo "$output"
    [[ $status == 0 && $(lines_with 'in hello.sif' "$output") == 4 ]]
    [[ $(lines_with 'berth: n1: .*/dev/fuse' "$output") == 1 && $(lines_with 'berth: n2: .*/dev/fuse' "$output") == 1 ]]
    nodes_are_clean
    no_node_is_drained
}

@test "the squashfs server is killed while tasks run" {
    as_user srun -N2 -n4 -J victim --container-image="$IMAGES/mpich.sif" \
        sh -c 'touch "ready.$SLURM_PROCID"; while [ ! -e killed ]; do :; done; find /usr -type f | head -2000 | xargs cat >/dev/null' >out 2>&1 &
    local step=$!
    appear ready.0 ready.1 ready.2 ready.3
    on_nodes pkill -KILL -u "$BERTH_USER" squashfuse || true
    as_user touch killed
    status=0
    wait "$step" || status=$?
    cat out
    [[ $status != 0 ]]
    grep -q 'Transport endpoint is not connected' out
    nodes_are_clean
    no_node_is_drained
}

@test "the holder is killed: tasks that run go on, a later one is told" {
    as_user srun -n1 -J victim --container-image="$IMAGES/hello.sif" sh -c 'touch ready; while [ ! -e killed ]; do sleep 0.1; done; ls / >/dev/null && echo still here' >out 2>&1 &
    local step=$!
    appear ready
    on_nodes pkill -KILL -u "$BERTH_USER" -f berth-hold || true
    as_user touch killed
    wait "$step" || true
    cat out
    grep -q 'still here' out
    nodes_are_clean
    no_node_is_drained
}
