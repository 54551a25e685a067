#!/usr/bin/env bats
# The scripts of examples/slurm as they are, and what pyxis documents, with another image's name.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

example() { # NAME [VARIABLE=value...]: its output is $place/out
    local name=$1
    shift
    cp "$TREE/examples/slurm/$name.sbatch" .
    chmod 644 "$name.sbatch"
    run as_user "$@" sbatch -W -o "$place/work/out" "$name.sbatch"
    echo "$name: $(cat out)"
    [[ $status == 0 ]]
}

@test "serial" {
    example serial IMAGE="$IMAGES/openmpi.sif"
    grep -q PRETTY_NAME out
}

@test "MPI" {
    srun --mpi=pmix -n1 true >/dev/null 2>&1 || skip "Slurm here cannot do --mpi=pmix"
    example mpi MPI=pmix IMAGE="$IMAGES/openmpi.sif"
    grep -q 'rank 7 of 8' out
}

@test "array" {
    cp "$TREE/examples/slurm/array.sbatch" .
    run as_user IMAGE="$IMAGES/hello.sif" sbatch -W -o "$place/work/out.%a" array.sbatch
    [[ $status == 0 && $(cat out.*) == $'element 1 of 4 in /work\nelement 2 of 4 in /work\nelement 3 of 4 in /work\nelement 4 of 4 in /work' ]]
}

@test "a container with a name" {
    example named BERTH="$BERTH" IMAGE="$IMAGES/hello.sif"
    grep -qx 'step 1 finds: written by step 0' out
    [[ -z $(on_nodes sh -c 'ls -A "/var/tmp/berth-$0" 2>/dev/null | grep example-' "$(id -u "$BERTH_USER")") ]]
}

@test "an image built in a job" {
    example build BERTH="$BERTH" SOURCE="docker://$REGISTRY/hello"
    [[ $(lines_with 'of 2 in app.sif' "$(cat out)") == 2 && -s app.sif ]]
}

@test "each script has its test" {
    for script in "$TREE"/examples/slurm/*.sbatch; do
        name=$(basename "$script" .sbatch)
        grep -qE "example $name( |\$)|/$name\.sbatch" "$TREE"/src/test/slurm/{examples,gpu}.bats || { echo "$script"; return 1; }
    done
}

@test "what pyxis documents: a command in an image, mounts, the working directory, the home directory" {
    host=$(as_user srun grep PRETTY /etc/os-release)
    run as_user srun --container-image="$REGISTRY#mpich" grep PRETTY /etc/os-release
    [[ $status == 0 && $output == *"Debian"* ]]
    run as_user srun --container-image="$REGISTRY#mpich" --container-mounts=/etc/os-release:/host/os-release grep PRETTY /host/os-release
    echo "$output"
    [[ $status == 0 && $(lines_with "^$host\$" "$output") == 1 ]]
    run as_user srun --container-image="$REGISTRY#hello" --container-mounts="$place/work:/mnt:ro+rprivate,tmpfs:/fresh" --container-workdir=/mnt sh -c 'pwd; touch x || echo ro; touch /fresh/x && echo rw'
    echo "$output"
    [[ $output == *"/mnt"*ro*rw* ]]
    run as_user srun --no-container-mount-home -D / --container-image="$REGISTRY#hello" sh -c 'echo home $HOME'
    [[ $status == 0 ]]
    run as_user srun --container-writable --no-container-remap-root --no-container-entrypoint --container-image="$REGISTRY#hello" sh -c 'touch /new && id -u'
    echo "$output"
    [[ $status == 0 && $(lines_with "^$(id -u "$BERTH_USER")\$" "$output") == 1 ]]
    run as_user srun --container-env=GREETING --container-image="$REGISTRY#hello" sh -c 'echo $GREETING'
    [[ $status == 0 ]]
}

@test "what pyxis documents: a container with a name, used by a later srun" {
    run as_user srun -w n1 --container-image="$REGISTRY#hello" --container-name=pyxis-example sh -c 'echo vim >/installed'
    echo "$output"
    [[ $status == 0 ]]
    run as_user srun -w n1 --container-name=pyxis-example sh -c 'cat /installed'
    echo "$output"
    on_node n1 runuser -u "$BERTH_USER" -- env HOME="$place/home" "$BERTH" container remove pyxis-example
    [[ $status == 0 && $(lines_with '^vim$' "$output") == 1 ]]
}

@test "what pyxis documents: options in a batch script, with a variable for the image, and salloc" {
    printf '#!/bin/sh\n#SBATCH --container-image=%s\\#hello\n#SBATCH --ntasks=2\nsrun sh -c "echo step in \\$APPTAINER_NAME"\n' "$REGISTRY" >job.sh
    run as_user sbatch -W -o out job.sh
    cat out
    [[ $status == 0 && $(lines_with 'step in ' "$(cat out)") == 2 ]]
    run as_user PYXIS_CONTAINER_IMAGE="$IMAGES/hello.sif" salloc -Q -N1 srun sh -c 'echo in $APPTAINER_NAME'
    [[ $output == *"in hello.sif"* ]]
}
