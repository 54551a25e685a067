#!/usr/bin/env bats
# The ways in which steps are started.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

@test "sbatch: the steps are in the container, the batch script is not" {
    cat >job.sh <<END
#!/bin/sh
echo "script \$APPTAINER_NAME"
srun sh -c 'echo step \$APPTAINER_NAME'
END
    run as_user sbatch -W -N2 -n2 -o out --container-image="$IMAGES/hello.sif" job.sh
    cat out
    [[ $status == 0 ]]
    [[ $(cat out) == "script "*$'\n'"step hello.sif"*"step hello.sif" ]]
    grep -qx 'script ' out
}

@test "sbatch: a failing container fails the job and drains nothing" {
    printf '#!/bin/sh\nsrun --container-image=./nosuch.sif true\n' >job.sh
    run as_user sbatch -W -N1 -o out job.sh
    cat out
    [[ $status == 1 ]]
    [[ $(lines_with 'no such file or directory' "$(cat out)") == 1 ]]
    no_node_is_drained
}

@test "salloc: srun inside runs in its image" {
    run as_user salloc -Q -N1 --container-image="$IMAGES/hello.sif" srun sh -c 'echo in $APPTAINER_NAME'
    echo "$output"
    [[ $output == *"in hello.sif"* ]]
}

@test "--multi-prog, --bcast, --overlap, --export=NONE, job arrays" {
    printf '#!/bin/sh\necho "$1 $APPTAINER_NAME"\n' >say
    chmod 755 say
    printf '0 ./say zero\n1-2 ./say other\n' >programs
    run as_user srun -n3 --container-image="$IMAGES/hello.sif" --multi-prog programs
    echo "$output"
    [[ $(lines_with 'zero hello.sif' "$output") == 1 && $(lines_with 'other hello.sif' "$output") == 2 ]]
    run as_user srun -n2 --bcast=/tmp/berth-peer --container-image="$IMAGES/hello.sif" "$IMAGES/peer"
    echo "$output"
    [[ $output == *"from the neighbour's memory"* ]]
    run as_user srun -n1 --export=NONE --container-image="$IMAGES/hello.sif" sh -c 'echo in $APPTAINER_NAME'
    [[ $output == "in hello.sif" ]]
    run as_user BERTH_CONTAINER_IMAGE="$IMAGES/hello.sif" srun -n1 --export=NONE sh -c 'echo in $APPTAINER_NAME'
    [[ $output == "in hello.sif" ]]
    printf '#!/bin/sh\nsrun --overlap --container-image=%s sh -c "echo in \\$SLURM_ARRAY_TASK_ID"\n' "$IMAGES/hello.sif" >job.sh
    run as_user sbatch -W --array=1-3 -N1 -o 'out.%a' job.sh
    [[ $(cat out.1 out.2 out.3) == $'in 1\nin 2\nin 3' ]]
}

@test "steps without an image are on the host" {
    run as_user srun -n1 sh -c 'echo host $APPTAINER_NAME $(readlink /proc/self/ns/user)'
    [[ $output == "host $(readlink /proc/self/ns/user)" ]]
}

@test "the examples run" {
    srun --mpi=pmix -n1 true >/dev/null 2>&1 || skip "Slurm here cannot do --mpi=pmix"
    cp "$TREE"/examples/slurm/*.sbatch .
    chmod 644 ./*.sbatch
    for script in *.sbatch; do
        run as_user MPI=pmix IMAGE="$IMAGES/openmpi.sif" sbatch -W -o "$script.out" "$script"
        echo "$script: $(cat "$script.out" 2>/dev/null)"
        [[ $status == 0 ]]
    done
    grep -q 'rank 7 of 8' mpi.sbatch.out
}
