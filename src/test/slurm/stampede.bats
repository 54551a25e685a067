#!/usr/bin/env bats
# 64 processes on 4 nodes want one image that a shared store does not have: one of them fetches and converts it.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helpers

bats_require_minimum_version 1.5.0
load helper
load fleet

setup_file() {
    load fleet
    fleet_up 4
}

teardown_file() {
    load fleet
    fleet_down
}

stampede() { # PROCESSES IMAGE CACHE COMMAND-PREFIX...: into a store that is cold by now
    local processes=$1 image=$2 cache=$3
    shift 3
    LIMIT=500 LOUD=1 run as_user BERTH_CACHEDIR="$cache" srun -N4 -n"$processes" --overcommit \
        sh -c 'image=$0; exec "$@" pull --reproducible "$SLURM_PROCID.sif" "$image"' "docker://$FLEET/$image" "$@" "$BERTH"
    echo "$output" | sed 's/process [0-9]* on/process N on/' | sort | uniq -c
    [[ $status == 0 ]]
    asked_once
    [[ $(lines_with 'Creating SIF file' "$output") == 1 ]]
    # As many images as processes, all the same, and nothing else beside them.
    [[ $(find . -mindepth 1 | wc -l) == "$processes" ]]
    for ((i = 0; i < processes; i++)); do [[ -s $i.sif ]] && cmp 0.sif "$i.sif"; done
    store_is_tidy
}

some() { [[ -n ${BERTH_FULL:-}${BERTH_FUZZ:-} ]] && echo 64 || echo 16; }

@test "64 processes on 4 nodes: one download, one conversion" {
    cold
    stampede 64 hello "$STORE"
}

@test "the same where locks and extended attributes are refused" {
    # On the nodes, as the user: the clone may be out of reach of both.
    local refuse=$CLUSTER_SHARED/refuse_locks.py
    cp "$BATS_TEST_DIRNAME/refuse_locks.py" "$refuse"
    chmod a+r "$refuse"
    run python3 "$refuse" flock "$place" true
    [[ $status != 0 && $output == *"No locks available"* ]]
    cold
    stampede "$(some)" whiteouts "$STORE" python3 "$refuse"
}

@test "the same where each node's locks are its own" {
    command -v bindfs >/dev/null || skip "no bindfs here"
    cold
    # A FUSE server on each node, to which the kernel does not pass locks.
    local node own=$CLUSTER_SCRATCH/store
    for node in $CLUSTER_NODES; do
        "$CLUSTER" exec "$node" sh -c 'mkdir -p "$1" && exec bindfs --xattr-none -o allow_other "$0" "$1"' "$STORE" "$own"
    done
    "$CLUSTER" exec n1 flock "$own" sh -c 'touch "$0"; exec sleep 60' "$own/held" 3>&- &
    until_true 30 test -e "$STORE/held"
    "$CLUSTER" exec n2 flock -n "$own" true
    rm "$STORE/held"
    kill %1
    stampede "$(some)" hello "$own"
}
