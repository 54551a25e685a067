#!/usr/bin/env bats
# --container-save: the changed image of a step as a file.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

saved() { # FILE [srun options...]: a step that changes its image and is saved
    local file=$1
    shift
    run as_user srun -n1 "$@" --container-save="$file" sh -c 'echo changed >/etc/note && rm -r /usr/share/doc; mkdir -p /new/deep && ln /etc/note /new/deep/note'
    echo "$output"
    [[ $status == 0 && -s $file ]]
}

nothing_is_unfinished() { # DIRECTORY
    local left
    left=$(find "$1" -name '.berth*')
    [[ -z $left ]] || { echo "left: $left"; return 1; }
}

is_being_saved() { # DIRECTORY
    [[ -n $(find "$1" -name '.berth*') ]]
}

@test "a SIF has the change, and what the image says of itself" {
    saved x.sif --container-image="$IMAGES/mpich.sif"
    nothing_is_unfinished .
    run as_user srun -n1 --container-image=./x.sif sh -c 'cat /etc/note /new/deep/note; ls -d /usr/share/doc; stat -c "%u %h" /etc/note'
    echo "$output"
    [[ $output == *"changed"$'\n'"changed"* && $output == *"/usr/share/doc"*"No such file"* ]]
    [[ $(as_user "$BERTH" inspect --json x.sif) == "$(as_user "$BERTH" inspect --json "$IMAGES/mpich.sif")" ]]
    [[ $(as_user "$BERTH" sif list x.sif | grep -c FS) == 1 ]]
    # The mode follows the umask, as of any file.
    [[ $(stat -c %a x.sif) == 755 ]]
}

@test "a squashfs that others read" {
    saved x.sqsh --container-image="$IMAGES/mpich.sif"
    command -v unsquashfs >/dev/null || skip "unsquashfs is missing: install the package squashfs-tools"
    unsquashfs -ll x.sqsh >list
    grep -q 'root/root.* squashfs-root/new/deep/note' list
    run ! grep -q squashfs-root/usr/share/doc/ list
    [[ $(unsquashfs -cat x.sqsh etc/note) == changed ]]
    run --separate-stderr as_user srun -n1 --container-image=x.sqsh cat /new/deep/note
    [[ $output == changed ]]
    # Once more, on what was saved.
    run as_user srun -n1 --container-image=x.sqsh --container-save=y.sqsh sh -c 'rm /new/deep/note; echo again >>/etc/note'
    echo "$output"
    run --separate-stderr as_user srun -n1 --container-image=y.sqsh sh -c 'cat /etc/note; ls /new/deep'
    [[ $output == changed$'\n'again ]]
}

@test "a named container is saved with all that was written into it" {
    as_user srun -n1 -w n1 --container-image="$IMAGES/hello.sif" --container-name=kept-for-save sh -c 'echo first >/first'
    run as_user srun -n1 -w n1 --container-name=kept-for-save --container-save=x.sif sh -c 'echo second >/second'
    echo "$output"
    [[ $status == 0 ]]
    run --separate-stderr as_user srun -n1 -w n1 --container-image=x.sif cat /first /second
    [[ $output == first$'\n'second ]]
    on_nodes runuser -u "$BERTH_USER" -- "$BERTH" container remove --all >/dev/null
}

@test "all tasks of a node are waited for; the exit status is the program's" {
    run as_user srun -n3 --container-image="$IMAGES/hello.sif" --container-save=x.sif sh -c 'sleep 0.$SLURM_PROCID; echo $SLURM_PROCID >/task.$SLURM_PROCID; exit 3'
    echo "$output"
    [[ $status == 3 ]]
    run --separate-stderr as_user srun -n1 --container-image=x.sif sh -c 'cat /task.*'
    [[ $output == 0$'\n'1$'\n'2 ]]
    run as_user srun -n1 --container-image="$IMAGES/hello.sif" --container-save=y.sif sh -c 'kill -KILL $$'
    echo "$output"
    [[ $status == 137 && -s y.sif ]]
}

@test "signals reach the program" {
    as_user srun -n1 -J victim --container-image="$IMAGES/hello.sif" --container-save=x.sif \
        sh -c 'trap "echo got USR1; exit 5" USR1; touch ready; while :; do sleep 0.1; done' >out 2>&1 &
    step=$!
    appear ready
    as_user scancel -s USR1 -n victim
    local status=0
    wait "$step" || status=$?
    cat out
    [[ $status == 5 && $(lines_with 'got USR1' "$(cat out)") == 1 && -s x.sif ]]
}

@test "nodes do not write one file; with the node's name in it each has its own" {
    run as_user srun -N2 -n2 --container-image="$IMAGES/hello.sif" --container-save=x.sif touch ran
    echo "$output"
    [[ $status != 0 && ! -e ran && $output == *"2 nodes would write the same file"*"%N"* ]]
    run as_user srun -N2 -n2 --container-image="$IMAGES/hello.sif" --container-save=x-%N.sqsh sh -c 'echo $SLURMD_NODENAME >/where'
    echo "$output"
    [[ $status == 0 ]]
    for node in n1 n2; do
        run --separate-stderr as_user srun -n1 --container-image="x-$node.sqsh" cat /where
        [[ $output == "$node" ]]
    done
    no_node_is_drained
}

@test "in a batch script each node has its own file as well, and its own name in what it says" {
    cat >two.sbatch <<END
#!/bin/sh
srun -N2 -n2 --container-image="$IMAGES/hello.sif" --container-save=x-%N.sqsh touch /where
srun -N2 -n2 --container-image=/nosuch.sif true
END
    run as_user sbatch -W -N2 -o "$place/work/out" two.sbatch
    cat out
    [[ -s x-n1.sqsh && -s x-n2.sqsh ]]
    [[ $(cat out) == *"berth: n1: "*nosuch* && $(cat out) == *"berth: n2: "*nosuch* ]]
    no_node_is_drained
}

@test "what cannot be written is refused before the step runs" {
    install -d -m 555 closed
    for bad in closed/x.sif nosuch/x.sif x.tar /x.sif x-%j.sif; do
        run as_user srun -n1 --container-image="$IMAGES/hello.sif" --container-save="$bad" touch ran
        echo "$output"
        [[ $status != 0 && ! -e ran && $(lines_with 'berth: n[12]: ' "$output") == 1 ]]
    done
    run as_user srun -n1 --container-image="$IMAGES/hello.sif" --container-readonly --container-save=x.sif touch ran
    echo "$output"
    [[ $status != 0 && ! -e ran ]]
    no_node_is_drained
}

@test "a saving that fails makes the step fail, in one line" {
    install -d -o "$BERTH_USER" place
    run as_user srun -n1 --container-image="$IMAGES/hello.sif" --container-save=place/x.sif rmdir "$PWD/place"
    echo "$output"
    [[ $status != 0 && $(lines_with 'could not write' "$output") == 1 ]]
    no_node_is_drained
}

@test "scancel while a container is saved leaves no file" {
    install -d -o "$BERTH_USER" out
    as_user srun -n1 -J victim --container-image="$IMAGES/mpich.sif" --container-save=out/x.sif \
        sh -c 'head -c 400000000 /dev/urandom >/much' >log 2>&1 &
    step=$!
    poll is_being_saved out || { cat log; return 1; }
    as_user scancel -n victim
    wait "$step" || true
    cat log
    nodes_are_clean
    [[ -z $(ls -A out) ]]
    no_node_is_drained
}

@test "scancel of the program: nothing is saved" {
    as_user srun -n1 -J victim --container-image="$IMAGES/hello.sif" --container-save=x.sif sh -c 'touch ready; sleep 100' >log 2>&1 &
    step=$!
    appear ready
    as_user scancel -n victim
    wait "$step" || true
    nodes_are_clean
    [[ ! -e x.sif ]]
    nothing_is_unfinished .
    no_node_is_drained
}
