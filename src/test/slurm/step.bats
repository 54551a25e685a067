#!/usr/bin/env bats
# What a task of a step finds in its container.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

@test "every task of a step runs in the image, one container for all of a node" {
    run as_user srun -Q -N2 -n8 --ntasks-per-node=4 --container-image="$IMAGES/hello.sif" \
        sh -c 'echo $(hostname) $(id -u) $(readlink /proc/self/ns/user) $(readlink /proc/self/ns/mnt) $APPTAINER_NAME'
    echo "$output"
    [[ $status == 0 ]]
    [[ $(grep -c hello.sif <<<"$output") == 8 ]]
    [[ $(sort -u <<<"$output" | wc -l) == 2 ]]
    [[ $output == *"n1 $(id -u "$BERTH_USER") "* && $output == *"n2 "* ]]
}

@test "32 ranks of a node share one squashfs server" {
    run as_user srun -Q -N1 -n32 --overcommit --container-image="$IMAGES/hello.sif" \
        sh -c 'grep -c " / .* fuse.squashfuse" /proc/self/mountinfo; ps -o args | grep -v grep | grep -c "squashfuse_ll -f"'
    echo "$output"
    [[ $status == 0 ]]
    [[ $(grep -c '^1$' <<<"$output") -ge 32 ]]
    [[ ! $output =~ ^[2-9] ]]
}

@test "what belongs to a task stays that task's, the image's variables are everybody's" {
    run as_user srun -Q -N1 -n4 --mpi=pmi2 --container-image="$IMAGES/mpich.sif" sh -c 'echo "$PMI_RANK=$SLURM_PROCID=$SLURM_LOCALID $PATH"'
    echo "$output"
    [[ $status == 0 ]]
    for rank in 0 1 2 3; do
        [[ $output == *"$rank=$rank=$rank "* ]]
    done
    [[ $(lines_with /opt/mpi "$output") == 4 ]]
}

@test "the job's variables reach the tasks, --container-env keeps their values against the image's" {
    run as_user MINE=yes srun -Q -n1 --container-image="$IMAGES/mpich.sif" sh -c 'echo "$MINE"; echo "$PATH"'
    [[ $output == "yes"*/opt/mpi* ]]
    run as_user MINE=yes srun -Q -n1 --container-image="$IMAGES/mpich.sif" --container-env=PATH,MINE /bin/sh -c 'echo "$MINE $PATH"'
    [[ $output == "yes /usr/bin:/bin" ]]
}

@test "nothing of the plugin's own shows in a task's environment or descriptors" {
    run as_user BERTH_CONTAINER_WRITABLE=1 srun -Q -n1 --container-image="$IMAGES/hello.sif" sh -c 'env | grep -E "SLURM_BERTH|^BERTH_"; ls /proc/self/fd'
    echo "$output"
    plain=$(as_user srun -Q -n1 sh -c 'ls /proc/self/fd')
    [[ $output == "$plain" ]]
}

@test "ranks of a node read each other's memory and share /dev/shm" {
    run as_user srun -Q -N1 -n2 --container-image="$IMAGES/hello.sif" "$IMAGES/peer"
    echo "$output"
    [[ $status == 0 && $output == "from the neighbour's memory" ]]
}

@test "the working directory is the job's, or the one that --container-workdir names" {
    run as_user srun -Q -n1 -D "$place/work" --container-image="$IMAGES/hello.sif" pwd
    [[ $output == "$place/work" ]]
    run as_user srun -Q -n1 --container-workdir=/usr --container-image="$IMAGES/hello.sif" sh -c 'echo "$(pwd) $PWD"'
    [[ $output == "/usr /usr" ]]
}

@test "mounts: host paths, read-only ones, tmpfs, umount" {
    as_user mkdir "$place/work/data"
    as_user sh -c "echo kept >'$place/work/data/file'"
    run as_user srun -Q -n2 --container-image="$IMAGES/hello.sif" \
        --container-mounts="$place/work/data:/data:ro+rprivate,./data:/mnt,tmpfs:/fresh,umount:/tmp" \
        sh -c 'cat /data/file; echo x >/data/new || echo refused; touch /mnt/$SLURM_PROCID; touch /fresh/$SLURM_PROCID; ls -A /tmp'
    echo "$output"
    [[ $status == 0 ]]
    [[ $(lines_with '^kept$' "$output") == 2 && $(lines_with '^refused$' "$output") == 2 ]]
    [[ -e $place/work/data/0 && -e $place/work/data/1 && ! -e $place/work/data/new ]]
}

@test "--no-container-mount-home leaves the home directory out" {
    as_user touch "$place/home/mine"
    run as_user srun -Q -n1 --container-image="$IMAGES/hello.sif" --container-options="--home $place/home" ls "$place/home"
    [[ $output == mine ]]
    run as_user srun -Q -n1 -D / --no-container-mount-home --container-image="$IMAGES/hello.sif" sh -c "test -e ~$BERTH_USER && echo there"
    [[ $output != *there* ]]
}

@test "--container-writable lets the step's tasks write, in memory, together" {
    run as_user srun -Q -n1 --container-image="$IMAGES/hello.sif" touch /new
    [[ $status != 0 ]]
    run as_user srun -Q -n2 --container-writable --container-image="$IMAGES/hello.sif" sh -c 'echo $SLURM_PROCID >>/new; while [ $(wc -l </new) -lt 2 ]; do :; done; echo both'
    echo "$output"
    [[ $(lines_with both "$output") == 2 ]]
}

@test "--container-writable: the task writes where the image lets its owner, under its own id and as root" {
    local image=$place/work/image.sqsh option
    as_user mkdir -p "$place"/work/owned/{bin,opt,etc,proc,sys,dev,tmp,home,usr/lib}
    cp /bin/busybox "$place/work/owned/bin/busybox"
    ln -s busybox "$place/work/owned/bin/sh"
    echo old >"$place/work/owned/etc/file"
    mksquashfs "$place/work/owned" "$image" -all-root -quiet -no-progress >/dev/null
    for option in --no-container-remap-root --container-remap-root; do
        run as_user srun -Q -n2 --container-writable "$option" --container-image="$image" sh -c \
            'cd / && echo "i am $(busybox id -u)" && echo new >>/etc/file && busybox mkdir -p "/usr/lib/$SLURM_PROCID" && busybox touch /opt/x && echo written'
        echo "$output"
        [[ $status == 0 && $(lines_with written "$output") == 2 && -z $(lines_with denied "$output" | grep -v '^0$') ]]
        if [[ $option == --no-* ]]; then
            [[ $(lines_with "i am $(id -u "$BERTH_USER")" "$output") == 2 ]]
        else
            [[ $(lines_with 'i am 0' "$output") == 2 ]]
        fi
    done
}

@test "--container-writable has more room than 64 MiB; sizes are the caller's, within the site's" {
    run as_user srun -Q -n1 --container-writable --container-remap-root --container-image="$IMAGES/hello.sif" sh -c 'dd if=/dev/zero of=/x bs=1M count=100 && echo fits'
    echo "$output"
    [[ $status == 0 && $output == *fits* ]]
    run as_user srun -Q -n1 --container-writable --container-options=--tmpfs-size=20M --container-image="$IMAGES/hello.sif" sh -c 'dd if=/dev/zero of=/x bs=1M count=30'
    echo "$output"
    [[ $status != 0 && $output == *"No space left on device"* ]]
    run as_user srun -Q -n1 --container-mounts=tmpfs:/x:size=10M --container-image="$IMAGES/hello.sif" sh -c 'df -k /x | tail -n 1; dd if=/dev/zero of=/x/y bs=1M count=20'
    echo "$output"
    [[ $status != 0 && $output == *" 10240 "* && $output == *"No space left on device"* ]]
    run as_user srun -Q -n1 --container-mounts=tmpfs:/x:sise=10M --container-image="$IMAGES/hello.sif" true
    echo "$output"
    [[ $status != 0 && $output == *"tmpfs:/x:sise=10M"*"the flag sise=10M is not available; size=SIZE is"* ]]
}

@test "--container-entrypoint gives the tasks what the entrypoint exports" {
    as_user mkdir -p "$place/work/box/.singularity.d/env" "$place/work/box/bin"
    cp /bin/busybox "$place/work/box/bin/sh"
    printf '#!/bin/sh\necho starting\nexport BY_ENTRYPOINT=yes\nexec "$@"\n' >"$place/work/box/.singularity.d/runscript"
    chmod 755 "$place/work/box/.singularity.d/runscript"
    run as_user srun -Q -n2 --container-entrypoint --container-image="$place/work/box" sh -c 'echo "got $BY_ENTRYPOINT"'
    echo "$output"
    [[ $(lines_with 'got yes' "$output") == 2 && $(lines_with starting "$output") == 1 ]]
    run as_user srun -Q -n1 --container-image="$place/work/box" sh -c 'echo "got $BY_ENTRYPOINT"'
    [[ $status == 0 && $output != *"got yes"* ]]
}

@test "--container-unshare: namespaces that the node's tasks share among themselves only" {
    show='echo $(for kind in ipc net uts; do readlink /proc/self/ns/$kind; done)'
    host=$(as_user srun -Q -w n1 -n1 sh -c "$show")
    run as_user srun -Q -w n1 -n2 --container-unshare=ipc,net,uts --container-image="$IMAGES/hello.sif" sh -c "$show"
    echo "$output"
    read -r ipc net uts <<<"$host"
    [[ $status == 0 && ${lines[0]} == ipc*net*uts* && ${lines[0]} == "${lines[1]}" ]]
    [[ $output != *"$ipc"* && $output != *"$net"* && $output != *"$uts"* ]]
    run as_user srun -Q -w n1 -n1 --container-options='--ipc --hostname inside' --container-image="$IMAGES/hello.sif" sh -c "hostname; $show"
    echo "$output"
    [[ ${lines[0]} == inside && $output != *"$ipc"* && $output == *"$net"* && $output != *"$uts"* ]]
}

@test "--container-options takes any launch option, --container-explain runs nothing" {
    run as_user srun -Q -n1 --container-options="--env 'WITH=a blank' --cleanenv" --container-image="$IMAGES/hello.sif" sh -c 'echo "$WITH"'
    [[ $output == "a blank" ]]
    run as_user srun -Q -N2 -n4 --container-explain --container-image="$IMAGES/hello.sif" touch "$place/work/ran"
    echo "$output"
    [[ $status == 0 && ! -e $place/work/ran ]]
    for node in n1 n2; do
        [[ $(lines_with "berth: $node: image: hello.sif" "$output") == 1 ]]
        [[ $(lines_with "berth: $node:   /dev of the host, read-write: mount-dev" "$output") == 1 ]]
        [[ $(lines_with "berth: $node: gpus: not asked for" "$output") == 1 ]]
    done
    run as_user srun -Q -N2 -n4 --container-explain --container-options=--dry-run --container-image="$IMAGES/hello.sif" touch "$place/work/ran"
    [[ $status == 0 && ! -e $place/work/ran ]]
    [[ $(lines_with 'n1: pivot' "$output") == 1 && $(lines_with 'n2: pivot' "$output") == 1 ]]
}

@test "images: a SIF, a directory, a name after #, a docker:// reference, by variable" {
    as_user mkdir -p "$place/work/box/bin"
    cp /bin/busybox "$place/work/box/bin/sh"
    run as_user srun -Q -n1 --container-image=./box sh -c 'echo in $APPTAINER_NAME'
    [[ $output == *"in box"* ]]
    run as_user srun -Q -n1 --container-image="$REGISTRY#hello" sh -c 'echo in'
    [[ $output == *"in"* ]]
    run as_user srun -Q -n1 --container-image="docker://$REGISTRY/hello:latest" sh -c 'echo in'
    [[ $output == *"in"* ]]
    run as_user BERTH_CONTAINER_IMAGE="$IMAGES/hello.sif" srun -Q -Q -n1 sh -c 'echo in $APPTAINER_NAME'
    [[ $output == "in hello.sif" ]]
    run as_user PYXIS_CONTAINER_IMAGE="$IMAGES/hello.sif" PYXIS_CONTAINER_WRITABLE=true srun -Q -n1 sh -c 'touch /new && echo in $APPTAINER_NAME'
    [[ $output == "in hello.sif" ]]
}

@test "a task sees a signal of scancel while its files are still there" {
    as_user srun -Q -n1 -J signalled --container-image="$IMAGES/hello.sif" \
        sh -c 'trap "ls / >/dev/null && echo cleaned up; exit 0" TERM; touch ready; while :; do sleep 0.1; done' >out 2>&1 &
    appear ready
    as_user scancel --signal=TERM -n signalled
    wait $!
    cat out
    grep -q 'cleaned up' out
}
