#!/usr/bin/env bats
# Many nodes, one cold store, a registry that counts: 8 nodes with BERTH_FULL or BERTH_FUZZ, else 4.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helpers

bats_require_minimum_version 1.5.0
load helper
load fleet

nodes() { [[ -n ${BERTH_FULL:-}${BERTH_FUZZ:-} ]] && echo 8 || echo 4; }

setup_file() {
    load fleet
    fleet_up "$(nodes)"
}

teardown_file() {
    load fleet
    fleet_down
}

job() { # IMAGE: a script whose step says so when it runs
    printf '#!/bin/sh\nsrun --container-image=%s sh -c "echo in \\$(hostname)"\n' "$1" >job.sh
}

@test "one srun over all nodes: one manifest, each blob once, one conversion" {
    cold
    LIMIT=300 LOUD=1 run as_user srun -N"$(nodes)" -n"$(nodes)" --container-image="docker://$FLEET/hello" sh -c 'echo in $(hostname)'
    echo "$output"
    [[ $status == 0 ]]
    [[ $(grep '^in n' <<<"$output" | sort -u | wc -l) == "$(nodes)" ]]
    asked_once
    [[ $(lines_with 'Creating SIF file' "$output") == 1 ]]
    store_is_tidy
}

@test "as many jobs started together: one manifest, each blob once, one conversion" {
    cold
    job "docker://$FLEET/whiteouts"
    for ((i = 1; i <= $(nodes); i++)); do LIMIT=300 as_user sbatch -W -N1 --exclusive -o "out.$i" job.sh & done
    wait
    cat out.*
    [[ $(cat out.* | grep '^in n' | sort -u | wc -l) == "$(nodes)" ]]
    asked_once
    [[ $(cat out.* | grep -c 'Creating SIF file') == 1 ]]
    store_is_tidy
}

owner() { # whose lease it is: HOST-PLACE-PID-START
    local word
    word=$(cat "$STORE"/*/cache/oci-tmp/*.lease 2>/dev/null) && [[ -n $word ]] && echo "${word%% *}"
}
is_leased() { [[ -n $(owner) ]]; }
is_anothers() { [[ -n $(owner) && $(owner) != "$1" ]]; }
have_run() { [[ $(cat out.* 2>/dev/null | grep -c '^in n') -ge $1 ]]; }

# Starts the jobs on an image that comes slowly, and waits until one of them has the lease, whose owner is $victim.
start_slowly() {
    cold
    job "docker://$FLEET/fault/slow/tiny"
    for ((i = 1; i <= $(nodes); i++)); do as_user sbatch -N1 --exclusive -o "out.$i" job.sh; done
    until_true 120 is_leased
    victim=$(owner)
    host=${victim%%-*}
    sleep 3
    echo "killing $victim"
}

others_finish() { # SECONDS
    local began=$SECONDS seconds
    until_true 240 is_anothers "$victim"
    seconds=$((SECONDS - began))
    echo "taken over after $seconds s"
    # A machine that is busy with other tests gets more.
    [[ $seconds -le $([[ -n ${BERTH_FULL:-}${BERTH_FUZZ:-} ]] && echo "$1" || echo $(($1 * 2 + 20))) ]]
    until_true 240 have_run $(($(nodes) - 1))
    cat out.*
    [[ $(cat out.* | grep '^in n' | sort -u | wc -l) == $(($(nodes) - 1)) ]]
    until_true 30 store_is_tidy
    local image
    image=$(find "$STORE"/*/cache/oci-tmp -type f)
    run as_user "$BERTH" exec "$image" echo whole
    [[ $output == whole ]]
}

@test "the job that pulls is cancelled: another node takes over at once" {
    start_slowly
    as_user scancel "$(squeue -h -w "$host" -o %i)"
    others_finish 3
    nodes_are_clean 30
    no_node_is_drained
}

# Slurm is asked after the first beat that was missed.
@test "the process that pulls is killed: another node takes over when its job has ended" {
    start_slowly
    IFS=- read -r _ _ pid _ <<<"$victim"
    "$CLUSTER" exec "$host" kill -KILL "$pid"
    others_finish 35
    nodes_are_clean 30
    no_node_is_drained
}

# The last one: it costs a node.
@test "the node that pulls is killed: another one takes over" {
    start_slowly
    local outer
    read -r outer _ <"$CLUSTER_DIR/run/$host.pid"
    kill -KILL "$outer"
    others_finish 75
}
