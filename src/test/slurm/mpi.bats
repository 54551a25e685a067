#!/usr/bin/env bats
# MPI of the image, started by Slurm.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

needs_mpi() {
    srun --mpi="$1" -n1 true >/dev/null 2>&1 || skip "Slurm here cannot do --mpi=$1"
}

ranks() { # TYPE IMAGE [OPTION...]
    local type=$1 image=$2
    shift 2
    needs_mpi "$type"
    local limit=120
    [[ $image != mpich ]] || limit=30
    run as_user timeout "$limit" srun -N2 -n8 --ntasks-per-node=4 --mpi="$type" --container-image="$IMAGES/$image.sif" "$@" hello_mpi
    echo "$output"
    # MPICH 4.0 with UCX: now and then one rank spins in MPI_Finalize while the others are in PMI's barrier, on the host
    # as in a container (2 and 3 of 12 runs). The ranks have met by then.
    [[ $status == 0 || $image == mpich && $status == 124 ]]
    for rank in {0..7}; do
        [[ $output == *"rank $rank of 8 on n$((rank / 4 + 1)) "* ]]
    done
}

@test "MPICH by PMI-2: 8 ranks on 2 nodes" { ranks pmi2 mpich; }
@test "Open MPI by PMIx: 8 ranks on 2 nodes" { ranks pmix openmpi; }
@test "Open MPI by PMIx in a container with a /tmp of its own" { ranks pmix openmpi --container-options=--contain; }

@test "messages go between nodes and inside one" {
    needs_mpi pmix
    # More ranks that spin would share the two cores of a test machine, and take minutes.
    run as_user srun -N2 -n2 --mpi=pmix --container-image="$IMAGES/openmpi.sif" mpibench 4096 0.05
    echo "$output"
    [[ $status == 0 && $output == *"# 2 ranks"* && $output == *"barrier"* ]]
    needs_mpi pmi2
    run as_user srun -N1 -n2 --mpi=pmi2 --container-image="$IMAGES/mpich.sif" mpibench 4096 0.05
    echo "$output"
    [[ $status == 0 && $output == *"# 2 ranks"* && $output == *"barrier"* ]]
}

@test "ranks that would start alone: one warning for the step, none for other images" {
    for image in openmpi:pmix mpich:pmi2; do
        run as_user srun -N2 -n4 --mpi=none --container-image="$IMAGES/${image%:*}.sif" true
        echo "$output"
        [[ $status == 0 && $(lines_with "berth: n1: WARNING: .*--mpi=${image#*:}\$" "$output") == 1 && $(lines_with 'berth:' "$output") == 1 ]]
    done
    run as_user srun -N2 -n4 --mpi=none --container-image="$IMAGES/hello.sif" true
    echo "$output"
    [[ $status == 0 && -z $output ]]
    as_user mkdir -p box/bin
    cp /bin/busybox box/bin/sh
    run as_user srun -N2 -n4 --mpi=none --container-image=./box sh -c true
    echo "$output"
    [[ $status == 0 && $output != *MPI* ]]
    run as_user srun -n1 --mpi=none --container-image="$IMAGES/mpich.sif" true
    echo "$output"
    [[ $status == 0 && -z $output ]]
    run as_user srun -n2 --mpi=pmi2 --container-image="$IMAGES/mpich.sif" true
    [[ $status == 0 && $output != *WARNING* ]]
}

@test "srun --mpi=pmix with a PMI-2 image, and the reverse: one warning that names the right one" {
    for pair in pmix:mpich:pmi2 pmi2:openmpi:pmix; do
        IFS=: read -r offered image right <<<"$pair"
        needs_mpi "$offered"
        run as_user srun -N2 -n4 --mpi="$offered" --container-image="$IMAGES/$image.sif" true
        echo "$output"
        [[ $status == 0 && $(lines_with "berth: n1: WARNING: .*(--mpi=$offered), .* srun --mpi=$right\$" "$output") == 1 && $(lines_with 'berth:' "$output") == 1 ]]
        run as_user srun -n2 --mpi="$right" --container-image="$IMAGES/$image.sif" true
        echo "$output"
        [[ $status == 0 && $output != *WARNING* ]]
    done
}

@test "ranks in a named container that would start alone are told of, too" {
    run as_user srun -w n1 -N1 -n2 --mpi=none --container-image="$IMAGES/mpich.sif" --container-name=ranks true
    echo "$output"
    [[ $status == 0 && $(lines_with 'WARNING: MPI ranks .*--mpi=pmi2$' "$output") == 1 ]]
    run as_user srun -w n1 -N1 -n2 --mpi=none --container-name=ranks true
    echo "$output"
    [[ $status == 0 && $(lines_with 'WARNING: MPI ranks .*--mpi=pmi2$' "$output") == 1 ]]
}
