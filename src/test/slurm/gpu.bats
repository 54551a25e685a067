#!/usr/bin/env bats
# The GPUs of a step in its container: what each rank sees and may open, masks, the driver's files, with and without constrained devices.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper
load ../e2e/driver

setup_file() {
    [[ -d /sys/fs/cgroup/devices ]] || skip "there is no cgroup v1 here, without which the testbed constrains no devices"
}

gpu_cluster() { # OPTION...: one node with four GPUs; the ordinary cluster's images are visible there
    export GPU_CLUSTER=$CLUSTER_DIR-gpu
    "$CLUSTER" up --dir "$GPU_CLUSTER" -n 1 --gpus 4 --spank "required $PLUGIN" "$@" 3>&- 4>&-
    SLURM_CONF=$GPU_CLUSTER/etc/slurm.conf
    place=$(mktemp -d "$GPU_CLUSTER/shared/test.XXXXXX")
    chmod 755 "$place"
    install -d -o "$BERTH_USER" "$place"/{home,work}
    cp "$IMAGES/hello.sif" "$place/hello.sif"
    export DRIVER=$place/driver
    make_driver
    cd "$place/work"
}

setup() { :; }

teardown() {
    cd /
    [[ -z ${GPU_CLUSTER:-} ]] || "$CLUSTER" down --dir "$GPU_CLUSTER" >&2
}

# ENXIO is how an open that was allowed ends without a driver.
RANK='seen=; open=
for i in 0 1 2 3; do
    [ -e /dev/nvidia$i ] || continue
    seen=$seen$i
    why=$( (: </dev/nvidia$i) 2>&1 ) && open=$open$i || case $why in *"No such device or address"*) open=$open$i ;; esac
done
echo "rank $SLURM_PROCID: seen ${seen:-none}, open ${open:-none}, mask ${CUDA_VISIBLE_DEVICES-unset}, cuda $(ls /.singularity.d/libs 2>/dev/null | grep -c libcuda)"'

ranks() { # SRUN-OPTION...
    as_user APPTAINER_CONFIG_FILE="$DRIVER/berth.yaml" srun "$@" --container-image="$place/hello.sif" sh -c "$RANK" | sort
}

is() { # GOT WANTED
    [[ $1 == "$2" ]] || { printf 'got:\n%s\nwanted:\n%s\n' "$1" "$2"; return 1; }
}

@test "with constrained devices every rank opens what its cgroup allows, in one container" {
    gpu_cluster --constrain-devices
    is "$(ranks -n4 --gpus-per-task=1)" "rank 0: seen 0123, open 0, mask 0, cuda 2
rank 1: seen 0123, open 1, mask 0, cuda 2
rank 2: seen 0123, open 2, mask 0, cuda 2
rank 3: seen 0123, open 3, mask 0, cuda 2"
    is "$(ranks -n4 --gpus=4 --gpu-bind=map_gpu:3,2,1,0)" "rank 0: seen 0123, open 3, mask 0, cuda 2
rank 1: seen 0123, open 2, mask 0, cuda 2
rank 2: seen 0123, open 1, mask 0, cuda 2
rank 3: seen 0123, open 0, mask 0, cuda 2"
    is "$(ranks -n2 --gpus-per-task=2 --gpu-bind=none)" "rank 0: seen 0123, open 0123, mask unset, cuda 2
rank 1: seen 0123, open 0123, mask unset, cuda 2"
    is "$(ranks -n1 --gres=gpu:2 --container-options=--contain)" "rank 0: seen 01, open 01, mask 0,1, cuda 2"
    # No GPU: nothing is opened, and no driver is shown.
    is "$(ranks -n1)" "rank 0: seen 0123, open none, mask unset, cuda 0"
    run as_user APPTAINER_CONFIG_FILE="$DRIVER/berth.yaml" srun -n2 --gpus-per-task=1 --container-explain --container-image="$place/hello.sif" true
    echo "$output"
    [[ $(lines_with 'berth: n1: gpus of NVIDIA: 4 here, the kernel.s driver is 999.88.77' "$output") == 1 ]]
    [[ $(lines_with '/dev/nvidia0 at PCI 0000:08:00.0 GPU-0000: visible; each task.s device cgroup decides' "$output") == 1 ]]
    [[ $(lines_with '/dev/nvidia3 .*forbidden to the first task' "$output") == 1 ]]
}

@test "without constraint Slurm's masks choose" {
    gpu_cluster
    is "$(ranks -n2 --gpus-per-task=1)" "rank 0: seen 0123, open 0123, mask 0, cuda 2
rank 1: seen 0123, open 0123, mask 1, cuda 2"
    is "$(ranks -n2 --gpus=2 --gpu-bind=map_gpu:1,0)" "rank 0: seen 0123, open 0123, mask 1, cuda 2
rank 1: seen 0123, open 0123, mask 0, cuda 2"
    is "$(ranks -n1 --gres=gpu:2 --container-options=--no-nv)" "rank 0: seen 0123, open 0123, mask 0,1, cuda 0"
}

# Each task makes a container of its own; there is no driver.
exec_ranks() { # SRUN-OPTION... -- EXEC-OPTION...
    local -a options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    as_user srun "${options[@]}" "$BERTH" exec "$@" "$place/hello.sif" sh -c "$RANK" 2>/dev/null | sed 's/, cuda 0$//' | sort
}

take_two() { # somebody else has the first two
    as_user sbatch -o /dev/null --gres=gpu:2 --wrap "sleep 300" >/dev/null
    poll two_are_taken
}
two_are_taken() { [[ $(squeue -h -t R | wc -l) == 1 ]]; }

@test "berth exec in each task, with constrained devices: every rank has what its cgroup allows" {
    gpu_cluster --constrain-devices
    is "$(exec_ranks -n4 --gpus-per-task=1 -- --contain)" "rank 0: seen 0, open 0, mask 0
rank 1: seen 1, open 1, mask 0
rank 2: seen 2, open 2, mask 0
rank 3: seen 3, open 3, mask 0"
    is "$(exec_ranks -n4 --gpus=4 --gpu-bind=map_gpu:3,2,1,0 -- --contain)" "rank 0: seen 3, open 3, mask 0
rank 1: seen 2, open 2, mask 0
rank 2: seen 1, open 1, mask 0
rank 3: seen 0, open 0, mask 0"
    # The host's own /dev shows all, and the cgroup decides.
    is "$(exec_ranks -n2 --gpus-per-task=1 --)" "rank 0: seen 0123, open 0, mask 0
rank 1: seen 0123, open 1, mask 0"
    is "$(exec_ranks -n2 --gpus-per-task=2 --gpu-bind=none -- --contain --nv)" "rank 0: seen 0123, open 0123, mask unset
rank 1: seen 0123, open 0123, mask unset"
    is "$(exec_ranks -n1 -- --contain --nv)" "rank 0: seen none, open none, mask unset"
    take_two
    is "$(exec_ranks -n1 --gres=gpu:2 -- --contain)" "rank 0: seen 23, open 23, mask 0,1"
    is "$(exec_ranks -n1 --gres=gpu:2 -- --cleanenv --env SLURM_PROCID=0)" "rank 0: seen 0123, open 23, mask 0,1"
}

@test "berth exec in each task, without constraint: Slurm's variables choose, and masks fit what is left" {
    gpu_cluster
    is "$(exec_ranks -n2 --gpus-per-task=1 -- --contain)" "rank 0: seen 0, open 0, mask 0
rank 1: seen 1, open 1, mask 0"
    take_two
    is "$(exec_ranks -n1 --gres=gpu:2 -- --contain)" "rank 0: seen 23, open 23, mask 0,1"
    is "$(exec_ranks -n1 --gres=gpu:2 --)" "rank 0: seen 0123, open 0123, mask 2,3"
    is "$(exec_ranks -n2 --gpus-per-task=1 -- --contain)" "rank 0: seen 2, open 2, mask 0
rank 1: seen 3, open 3, mask 0"
}

@test "the example with GPUs" {
    gpu_cluster --constrain-devices
    cp "$TREE/examples/slurm/gpu.sbatch" .
    chmod 644 gpu.sbatch
    run as_user APPTAINER_CONFIG_FILE="$DRIVER/berth.yaml" IMAGE="$place/hello.sif" sbatch -W -o "$place/work/out" gpu.sbatch
    cat out
    [[ $status == 0 && $(lines_with 'fake nvidia-smi' "$(cat out)") == 2 && $(lines_with 'has GPU 0' "$(cat out)") == 2 ]]
}
