#!/usr/bin/env bats
# Containers that are kept under a name, and being root in one.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

teardown() {
    cd /
    local node
    for node in n1 n2; do
        on "$node" "$BERTH" container remove --all >/dev/null 2>&1 || true
    done
    echo "required $PLUGIN" >"$CLUSTER_DIR/etc/plugstack.conf"
    rm -rf "$place"
}

on() { # NODE COMMAND...: as the user
    local node=$1
    shift
    "$CLUSTER" exec "$node" runuser -u "$BERTH_USER" -- env -i PATH=/usr/bin:/bin HOME="$place/home" "$@" </dev/null 3>&- 4>&-
}

step() { # NAME WORD...: a step of a job of its own on n1
    local name=$1
    shift
    as_user srun -Q -w n1 --container-name="$name" "$@"
}

# Until a command succeeds; generous, since machines are slow at times.
until_done() {
    local end=$((SECONDS + 60))
    until "$@"; do
        [[ $SECONDS -lt $end ]] || { echo "in vain: $*"; return 1; }
        sleep 0.05
    done
}

layers() { # NODE: what is kept there
    on "$1" sh -c "ls -A /var/tmp/berth-$(id -u "$BERTH_USER") 2>/dev/null" || true
}

@test "a name is made from an image once; later steps and jobs find what was written, on each node its own" {
    run as_user srun -Q -N2 -n4 --ntasks-per-node=2 --container-name=kept --container-image="$IMAGES/hello.sif" \
        sh -c 'echo "$SLURMD_NODENAME" >"/by.$SLURM_PROCID"'
    echo "$output"
    [[ $status == 0 ]]
    run as_user srun -Q -N2 -n2 --container-name=kept sh -c 'echo "$SLURMD_NODENAME: $(cat /by.* | sort -u) $(ls /by.* | wc -l) $APPTAINER_NAME $(id -u)"'
    echo "$output"
    for node in n1 n2; do
        [[ $output == *"$node: $node 2 hello.sif $(id -u "$BERTH_USER")"* ]]
    done
    printf '#!/bin/sh\nsrun --container-name=kept --container-image=%s/hello.sif sh -c "touch /in-job"\nsrun --container-name=kept ls /\n' "$IMAGES" >job.sh
    as_user sbatch -W -w n1 -o out job.sh
    cat out
    grep -q in-job out && grep -q 'by\.' out
    nodes_are_clean
    [[ -z $(on_nodes sh -c 'grep -E "overlay|squashfuse" /proc/1/mountinfo | grep -v " / / "' | grep berth || true) ]]
}

@test "files of the image are changed, renamed, removed, given to oneself, as a package manager does it" {
    run step edit -n1 --container-image="$IMAGES/hello.sif" sh -ec '
        mkdir -p /usr/share/new && echo first >/usr/share/new/file
        for directory in /bin /etc; do
            [ -d "$directory" ] || continue
            for file in "$directory"/*; do
                [ -f "$file" ] && [ ! -L "$file" ] && [ "$(stat -c %u "$file")" = "$(id -u)" ] || continue
                cp -p "$file" /copy && mv /copy "$file.new" && chown "$(id -u):$(id -g)" "$file.new"
                mv "$file.new" "$file" && echo "replaced $file"
            done
        done
        mv /usr/share/new /usr/share/newer; rm -r /usr/share/newer; mkdir /usr/share/new; ls -A /usr/share/new; echo done'
    echo "$output"
    [[ $status == 0 && $output == *"replaced "*done ]]
    run step edit -n1 sh -c 'ls -Ad /usr/share/new*'
    [[ $output == /usr/share/new ]]
    [[ -z $(on n1 sh -c "find /var/tmp/berth-$(id -u "$BERTH_USER") ! -user $(id -u "$BERTH_USER")") ]]
}

@test "create wants none, exec one that runs, and another image is refused" {
    run step mine:create -n1 --container-image="$IMAGES/hello.sif" touch /here
    echo "$output"
    [[ $status == 0 ]]
    run step mine:create -n1 --container-image="$IMAGES/hello.sif" true
    echo "$output"
    [[ $status != 0 && $output == *"berth: n1: container mine exists on this node"* && $(lines_with 'berth: ' "$output") == 1 ]]
    run step mine:exec -n1 true
    [[ $status != 0 && $output == *"berth: n1: container mine does not run on this node"* ]]
    run step mine -n1 --container-image="$IMAGES/mpich.sif" true
    [[ $status != 0 && $output == *"berth: n1: container mine was made from $IMAGES/hello.sif, not from $IMAGES/mpich.sif"* ]]
    run step other -n1 true
    [[ $status != 0 && $output == *"berth: n1: container other does not exist on this node"*"--container-image says what it is made from"* ]]
    run step mine:no_exec -n1 ls /here
    [[ $status == 0 && $output == /here ]]
    run step ../mine -n1 --container-image="$IMAGES/hello.sif" true
    [[ $status != 0 && $output == *"'../mine' is no name for a container"* ]]
    run step mine:often -n1 true
    [[ $status != 0 && $output == *"'often' is unknown"* ]]
    no_node_is_drained
}

@test "a second step joins the one that runs, and is safe when the first has ended" {
    step shared -n1 --container-image="$IMAGES/hello.sif" \
        sh -c 'readlink /proc/self/ns/mnt >ns1; touch /first ready; while [ ! -e stop1 ]; do sleep 0.05; done' >out1 2>&1 &
    local first=$! second
    until_done test -e ready
    run step shared:no_exec -n1 true
    echo "$output"
    [[ $status != 0 && $output == *"container shared is in use on this node"* ]]
    step shared:exec -n2 sh -c 'readlink /proc/self/ns/mnt >ns2.$SLURM_PROCID; ls /first && touch joined.$SLURM_PROCID
        while [ ! -e stop2 ]; do sleep 0.05; done
        cat /bin/* >/dev/null && touch /second && echo "files are there"' >out2 2>&1 &
    second=$!
    until_done test -e joined.0 -a -e joined.1
    [[ $(cat ns1) == "$(cat ns2.0)" && $(cat ns1) == "$(cat ns2.1)" ]]
    run on n1 "$BERTH" container list
    echo "$output"
    [[ $output == *"shared "*" running "*"$IMAGES/hello.sif" ]]
    run on n1 "$BERTH" container remove shared
    [[ $status != 0 && $output == *"container shared is in use"* ]]
    touch stop1
    sleep 1
    # Another may not start it, nor remove it, although the program of the first step is gone.
    run step shared:no_exec -n1 true
    [[ $status != 0 && $output == *"container shared is in use on this node"* ]]
    touch stop2
    wait "$second"
    wait "$first"
    cat out1 out2
    [[ $(grep -c 'files are there' out2) == 2 ]]
    nodes_are_clean
    run step shared:no_exec -n1 ls /first /second
    [[ $status == 0 ]]
}

@test "steps that start a container at the same time are in one" {
    printf '#!/bin/sh\nfor i in 1 2 3; do srun -n1 --overlap --container-name=race --container-image=%s/hello.sif sh -c "
        touch /in.$i; n=0; while [ \\$(ls -d /in.* | wc -l) -lt 3 ] && [ \\$n -lt 600 ]; do sleep 0.1; n=\\$((n+1)); done; ls -d /in.* | xargs" & done; wait\n' \
        "$IMAGES" >job.sh
    as_user sbatch -W -w n1 -n3 -o out job.sh
    cat out
    [[ $(grep -c '^/in.1 /in.2 /in.3$' out) == 3 ]]
    nodes_are_clean
}

@test "a cancelled step leaves its container free, and what was written" {
    step gone -n1 -J victim --container-image="$IMAGES/hello.sif" sh -c 'touch /written ready; sleep 1000' >out 2>&1 &
    local first=$!
    until_done test -e ready
    as_user scancel -n victim
    wait "$first" || true
    nodes_are_clean 30
    run step gone:no_exec -n1 ls /written
    echo "$output"
    [[ $status == 0 ]]
    no_node_is_drained
}

@test "with scope=job a name is the job's, and all of it is gone with the job" {
    echo "required $PLUGIN scope=job" >"$CLUSTER_DIR/etc/plugstack.conf"
    printf '#!/bin/sh\nsrun --container-name=own --container-image=%s/hello.sif touch /new\nsrun --container-name=own ls / && touch seen\nls /var/tmp/berth-*\n' \
        "$IMAGES" >job.sh
    as_user sbatch -W -w n1 -o out job.sh
    cat out
    [[ -e seen ]]
    grep -q new out
    grep -q '^job-[0-9]*$' out
    none_left() { [[ -z $(layers n1) ]]; }
    until_done none_left
    run step own -n1 true
    [[ $status != 0 && $output == *"container own does not exist"* ]]
    no_node_is_drained
}

@test "what a job left whose end nobody saw goes with the next step" {
    echo "required $PLUGIN scope=job" >"$CLUSTER_DIR/etc/plugstack.conf"
    local mine
    mine=/var/tmp/berth-$(id -u "$BERTH_USER")
    on n1 sh -c "mkdir -m 700 -p $mine && mkdir -m 700 $mine/job-999999 && mkdir -p $mine/job-999999/old/upper/closed &&
        touch $mine/job-999999/old/lock && chmod 0 $mine/job-999999/old/upper/closed &&
        echo '{\"created\":\"2020-01-01T00:00:00Z\",\"image\":\"/x\"}' >$mine/job-999999/old/container.json"
    run step fresh -n1 --container-image="$IMAGES/hello.sif" sh -c "ls $mine"
    echo "$output"
    [[ $status == 0 && $output == job-* && $output != *999999* ]]
}

@test "--container-remap-root: root in the container, the user on the host" {
    run as_user srun -Q -w n1 -n2 --container-remap-root --container-writable --container-image="$IMAGES/hello.sif" \
        sh -ec 'id -u; id -g; echo "$HOME"; echo x >"from.$SLURM_PROCID"; touch /new.$SLURM_PROCID; chown 0:0 /new.$SLURM_PROCID; stat -c %u:%g "from.$SLURM_PROCID"'
    echo "$output"
    [[ $status == 0 ]]
    [[ $(grep -c '^0$' <<<"$output") == 4 && $(grep -c '^/root$' <<<"$output") == 2 && $(grep -c '^0:0$' <<<"$output") == 2 ]]
    [[ $(stat -c %U from.0 from.1 | sort -u) == "$BERTH_USER" ]]
    run as_user BERTH_CONTAINER_REMAP_ROOT=1 srun -w n1 -n1 --no-container-remap-root --container-image="$IMAGES/hello.sif" id -u
    [[ $output == "$(id -u "$BERTH_USER")" ]]
    # Another user's files stay another's.
    run as_user srun -Q -w n1 -n1 --container-remap-root --container-image="$IMAGES/hello.sif" sh -c 'cat /proc/1/environ; grep NoNewPrivs /proc/self/status'
    [[ $output == *denied* && $output == *"NoNewPrivs:"*1* ]]
}

@test "the same container as root, as oneself, and joined" {
    run step both -n1 --container-remap-root --container-image="$IMAGES/hello.sif" sh -c 'id -u; touch /by-root; touch "$HOME/at-home"'
    echo "$output"
    [[ $status == 0 && $output == 0 ]]
    run step both -n1 sh -c 'id -u; stat -c %u /by-root; rm /by-root && echo removed'
    echo "$output"
    [[ $output == "$(id -u "$BERTH_USER")"$'\n'"$(id -u "$BERTH_USER")"$'\n'removed ]]
    step both -n1 --container-remap-root sh -c 'touch ready; while [ ! -e stop ]; do sleep 0.05; done' &
    local first=$!
    until_done test -e ready
    run step both:exec -n1 id -u
    touch stop
    wait "$first"
    [[ $output == *0 ]]
}

@test "a name that another user has taken costs nothing" {
    local mine
    mine=/var/tmp/berth-$(id -u "$BERTH_USER")
    "$CLUSTER" exec n1 sh -c "rm -rf $mine; mkdir -m 1777 /var/tmp/bait; ln -s /var/tmp/bait $mine"
    run step trap -n1 --container-image="$IMAGES/hello.sif" touch /new
    echo "$output"
    [[ $status == 0 && -z $("$CLUSTER" exec n1 ls -A /var/tmp/bait) ]]
    "$CLUSTER" exec n1 sh -c "rm $mine; mkdir -m 777 $mine"
    run step trap -n1 test -e /new
    echo "$output"
    [[ $status == 0 && -z $("$CLUSTER" exec n1 ls -A "$mine") ]]
    run "$CLUSTER" exec n1 sh -c "stat -c '%a %U' $mine.????????????????"
    [[ $output == "700 $BERTH_USER" ]]
    "$CLUSTER" exec n1 sh -c "rm -r $mine $mine.*"
}

@test "--container-explain makes nothing; a changed image is refused; --container-readonly shows without writing" {
    run step plain -n1 --container-explain --container-image="$IMAGES/hello.sif" true
    echo "$output"
    [[ $status == 0 && $output == *"what is written stays in /var/tmp/berth-$(id -u "$BERTH_USER")/plain/upper"* && -z $(layers n1) ]]
    as_user cp "$IMAGES/hello.sif" mine.sif
    run step plain -n1 --container-image=mine.sif touch /new
    [[ $status == 0 ]]
    run step plain -n1 --container-readonly sh -c 'ls /new; touch /newer || echo refused'
    echo "$output"
    [[ $output == *"/new"*refused* ]]
    as_user touch -d 2001-01-01 mine.sif
    run step plain -n1 true
    [[ $status != 0 && $output == *"the image of container plain has changed since the container was made: $place/work/mine.sif"* ]]
    run on n1 "$BERTH" container list
    [[ $output == *"plain "*" idle "*"$place/work/mine.sif" ]]
    run on n1 "$BERTH" container remove plain
    [[ $status == 0 && -z $(layers n1) ]]
}
