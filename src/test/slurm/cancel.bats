#!/usr/bin/env bats
# A cancelled step leaves nothing; a step that ends costs no extra second.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

cancelled_when() { # CONDITION... (a command that succeeds when it is time)
    while ! "$@" >/dev/null 2>&1; do sleep 0.02; done
    as_user scancel -n victim
    wait "$step" || true
    nodes_are_clean 5
    no_node_is_drained
}

@test "scancel while the program runs" {
    as_user srun -N2 -n4 -J victim --container-image="$IMAGES/hello.sif" sh -c 'touch "running.$SLURM_PROCID"; sleep 100' &
    step=$!
    cancelled_when test -e running.0 -a -e running.3
}

@test "scancel at any moment of the start" {
    for delay in 0.05 0.1 0.15 0.2 0.25 0.3 0.4 0.5; do
        as_user srun -N2 -n4 -J victim --container-image="$IMAGES/hello.sif" sleep 100 >/dev/null 2>&1 &
        step=$!
        sleep "$delay"
        cancelled_when squeue -h -n victim -o %i
    done
}

@test "scancel while the image is pulled" {
    as_user BERTH_CACHEDIR="$place/home/cache" srun -N2 -n4 -J victim --container-image="docker://$REGISTRY/mpich" sleep 100 >out 2>&1 &
    step=$!
    cancelled_when grep -q 'Fetching OCI image' out
    [[ -z $(find "$place/home/cache" -name '*.part') ]] || as_user BERTH_CACHEDIR="$place/home/cache" srun -n1 --container-image="docker://$REGISTRY/mpich" true
}

@test "the end of a step costs no extra second" {
    local ends=()
    for _ in 1 2 3 4 5; do
        as_user srun -n1 --container-image="$IMAGES/hello.sif" cat /proc/uptime >out
        ends+=("$(paste -d' ' out /proc/uptime | awk '{ printf "%.2f", $3 - $1 }')")
    done
    echo "seconds from the task's end to srun's: ${ends[*]}"
    printf '%s\n' "${ends[@]}" | sort -n | awk 'NR == 3 { exit $1 > 0.5 }'
    # The job is over when slurmstepd has found its cgroup empty.
    local before=$SECONDS
    as_user srun -n8 --container-image="$IMAGES/hello.sif" true
    while [[ -n $(squeue -h) ]]; do sleep 0.02; done
    [[ $((SECONDS - before)) -le 3 ]]
    nodes_are_clean 1
}

@test "a killed squashfs server fails the step, not the node" {
    as_user srun -n1 -J victim --container-image="$IMAGES/mpich.sif" sh -c 'touch ready; while [ ! -e killed ]; do :; done; find /usr -type f | head -2000 | xargs cat >/dev/null' >out 2>&1 &
    step=$!
    while [[ ! -e ready ]]; do sleep 0.05; done
    on_nodes pkill -KILL -u "$BERTH_USER" squashfuse || true
    as_user touch killed
    local status=0
    wait "$step" || status=$?
    cat out
    [[ $status != 0 ]]
    nodes_are_clean
    no_node_is_drained
}
