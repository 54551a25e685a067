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
}

# What Slurm keeps of an sbatch's option for the srun in it, which is told it first.
of_sbatch() { # OPTION VALUE
    inherited=("_SLURM_SPANK_OPTION_berth_${1//-/_}=$2" "#SBATCH --$1=$2")
}

@test "lists of one command line add up" {
    says '--mounts=/a,/b,/c SLURM_BERTH_1=/a,/b,/c steps' srun --container-mounts=/a --container-mounts=/b,/c
    says '--mounts=/a,/b SLURM_BERTH_1=/a,/b steps' srun --container-mounts=/a --container-mounts=/b --container-mounts=/a
    says '--keep-env=A,B SLURM_BERTH_7=A,B steps' srun --container-env=A --container-env=B
    says '--unshare=ipc,net SLURM_BERTH_17=ipc,net steps' srun --container-unshare=ipc --container-unshare=net
    says '--options=--nv --bind /x SLURM_BERTH_10=--nv --bind /x steps' srun --container-options=--nv "--container-options=--bind /x"
    says '--mounts=/a,/b SLURM_BERTH_1=/a,/b steps' sbatch --container-mounts=/a --container-mounts=/b
    says '--mounts=/ab,/a SLURM_BERTH_1=/ab,/a steps' srun --container-mounts=/ab --container-mounts=/a
}

@test "a second, different value of what has one is refused" {
    says 'berth: --container-image is given twice: a.sif and b.sif' srun --container-image=a.sif --container-image=b.sif
    says 'berth: --container-name is given twice: a and b' sbatch --container-name=a --container-name=b
    says 'berth: --container-workdir is given twice: /a and /b' srun --container-workdir=/a --container-workdir=/b
    says '--cwd=/a steps' srun --container-workdir=/a --container-workdir=/a
}

@test "what srun says counts before what it has inherited, and what sbatch says before its script" {
    local inherited
    of_sbatch container-mounts /a
    says '--mounts=/a steps' srun "${inherited[@]}"
    says '--mounts=/b steps' srun "${inherited[@]}" --container-mounts=/b
    says '--mounts=/b,/c SLURM_BERTH_1=/b,/c steps' srun "${inherited[@]}" --container-mounts=/b --container-mounts=/c
    says '--mounts=/a steps' srun "${inherited[@]}" --container-mounts=/a
    says '--mounts=/a,/b SLURM_BERTH_1=/a,/b steps' srun "${inherited[@]}" --container-mounts=/a --container-mounts=/b
    says '--mounts=/b steps' srun "SLURM_SPANK_${inherited[0]}" "${inherited[1]}" --container-mounts=/b
    says '--name=a steps' sbatch --container-name=a '#SBATCH --container-name=b'
    of_sbatch container-workdir /a
    says '--cwd=/b steps' srun "${inherited[@]}" --container-workdir=/b
    # The last of several is what Slurm keeps; the plugin hands on all.
    of_sbatch container-mounts /b
    says '--mounts=/a,/b SLURM_BERTH_1=/a,/b steps' srun SLURM_BERTH_1=/a,/b "${inherited[@]}"
    says '--mounts=/c steps' srun SLURM_BERTH_1=/a,/b "${inherited[@]}" --container-mounts=/c
    says '--mounts=/b steps' srun SLURM_BERTH_1=/x,/y "${inherited[@]}"
    says '--mounts=/a,/b SLURM_BERTH_1=/a,/b steps' step SLURM_BERTH_1=/a,/b
    says '--mounts=/a,/b SLURM_BERTH_1=/a,/b steps' sbatch '#SBATCH --container-mounts=/a' '#SBATCH --container-mounts=/b'
    says '--mounts=/c steps' sbatch '#SBATCH --container-mounts=/a' '#SBATCH --container-mounts=/b' --container-mounts=/c
    says 'berth: --container-name is given twice: a and b' sbatch '#SBATCH --container-name=a' '#SBATCH --container-name=b'
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
