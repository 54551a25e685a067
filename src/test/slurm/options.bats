#!/usr/bin/env bats
# Which of several ways to say an option counts.
# shellcheck disable=SC2154 # variables of the helper

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
        -I"$TREE/src/main/c" -isystem "${SLURM_INCLUDE:-/usr/include}" -o "$BATS_FILE_TMPDIR/options" "$TREE/src/test/slurm/options.c" \
        "$TREE"/slurm-plugin/{options,words}.c "$TREE/src/main/c/common/descriptors.c"
}

options() { ASAN_OPTIONS=detect_leaks=0 "$BATS_FILE_TMPDIR/options" "$@"; }

says() { # WANTED PLACE WORD...
    local wanted=$1
    shift
    run options "$@"
    printf '%.200s:\n got    %.200s\n wanted %.200s\n' "$*" "$output" "$wanted"
    [[ $output == "$wanted" ]]
}

@test "an option counts before a variable, Berth's variable before pyxis'" {
    says '--mounts=/a steps' srun --container-mounts=/a BERTH_CONTAINER_MOUNTS=/b PYXIS_CONTAINER_MOUNTS=/c
    says '--mounts=/b SLURM_BERTH_1=/b steps' srun BERTH_CONTAINER_MOUNTS=/b PYXIS_CONTAINER_MOUNTS=/c
    says '--mounts=/c SLURM_BERTH_1=/c steps' srun BERTH_CONTAINER_MOUNTS= PYXIS_CONTAINER_MOUNTS=/c
    # The last of several counts: srun's after sbatch's.
    says '--mounts=/b steps' srun --container-mounts=/a --container-mounts=/b
}

@test "an option and its opposite: the last one, and before any variable" {
    says '--no-home steps' srun --container-mount-home --no-container-mount-home
    says '--mount-home steps' srun --no-container-mount-home --container-mount-home
    says '--no-home steps' srun --no-container-mount-home BERTH_CONTAINER_MOUNT_HOME=1
    says '--no-home SLURM_BERTH_4=1 steps' srun BERTH_CONTAINER_MOUNT_HOME=no
    says '--mount-home SLURM_BERTH_3=1 steps' srun PYXIS_CONTAINER_MOUNT_HOME=yes
    says '--read-only steps' srun --container-writable --container-readonly BERTH_CONTAINER_WRITABLE=1
    says 'steps' srun BERTH_CONTAINER_EXPLAIN=0
}

@test "what srun hands on counts on the node, and a user's own in its place does not count" {
    says '--mounts=/a SLURM_BERTH_1=/a steps' step SLURM_BERTH_1=/a
    says 'steps' srun SLURM_BERTH_1=/a
    says '--mounts=/b SLURM_BERTH_1=/b steps' srun SLURM_BERTH_1=/a BERTH_CONTAINER_MOUNTS=/b
    # A slurmstepd takes no variable of the job's but those.
    says 'steps' step BERTH_CONTAINER_MOUNTS=/b
    says '--mounts=/b steps' batch BERTH_CONTAINER_MOUNTS=/b
}

@test "values that are wrong are one line" {
    says 'berth: --container-mounts needs a value' srun --container-mounts=
    says 'berth: --container-batch=both is neither steps nor script' srun --container-batch=both
    says 'berth: BERTH_CONTAINER_WRITABLE=maybe is neither yes nor no' srun BERTH_CONTAINER_WRITABLE=maybe
    says 'berth: --container-batch=x is neither steps nor script' batch BERTH_CONTAINER_BATCH=x
    says 'script' batch BERTH_CONTAINER_BATCH=script
    local long
    long=$(printf 'x%.0s' {1..100000})
    says "--mounts=$long steps" srun --container-mounts="$long"
    says "--mounts=%s%n steps" srun --container-mounts=%s%n
}
