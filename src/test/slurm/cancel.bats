#!/usr/bin/env bats
# A cancelled step leaves nothing; a step that ends costs no extra second.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

# Starts a step in a job whose name no job before had: an ended one is still listed for a moment.
victims=0
start() { # WORD OF SRUN..., with variables before them
    job=victim.$((++victims))
    LOUD=1 as_user "${variables[@]}" srun -J "$job" -N2 -n4 "$@" >out 2>&1 &
    step=$!
}
variables=()

# Seconds; the machine of the short run may be busy with other things.
patience=20
[[ -z ${BERTH_FUZZ:-} ]] || patience=5

is_listed() { [[ -n $(squeue -h -n "$job" -o %i) ]]; }

reached() { # CONDITION...: waits until the command succeeds, or the step has ended
    while ! "$@" >/dev/null 2>&1; do
        kill -0 "$step" || break
        sleep 0.02
    done
}

cancelled_when() { # CONDITION...
    reached "$@"
    as_user scancel -n "$job"
    wait "$step" || true
    nodes_are_clean "$patience"
    no_node_is_drained
}

@test "scancel while the program runs" {
    start --container-image="$IMAGES/hello.sif" sh -c 'touch "running.$SLURM_PROCID"; sleep 600'
    cancelled_when test -e running.0 -a -e running.3
}

@test "scancel at any moment of the start" {
    for delay in 0.05 0.1 0.15 0.2 0.25 0.3 0.4 0.5; do
        start --container-image="$IMAGES/hello.sif" sleep 600
        sleep "$delay"
        cancelled_when is_listed
    done
}

@test "scancel while the image is pulled" {
    variables=(BERTH_CACHEDIR="$place/home/cache")
    start --container-image="docker://$REGISTRY/mpich" sleep 600
    cancelled_when grep -q 'Fetching OCI image' out
    # Who waits for the image goes on at once.
    [[ -z $(find "$place/home/cache" -name '*.lease') ]]
    [[ -z $(find "$place/home/cache" -name '*.part') ]] || as_user BERTH_CACHEDIR="$place/home/cache" srun -n1 --container-image="docker://$REGISTRY/mpich" true
}

@test "scancel at random moments leaves nothing" {
    # The image is not in the cache for half of them; BERTH_SEED repeats a run.
    local times=10 i moment
    variables=(BERTH_CACHEDIR="$place/home/cache")
    [[ -z ${BERTH_FUZZ:-} ]] || times=200
    RANDOM=${BERTH_SEED:-1}
    for ((i = 1; i <= times; i++)); do
        ((i % 2)) || rm -rf "$place/home/cache"
        moment=$(printf '0.%03d' $((RANDOM % 1000)))
        start --container-image="docker://$REGISTRY/hello" sleep 600
        reached is_listed
        sleep "$moment"
        echo "cancel $i after $moment s"
        cancelled_when is_listed
        [[ -z $(on_nodes cat /proc/self/mounts | grep squashfuse) ]]
    done
    # What was killed in the midst of a download goes with the next one.
    as_user BERTH_CACHEDIR="$place/home/cache" srun -N2 -n2 --container-image="docker://$REGISTRY/hello" true
    [[ -z $(find "$place" -name '*.part' -o -name '*.lease') ]]
}

# Whatever else the machine does, one of some tries is quick; what slurmstepd sleeps when it finds a process, none escapes.
within_a_second() { # COMMAND...: prints how long something took
    local took tries=()
    for _ in {1..20}; do
        took=$("$@")
        tries+=("$took")
        awk -v took="$took" 'BEGIN { exit took >= 0.9 }' && return
    done
    echo "seconds: ${tries[*]}"
    return 1
}

from_task_to_srun() {
    as_user srun -n1 --container-image="$IMAGES/hello.sif" cat /proc/uptime >out
    paste -d' ' out /proc/uptime | awk '{ printf "%.2f", $3 - $1 }'
}

# The job is over when slurmstepd has found its cgroup empty.
from_srun_to_job() {
    local began
    as_user srun -n8 --container-image="$IMAGES/hello.sif" true
    read -r began _ </proc/uptime
    while [[ -n $(squeue -h) ]]; do sleep 0.02; done
    awk -v began="$began" '{ printf "%.2f", $1 - began }' /proc/uptime
}

@test "the end of a step costs no extra second" {
    within_a_second from_task_to_srun
    within_a_second from_srun_to_job
    nodes_are_clean
}
