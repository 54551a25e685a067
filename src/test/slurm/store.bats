#!/usr/bin/env bats
# A shared store, and what plugstack.conf may say.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    install -d -m 1777 "$STORE"
}

# The plugin's arguments are read anew by each srun and slurmstepd.
with_arguments() {
    echo "required $PLUGIN $*" >"$CLUSTER_DIR/etc/plugstack.conf"
}

queue_has() { [[ $(squeue -h -r | wc -l) == "$1" ]]; } # JOBS

teardown_file() {
    echo "required $PLUGIN" >"$CLUSTER_DIR/etc/plugstack.conf"
}

@test "srun fills the store once, the nodes take the file" {
    with_arguments "store=$STORE"
    LOUD=1 run as_user srun -N2 -n2 --container-image="$REGISTRY#hello" sh -c 'echo in $APPTAINER_CONTAINER'
    echo "$output"
    [[ $status == 0 ]]
    [[ $(lines_with "in $STORE/$(id -u "$BERTH_USER")/cache/oci-tmp/" "$output") == 2 ]]
    [[ $(lines_with 'Creating SIF file' "$output") == 1 && $output != *"berth: n"* ]]
    LOUD=1 run as_user srun -N2 -n2 --container-image="$REGISTRY#hello" true
    # What all steps of a job find is no news.
    [[ $status == 0 && $output != *"Using cached"* && $output != *INFO* ]]
}

@test "srun -Q: nothing is said but what is wrong, in srun and on the nodes" {
    with_arguments "store=$place/work/store"
    mkdir store
    chmod 1777 store
    run as_user srun -Q -N2 -n2 --container-image="$REGISTRY#hello" true
    echo "$output"
    [[ $status == 0 && -z $output ]]
    with_arguments
    run as_user BERTH_CACHEDIR="$place/work/cache" srun --quiet -N2 -n2 --container-image="$REGISTRY#hello" true
    echo "$output"
    [[ $status == 0 && -z $output ]]
    # A word of the command's is none of srun's.
    LOUD=1 run as_user BERTH_CACHEDIR="$place/work/other" srun -n1 --container-image="$REGISTRY#hello" sh -c 'echo "$1"' - --quiet
    echo "$output"
    [[ $status == 0 && $output == *"Creating SIF file"* ]]
}

@test "an image of the store goes by the name that the user gave it" {
    with_arguments "store=$STORE"
    run as_user srun -N2 -n2 --container-image="$REGISTRY#hello" sh -c 'echo in $APPTAINER_NAME'
    echo "$output"
    [[ $status == 0 && $(lines_with "^in docker://$REGISTRY/hello\$" "$output") == 2 ]]
    run as_user srun -n1 --container-image="$REGISTRY#hello" --container-explain true
    echo "$output"
    [[ $status == 0 && $(lines_with "image: docker://$REGISTRY/hello\$" "$output") == 1 ]]
    # A container that is kept remembers it.
    as_user srun -w n1 -n1 --container-name=called --container-image="$REGISTRY#hello" true
    run as_user srun -w n1 -n1 --container-name=called sh -c 'echo again in $APPTAINER_NAME'
    as_user srun -w n1 -n1 "$BERTH" container remove called
    echo "$output"
    [[ $status == 0 && $output == "again in docker://$REGISTRY/hello" ]]
    # What another step was told is not this one's.
    run as_user SLURM_BERTH_CALLED=docker://other srun -n1 --container-image="$IMAGES/hello.sif" sh -c 'echo in $APPTAINER_NAME'
    echo "$output"
    [[ $status == 0 && $output == "in hello.sif" ]]
}

@test "the tasks of an array keep an image by one pin, until the last of them has ended" {
    local pins
    with_arguments "store=$STORE"
    printf '#!/bin/sh\nsrun --container-image=%s sh -c "touch at.\$SLURM_ARRAY_TASK_ID; until [ -e end.\$SLURM_ARRAY_TASK_ID ]; do sleep 0.1; done"\n' \
        "docker://$REGISTRY/hello" >job.sh
    as_user sbatch -N1 -n1 --array=1-3 -o out.%a job.sh
    appear at.1 at.2 at.3
    pins=$(find "$STORE/$(id -u "$BERTH_USER")/cache/pins" -name 'oci-tmp.*.job-*' -newer job.sh)
    echo "$pins"
    [[ $(wc -l <<<"$pins") == 1 ]]
    touch end.1 end.2
    poll queue_has 1
    as_user "$BERTH" cache gc --store "$STORE" --max-bytes 0
    [[ -e $pins ]]
    touch end.3
    poll queue_has 0
    run as_user "$BERTH" cache gc --store "$STORE" --max-bytes 0
    echo "$output"
    [[ $status == 0 && ! -e $pins ]]
}

@test "an image that is not there: one FATAL that says why, and no second line" {
    with_arguments "store=$STORE"
    run as_user srun -N2 -n2 --container-image="$REGISTRY#nosuch" true
    echo "$output"
    [[ $status != 0 && $(lines_with 'FATAL: .*nosuch' "$output") == 1 && $(lines_with 'error: berth: ' "$output") == 0 ]]
    [[ $output != *"to be had"* && $output != *spank* ]]
    printf '#!/bin/sh\nkill -9 $$\n' >killed
    chmod 755 killed
    with_arguments "berth=$PWD/killed"
    run as_user srun -n1 --container-image="$REGISTRY#hello" true
    echo "$output"
    [[ $status != 0 && $output == *"could not look up the image $REGISTRY#hello: $PWD/killed was ended by signal 9 (Killed)"* ]]
    printf '#!/bin/sh\n' >killed
    run as_user srun -n1 --container-image="$REGISTRY#hello" true
    echo "$output"
    [[ $status != 0 && $output == *"could not look up the image $REGISTRY#hello: $PWD/killed did not answer"* ]]
}

@test "a store that cannot be used is told of before anything is fetched" {
    local bad
    touch "$place/file"
    install -d -m 755 "$place/closed"
    for bad in "$place/file" "$place/closed" /proc/nosuch; do
        with_arguments "store=$bad"
        run as_user srun -n1 --container-image="$REGISTRY#hello" true
        echo "$output"
        # Said first, and with what stands in for it.
        [[ ${lines[0]} == *"the cache of store= is not used: "*" is used in its place" ]]
        run as_user srun -n1 --container-image="$IMAGES/hello.sif" true
        [[ $status == 0 ]]
    done
}

@test "jobs that start together make one image" {
    with_arguments "store=$STORE"
    printf '#!/bin/sh\nsrun --container-image=%s sh -c "echo in"\n' "docker://$REGISTRY/whiteouts" >job.sh
    for i in 1 2 3 4; do as_user sbatch -W -N1 -n1 -o "out.$i" job.sh & done
    wait
    cat out.*
    [[ $(cat out.* | grep -c '^in$') == 4 && $(cat out.* | grep -c 'Creating SIF file') == 1 ]]
}

@test "required=1: no step without an image" {
    with_arguments required=1
    run as_user srun -n1 true
    echo "$output"
    [[ $status == 1 && $output == *"--container-image is missing"* ]]
    run as_user srun -n1 --container-image="$IMAGES/hello.sif" true
    [[ $status == 0 ]]
}

@test "berth= names the program; one that is not there is one clear line" {
    with_arguments berth=/nosuch/berth
    run as_user srun -N2 -n4 --container-image="$IMAGES/hello.sif" true
    echo "$output"
    [[ $status != 0 && $(lines_with 'berth: n1: /nosuch/berth: No such file' "$output") == 1 ]]
    no_node_is_drained
}

@test "batch=script contains batch scripts, unless the job says otherwise" {
    with_arguments batch=script
    printf '#!/bin/sh\necho "in $APPTAINER_NAME"\n' >job.sh
    run as_user sbatch -W -N1 -o out --container-image="$IMAGES/hello.sif" job.sh
    [[ $status == 0 && $(cat out) == "in hello.sif" ]]
    run as_user sbatch -W -N1 -o out --container-batch=steps --container-image="$IMAGES/hello.sif" job.sh
    [[ $status == 0 && $(cat out) == "in " ]]
    run as_user sbatch -W -N1 -o out job.sh
    [[ $status == 0 && $(cat out) == "in " ]]
}

@test "an unknown argument is an error at srun" {
    with_arguments nosuch=1
    run as_user srun -n1 true
    echo "$output"
    [[ $status == 1 && $output == *"nosuch=1 is unknown"* ]]
}

@test "an optional plugin does not run on the host what was to run in a container" {
    echo "optional $PLUGIN" >"$CLUSTER_DIR/etc/plugstack.conf"
    run as_user srun -n2 --container-image=./nosuch.sif touch ran
    echo "$output"
    [[ $status != 0 && ! -e ran ]]
}
