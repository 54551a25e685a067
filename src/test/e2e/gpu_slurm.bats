#!/usr/bin/env bats
# shellcheck disable=SC2154 # the helper sets place
#
# The GPUs of real Slurm steps: what each rank sees and may open, where the device cgroup decides and where nothing does.

bats_require_minimum_version 1.5.0
load helper

CLUSTER=$BATS_TEST_DIRNAME/../testbed/cluster

setup_file() {
    command -v slurmd >/dev/null || skip "Slurm is not installed here"
    [[ -d /sys/fs/cgroup/devices ]] || skip "there is no cgroup v1 here, without which the testbed constrains no devices"
}

cluster() { # OPTION...: four GPUs on one node
    export CLUSTER_DIR=/tmp/berth-gpu-cluster
    "$CLUSTER" up --dir "$CLUSTER_DIR" -n 1 --gpus 4 "$@" 3>&- 4>&- || return
    eval "$("$CLUSTER" env --dir "$CLUSTER_DIR")"
}

teardown() {
    [[ -z ${CLUSTER_DIR:-} ]] || "$CLUSTER" down --dir "$CLUSTER_DIR" >&2
    cd /
    rm -rf "$place"
}

# Each rank of a step prints its number, the GPUs that are there, those that it may open, and its mask, in the order of ranks. ENXIO is how
# an open that was allowed ends without a driver.
# shellcheck disable=SC2016 # for the shell in the container
RANK='seen=; open=
for i in 0 1 2 3; do
    [ -e /dev/nvidia$i ] || continue
    seen=$seen$i
    why=$( (: </dev/nvidia$i) 2>&1 ) && open=$open$i || case $why in *"No such device or address"*) open=$open$i ;; esac
done
echo "rank $SLURM_PROCID: seen ${seen:-none}, open ${open:-none}, mask ${CUDA_VISIBLE_DEVICES-unset}"'

ranks() { # SRUN-OPTION... -- EXEC-OPTION...
    local -a options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    (cd / && runuser -u "$BERTH_USER" -- env SLURM_CONF="$SLURM_CONF" PATH=/usr/bin:/bin srun -D / "${options[@]}" \
        "$BERTH" exec "$@" "$IMAGE" sh -c "$RANK" </dev/null 3>&- 4>&- | sort)
}

# Somebody else has the first two.
take_two() {
    runuser -u "$BERTH_USER" -- env SLURM_CONF="$SLURM_CONF" sbatch -D / -o /dev/null --gres=gpu:2 --wrap "sleep 300" >/dev/null
    local i
    for ((i = 0; i < 100; i++)); do
        [[ $(SLURM_CONF=$SLURM_CONF squeue -h -t R | wc -l) == 1 ]] && return
        sleep 0.1
    done
    return 1
}

is() { # WHAT EXPECTED
    [[ $1 == "$2" ]] || { printf 'got:\n%s\nwanted:\n%s\n' "$1" "$2"; return 1; }
}

@test "with constrained devices every rank has what its cgroup allows" {
    cluster --constrain-devices
    is "$(ranks -n4 --gpus-per-task=1 -- --contain)" "rank 0: seen 0, open 0, mask 0
rank 1: seen 1, open 1, mask 0
rank 2: seen 2, open 2, mask 0
rank 3: seen 3, open 3, mask 0"
    is "$(ranks -n4 --gpus=4 --gpu-bind=map_gpu:3,2,1,0 -- --contain)" "rank 0: seen 3, open 3, mask 0
rank 1: seen 2, open 2, mask 0
rank 2: seen 1, open 1, mask 0
rank 3: seen 0, open 0, mask 0"
    # The host's own /dev shows all, and the cgroup decides.
    is "$(ranks -n2 --gpus-per-task=1 --)" "rank 0: seen 0123, open 0, mask 0
rank 1: seen 0123, open 1, mask 0"
    is "$(ranks -n2 --gpus-per-task=2 --gpu-bind=none -- --contain --nv)" "rank 0: seen 0123, open 0123, mask unset
rank 1: seen 0123, open 0123, mask unset"
    is "$(ranks -n1 -- --contain --nv 2>/dev/null)" "rank 0: seen none, open none, mask unset"
    take_two
    is "$(ranks -n1 --gres=gpu:2 -- --contain)" "rank 0: seen 23, open 23, mask 0,1"
    is "$(ranks -n1 --gres=gpu:2 -- --cleanenv --env SLURM_PROCID=0)" "rank 0: seen 0123, open 23, mask 0,1"
}

@test "without constraint Slurm's variables choose, and masks fit what is left" {
    cluster
    is "$(ranks -n2 --gpus-per-task=1 -- --contain)" "rank 0: seen 0, open 0, mask 0
rank 1: seen 1, open 1, mask 0"
    take_two
    is "$(ranks -n1 --gres=gpu:2 -- --contain)" "rank 0: seen 23, open 23, mask 0,1"
    is "$(ranks -n1 --gres=gpu:2 --)" "rank 0: seen 0123, open 0123, mask 2,3"
    is "$(ranks -n2 --gpus-per-task=1 -- --contain)" "rank 0: seen 2, open 2, mask 0
rank 1: seen 3, open 3, mask 0"
}
