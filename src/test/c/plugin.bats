#!/usr/bin/env bats
# What the Slurm plugin reads that processes of the user's have written, and what it makes of environments.
# shellcheck disable=SC2154 # bats

load helpers

setup() {
    plugin=$BERTH_BUILD/test/plugin
    # Nothing is left behind either: these are functions of slurmstepd's.
    export ASAN_OPTIONS=detect_leaks=1
}

reads() { # WORD…: what is read of a message of these words, each closed by NUL
    printf '%s\0' "$@" | "$plugin" read
}

@test "a holder's message is read" {
    is_text "$(reads berth-held 1 1 4711 /work A=1 end)" "4711 /work A=1"
    is_text "$(reads berth-held 1 2 4711 4712 /work end)" "4711 4712 /work"
    is_text "$(reads berth-held 1 4 2 3 4 5 / A= B==x end)" "2 3 4 5 / A= B==x"
    # What is no variable is none of the tasks' either.
    is_text "$(reads berth-held 1 1 4711 / noise =x A=1 '' end end)" "4711 / A=1"
}

@test "a message of another version is told as that" {
    local words
    for words in 'berth-held 2 1 4711 / end' 'berth-help 1 1 4711 / end' 'berth-held 11 1 4711 / end' 'x end'; do
        # shellcheck disable=SC2086
        is_text "$(reads $words)" "is of another version than this plugin"
    done
}

@test "a message read past its end: counts, numbers and closing NULs are checked against all of it" {
    local nothing="says nothing that can be understood about the container" words
    for words in 'berth-held 1 end' 'berth-held 1 1 end' 'berth-held 1 4 5 end' 'berth-held 1 4 5 6 7 end' 'berth-held 1 4 5 6 7 8 end' \
        'berth-held 1 1 4711 end' 'berth-held 1 1 4711 /' 'berth-held 1 1 4711 /work A=1' 'berth-held 1 0 / end' 'berth-held 1 5 2 3 4 5 6 / end' \
        'berth-held 1 -1 4711 / end' 'berth-held 1 99999999999999999999 4711 / end' 'berth-held 1 1 0 / end' \
        'berth-held 1 1 -4711 / end' 'berth-held 1 1 4294967298 / end' 'berth-held 1 1 0x10 / end' 'berth-held 1 1 4711 work end' 'berth-held 1 1 +5 / end'; do
        # shellcheck disable=SC2086
        is_text "$(reads $words)" "$nothing"
    done
    is_text "$(reads berth-held 1 '' 4711 / end)" "$nothing"
    is_text "$(printf 'berth-held\0001\0001\0004711\000/\000end' | "$plugin" read)" "$nothing"
    is_text "$(printf '' | "$plugin" read)" "$nothing"
    is_text "$(printf '\0\0\0\0end\0' | "$plugin" read)" "is of another version than this plugin"
    head -c 100000 /dev/urandom >"$place/noise"
    is_text "$("$plugin" read <"$place/noise")" "$nothing"
}

@test "damaged messages are refused or read, and nothing beyond them" {
    local seed=${BERTH_SEED:-1} count=20000
    [ -z "${BERTH_FUZZ:-}" ] || count=2000000
    printf '%s\0' berth-held 1 2 4711 4712 /work A=1 B=2 C=three end >"$place/message"
    run "$plugin" fuzz "$count" "$seed" <"$place/message"
    echo "$output"
    is_text "$status" 0
    [[ $output == *" refused" && ${output% refused} -gt 1000 && ${output% refused} -lt $count ]]
}

@test "a container's environment comes over the job's, and nothing over what Slurm made for a task" {
    merge() { "$plugin" merge "$@"; }
    is_text "$(merge A=job B=job -- A=image C=image)" "-B +A=image +C=image "
    is_text "$(merge PMI_RANK=1 SLURM_PROCID=1 CUDA_VISIBLE_DEVICES=0 PMIX_RANK=1 -- PMI_RANK=0 SLURM_PROCID=0 CUDA_VISIBLE_DEVICES=7)" ""
    is_text "$(merge PMIX_MCA_gds=hash -- PMIX_MCA_gds=ds12)" "+PMIX_MCA_gds=ds12 "
    # What srun hands on is nobody's business, not even if the container has it too.
    is_text "$(merge SLURM_BERTH_0=x SLURM_BERTHX=y -- SLURM_BERTH_0=z)" "-SLURM_BERTH_0 "
    is_text "$(merge A=1 --)" "-A "
    is_text "$(merge -- A=1)" "+A=1 "
    # Of names that begin alike, of none, and of odd ones.
    is_text "$(merge AB=1 A=2 -- A=3)" "-AB +A=3 "
    is_text "$(merge noise -- A=1 noise)" "-noise +A=1 "
    local long
    long=$(printf 'S%.0s' {1..300})
    is_text "$(merge "SLURM_$long=1" -- "$long=2")" "+$long=2 "
}

@test "what all tasks of a node have says what step it is, and not which task" {
    is_text "$("$plugin" common A=1 SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_CPU_BIND_LIST=x SLURM_BERTH_3=x PMI_RANK=0 SLURM_STEP_GPUS=0)" \
        "A=1 SLURM_JOB_ID=7 SLURM_STEP_GPUS=0 "
    is_text "$("$plugin" common)" ""
}

# ---- options, with a test in Slurm's place

options() { # [NAME=VALUE…] local|allocator|remote|batch CALL… [-- WORD…]: what the options are then
    local -a variables=()
    while [[ $1 == *=* ]]; do
        variables+=("$1")
        shift
    done
    env -i ASAN_OPTIONS=detect_leaks=1 "${variables[@]}" "$BERTH_BUILD/test/plugin_options" "$@"
}

@test "an option counts more than its variable, Berth's variable more than pyxis', an opposite as much as itself" {
    is_text "$(options BERTH_CONTAINER_WORKDIR=/b PYXIS_CONTAINER_WORKDIR=/p local container-workdir=/o)" $'container-workdir=/o\nflags: --cwd=/o'
    is_text "$(options BERTH_CONTAINER_WORKDIR=/b PYXIS_CONTAINER_WORKDIR=/p local)" $'container-workdir=/b\nhanded on: 2=/b\nflags: --cwd=/b'
    is_text "$(options PYXIS_CONTAINER_WORKDIR=/p local)" $'container-workdir=/p\nhanded on: 2=/p\nflags: --cwd=/p'
    is_text "$(options BERTH_CONTAINER_MOUNT_HOME=0 local)" $'no-container-mount-home=1\nhanded on: 4=1\nflags: --no-home'
    is_text "$(options BERTH_CONTAINER_MOUNT_HOME=no local container-mount-home)" $'container-mount-home=1\nflags: --mount-home'
    is_text "$(options BERTH_CONTAINER_MOUNT_HOME=1 local no-container-mount-home)" $'no-container-mount-home=1\nflags: --no-home'
    is_text "$(options local container-writable container-readonly)" $'container-readonly=1\nflags: --read-only'
    is_text "$(options BERTH_CONTAINER_WORKDIR= local)" "flags:"
    is_text "$(options BERTH_CONTAINER_WRITABLE=maybe local)" "error: berth: BERTH_CONTAINER_WRITABLE=maybe is neither yes nor no"
}

@test "values of one source are one list, or have to be the same" {
    is_text "$(options local container-mounts=/a:/a container-mounts=/b:/b container-mounts=/a:/a)" \
        $'container-mounts=/a:/a,/b:/b\nhanded on: 1=/a:/a,/b:/b\nflags: --mounts=/a:/a,/b:/b'
    is_text "$(options local container-image=a container-image=a)" $'container-image=a\nflags:'
    is_text "$(options local container-image=a container-image=b)" "error: berth: --container-image is given twice: a and b"
    is_text "$(options local container-image=)" "error: berth: --container-image needs a value"
}

@test "srun's values replace those of sbatch and salloc, and a command line's those of a script" {
    local inherited=_SLURM_SPANK_OPTION_berth_container_mounts=/i:/i
    is_text "$(options $inherited local container-mounts=/i:/i)" $'container-mounts=/i:/i\nflags: --mounts=/i:/i'
    is_text "$(options $inherited local container-mounts=/i:/i container-mounts=/c:/c)" $'container-mounts=/c:/c\nflags: --mounts=/c:/c'
    is_text "$(options "SLURM_SPANK_$inherited" local container-mounts=/i:/i container-mounts=/c:/c)" $'container-mounts=/c:/c\nflags: --mounts=/c:/c'
    # Slurm hands on the last of a list; the whole was handed on by ourselves.
    is_text "$(options $inherited SLURM_BERTH_1=/h:/h,/i:/i local container-mounts=/i:/i)" \
        $'container-mounts=/h:/h,/i:/i\nhanded on: 1=/h:/h,/i:/i\nflags: --mounts=/h:/h,/i:/i'
    is_text "$(options allocator container-mounts=/s:/s container-mounts=/c:/c -- --container-mounts=/c:/c)" $'container-mounts=/c:/c\nflags: --mounts=/c:/c'
    is_text "$(options allocator container-mounts=/s:/s container-mounts=/c:/c -- --container-mou /c:/c)" $'container-mounts=/c:/c\nflags: --mounts=/c:/c'
    is_text "$(options allocator container-mounts=/s:/s container-mounts=/t:/t)" \
        $'container-mounts=/s:/s,/t:/t\nhanded on: 1=/s:/s,/t:/t\nflags: --mounts=/s:/s,/t:/t'
}

@test "nodes take what was handed on, a batch script the variables, and what another command handed on is forgotten" {
    is_text "$(options SLURM_BERTH_2=/w remote container-image=y)" $'container-image=y\ncontainer-workdir=/w\nhanded on: 2=/w\nflags: --cwd=/w'
    is_text "$(options BERTH_CONTAINER_WORKDIR=/w batch)" $'container-workdir=/w\nflags: --cwd=/w'
    is_text "$(options SLURM_BERTH_2=/w SLURM_BERTH_CALLED=x SLURM_BERTH_QUIET=1 local container-image=y)" $'container-image=y\nflags:'
}

@test "srun's -Q is one of srun's own words" {
    is_text "$(options local -- -N2 -Q command)" $'handed on: QUIET=1\nflags:'
    is_text "$(options local -- --quiet command)" $'handed on: QUIET=1\nflags:'
    is_text "$(options local -- -N2 command -Q)" "flags:"
}
