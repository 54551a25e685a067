#!/usr/bin/env bats
# A user who has the program that the plugin starts in his hands (any of his processes can write to its descriptors, stop it, kill it), or who does what
# he likes to the processes of his steps: no node is drained, no slurmstepd is left, nobody else is signalled. Times are short here, so that a step
# that cannot be ended would drain its node. BERTH_FUZZ: 200 steps instead of 20 (BERTH_STEPS=N: so many; BERTH_SEED=2: the next ones).
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    CLUSTER_DIR=$CLUSTER_DIR.hostile
    export CLUSTER_DIR
    "$CLUSTER" down >/dev/null 2>&1 || true
    "$CLUSTER" up -n 2 --spank "required $PLUGIN" --conf MessageTimeout=5 --conf UnkillableStepTimeout=10 --conf KillWait=2 >&2
    eval "$("$CLUSTER" env)"
    install -d "$CLUSTER_SHARED/images"
    cp "$IMAGES/hello.sif" "$CLUSTER_SHARED/images"
    export IMAGES=$CLUSTER_SHARED/images
    local anyone
    # Somebody else's processes, and root's: that they live and run shows that nobody has signalled them.
    anyone=$(getent passwd nobody | cut -d: -f3)
    cp /bin/sleep "$CLUSTER_SHARED/canary"
    for node in $CLUSTER_NODES; do
        "$CLUSTER" exec "$node" setsid -f "$CLUSTER_SHARED/canary" infinity </dev/null >/dev/null 2>&1 3>&- 4>&-
        "$CLUSTER" exec "$node" setsid -f setpriv --reuid "$anyone" --clear-groups "$CLUSTER_SHARED/canary" infinity </dev/null >/dev/null 2>&1 3>&- 4>&-
    done
}

teardown_file() {
    "$CLUSTER" down
}

setup() {
    place=$(mktemp -d "$CLUSTER_SHARED/test.XXXXXX")
    chmod 755 "$place"
    install -d -o "$BERTH_USER" "$place"/{home,work}
    cp "$TREE/src/test/slurm/hostile.py" "$place/berth"
    echo "$BERTH" >"$place/real"
    # Only that it is a file is looked at here.
    touch "$place/image.sif"
    with_berth "$place/berth"
    cd "$place/work" || return
    daemons=$(daemon_pids)
}

teardown() {
    echo "required $PLUGIN" >"$CLUSTER_DIR/etc/plugstack.conf"
    on_nodes pkill -KILL -u "$BERTH_USER" || true
    cd /
    rm -rf "$place"
}

with_berth() { # PROGRAM [PLUGIN]
    echo "required ${2:-$PLUGIN} berth=$1" >"$CLUSTER_DIR/etc/plugstack.conf"
}

daemon_pids() { on_nodes pgrep -x slurmd; }

# The canaries live and run, and so do the daemons; nothing of the user's and no slurmstepd is left; no node is drained.
nobody_else_was_touched() {
    local states
    states=$(on_nodes ps -C canary -o stat= | cut -c1 | tr -d '\n')
    [[ $states == SSSS ]] || { echo "canaries: $states"; return 1; }
    [[ $(daemon_pids) == "$daemons" ]] || { echo "slurmd: $(daemon_pids), was $daemons"; return 1; }
}
no_slurmstepd() { [[ -z $(on_nodes pgrep -x slurmstepd) ]]; }
all_is_well() {
    poll no_slurmstepd
    nodes_are_clean
    no_node_is_drained
    nobody_else_was_touched
}

# A step of a job of its own; it ends by itself within some seconds, or else when it is cancelled.
steps=0
hostile_step() { # HOW SECONDS SRUN-WORD...
    local how=$1 patience=$2 job=hostile.$((++steps)) begin=$SECONDS step image=$place/image.sif
    shift 2
    [[ $how != real_* ]] || image=$IMAGES/hello.sif
    as_user HOSTILE="$how" srun -J "$job" -w n1 -n2 --container-image="$image" "$@" sh -c 'cat /bin/* >/dev/null; sleep 0.$SLURM_PROCID' >"$place/out" 2>&1 &
    step=$!
    while kill -0 "$step" 2>/dev/null && [[ $((SECONDS - begin)) -lt $patience ]]; do sleep 0.05; done
    # A job that is not there yet cannot be cancelled.
    while kill -0 "$step" 2>/dev/null && [[ -z $(squeue -h -n "$job" -o %i) ]]; do sleep 0.05; done
    if kill -0 "$step" 2>/dev/null; then
        cancelled=1
        as_user scancel -n "$job" || true
    else
        cancelled=''
    fi
    status=0
    wait "$step" || status=$?
    took=$((SECONDS - begin))
    [[ $(stat -c %s "$place/out") -lt 20000000 ]] || { echo "$how: $(stat -c %s "$place/out") bytes were passed on"; return 1; }
    # slurmctld's patience, and more, after a scancel.
    [[ $took -lt $((patience + 45)) ]] || { echo "$how: $took s"; return 1; }
}

@test "a forged message names process 1: twenty steps end, and no node is drained" {
    local i how=(names_init names_init_only names_slurmd names_anothers names_slurmstepd)
    for ((i = 0; i < 20; i++)); do
        hostile_step "${how[i % 5]}" 20 --container-name="forged.$i"
        echo "${how[i % 5]}: $took s, status $status: $(head -n 2 "$place/out")"
        [[ -z $cancelled && $status != 0 && $took -lt 15 ]]
        grep -q 'berth: n1: .* names process [0-9]*, which is not of this step' "$place/out"
    done
    all_is_well
}

@test "the descriptor of the real program is written to by another process of the user's" {
    cat >"$place/berth" <<END
#!/bin/sh
(sleep 0.1; printf 'berth-held\\0001\\0002\\000%s\\0001\\000/\\000end\\000' \$\$ >/proc/\$\$/fd/3) &
exec "$BERTH" "\$@"
END
    as_user srun -w n1 -n2 --container-name=forged --container-image="$IMAGES/hello.sif" true >"$place/out" 2>&1 || true
    cat "$place/out"
    all_is_well
    on_node n1 runuser -u "$BERTH_USER" -- "$BERTH" container remove --all >/dev/null 2>&1 || true
}

@test "processes of the container that will not go are waited for in bounded time, named or not" {
    local how option
    for how in server_will_not_go servers_will_not_go server_is_stopped will_not_go stops_at_release stops_all_at_release; do
        for option in --container-name=stays ''; do
            # That is what a name is for, and a task that is stopped waits; the next test has them.
            [[ -z $option || $how != *@(server|stops_all)* ]] || continue
            # shellcheck disable=SC2086 # no word, or one
            hostile_step "$how" 25 $option
            echo "$how $option: $took s, status $status"
            [[ -z $cancelled && $took -lt 20 ]]
        done
    done
    all_is_well
}

@test "a step that stays for the server of its named container ends when it is killed" {
    for how in server_will_not_go server_is_stopped servers_will_not_go stops_all_at_release; do
        hostile_step "$how" 6 --container-name=stays
        echo "$how: $took s, status $status"
        [[ -n $cancelled && $took -lt 20 ]]
    done
    all_is_well
}

@test "a reused process number: root's process is not signalled when the maker of the container was killed" {
    on_node n1 test -w /proc/sys/kernel/ns_last_pid || skip "process numbers cannot be chosen here"
    cat >"$place/berth" <<'END'
#!/bin/bash
# The tasks have not entered yet: they are the user's children of the step's slurmstepd, and called like it.
here=$(dirname "$0")/work
mapfile -t tasks < <(pgrep -u "$(id -u)" -P "$(pgrep -d, -u root -x slurmstepd)")
echo $$ >"$here/number.new" && mv "$here/number.new" "$here/number"
# All stand still but the one that made this; that one is killed.
while [ ! -e "$here/go" ]; do sleep 0.05; done
maker=$(cat "$here/maker")
for task in "${tasks[@]}"; do [ "$task" = "$maker" ] || kill -STOP "$task"; done
touch "$here/killed" # this program ends with its maker
kill -KILL "$maker"
END
    as_user srun -J reuse -w n1 -n2 --container-image="$place/image.sif" true >out 2>&1 &
    local step=$! number parent task
    appear number
    number=$(cat number)
    # The task that has made it is among its ancestors; or, where it has none of them, it is the one that does not wait for the lock.
    parent=$number
    while [[ $parent -gt 1 && -z ${task:-} ]]; do
        parent=$(on_node n1 ps -o ppid= -p "$parent" | tr -d ' ')
        [[ $(on_node n1 ps -o user= -p "$(on_node n1 ps -o ppid= -p "$parent" | tr -d ' ')") != root ]] || task=$parent
    done
    if [[ ${task:-1} == 1 ]]; then
        task=$(on_node n1 sh -c 'for p in $(pgrep -u "$0" -x slurmstepd); do grep -q futex "/proc/$p/wchan" || echo $p; done' "$BERTH_USER" | head -n 1)
    fi
    echo "berth $number, maker $task"
    echo "$task" >maker.new && mv maker.new maker && touch go
    appear killed
    poll eval '! on_node n1 test -e "/proc/$number"'
    # Somebody else gets the number.
    on_node n1 sh -c 'for i in $(seq 200); do
        echo $(($0 - 1)) >/proc/sys/kernel/ns_last_pid; sleep 300 & [ $! = "$0" ] && exit 0; kill $!; done; exit 1' "$number"
    [[ $(on_node n1 ps -o user=,comm= -p "$number") == root*sleep* ]]
    on_node n1 pkill -CONT -u "$BERTH_USER" -x slurmstepd || true
    wait "$step" || true
    cat out
    poll no_slurmstepd
    local state
    state=$(on_node n1 ps -o stat=,user= -p "$number" || true)
    on_node n1 kill "$number"
    echo "the process with that number: $state"
    [[ $state == S*root ]]
    all_is_well
}

@test "what an image's environment script leaves behind does not hold the step up" {
    with_berth "$BERTH"
    install -d -o "$BERTH_USER" "$place"/image/{bin,etc,proc,sys,dev,tmp,home,.singularity.d/env}
    cp /bin/busybox "$place/image/bin/busybox"
    for applet in sh sleep true id; do ln -s busybox "$place/image/bin/$applet"; done
    echo 'sleep 40 &' >"$place/image/.singularity.d/env/90-left.sh"
    local begin=$SECONDS
    run as_user srun -w n1 -n2 --container-image="$place/image" true
    echo "$output, $((SECONDS - begin)) s"
    [[ $status == 0 && $((SECONDS - begin)) -lt 25 ]]
    all_is_well
}

@test "what srun's look at a registry leaves behind does not hold srun up" {
    local begin=$SECONDS
    # To a file: who is left behind has srun's standard error too.
    as_user srun -w n1 -n1 --container-image=debian:13 true >out 2>&1
    echo "$(cat out), $((SECONDS - begin)) s"
    [[ $((SECONDS - begin)) -lt 30 ]]
    pkill -KILL -u "$BERTH_USER" -f "$place/berth" || true
    all_is_well
}

@test "what is said without end is cut off" {
    local how
    for how in floods floods_then_holds; do
        hostile_step "$how" 5
        echo "$how: $(stat -c %s "$place/out") bytes, status $status"
        [[ $(stat -c %s "$place/out") -lt 4000000 ]]
        [[ $(grep -c 'berth: n1: what else is said is left out' "$place/out") == 1 ]]
        [[ -z $(tr -d -c '\033' <"$place/out") ]]
    done
    [[ -z $cancelled && $status == 0 ]]
    all_is_well
}

@test "holder and server of a real container are stopped: the step ends, at the latest when it is cancelled" {
    with_berth "$BERTH"
    local name
    for name in '' --container-name=stopped; do
        # shellcheck disable=SC2086 # no word, or one
        as_user srun -J stopped -w n1 -n2 $name --container-image="$IMAGES/hello.sif" sh -c 'touch ready.$SLURM_PROCID; while [ ! -e go ]; do sleep 0.05; done' >out 2>&1 &
        local step=$! begin
        appear ready.0 ready.1
        on_node n1 pkill -STOP -u "$BERTH_USER" -f 'berth-hold|squashfuse'
        as_user touch go
        begin=$SECONDS
        # A task that reads from a server that stands still does so too, until it is cancelled.
        while kill -0 "$step" 2>/dev/null && [[ $((SECONDS - begin)) -lt 4 ]]; do sleep 0.05; done
        as_user scancel -n stopped || true
        wait "$step" || true
        echo "$name: $((SECONDS - begin)) s"
        [[ $((SECONDS - begin)) -lt 25 ]]
        poll no_slurmstepd
        rm -f go ready.*
    done
    all_is_well
    on_node n1 runuser -u "$BERTH_USER" -- "$BERTH" container remove --all >/dev/null 2>&1 || true
}

# ---- a job's end

keepers() { on_node n1 pgrep -c -u root -x berth-remove || true; }
removers() { on_node n1 pgrep -c -f 'container remove --job' || true; }
none_at_work() { [[ $(keepers) == 0 && $(removers) == 0 ]]; }

# The plugin itself, but for the time that a removal may take.
impatient_plugin() { # SECONDS
    make -s -C "$TREE/slurm-plugin" BUILD="$place/build" CFLAGS="-O2 -DREMOVE_SECONDS=$1 -DMARK_SECONDS=$1"
    chmod 755 "$place/build"
    impatient=$place/build/spank_berth.so
}

@test "removals of jobs that end together do not pile up, and each job's turn comes" {
    local jobs=6 i mine
    impatient_plugin 40
    with_berth "$place/berth" "$impatient"
    mine=/var/tmp/berth-$(id -u "$BERTH_USER")
    for ((i = 0; i < jobs; i++)); do
        as_user srun -w n1 -n1 sh -c "mkdir -m 700 -p $mine && mkdir -m 700 $mine/job-\$SLURM_JOB_ID && echo \$SLURM_JOB_ID >>jobs"
        echo "keepers: $(keepers), $SECONDS s"
        [[ $(keepers) -le 3 ]] # one has just begun
    done
    # One works (and stands still), one waits; the others have left their marks.
    sleep 2
    echo "keepers: $(keepers), at work: $(removers)"
    [[ $(keepers) == 2 && $(removers) -ge 1 ]]
    # Between two of them none is at work for a moment.
    had_their_turns() {
        while read -r i; do
            grep -q "^container remove --job=$i\$" "$place/work/log" || return 1
        done <jobs
    }
    poll had_their_turns
    poll none_at_work
    [[ -z $(on_node n1 ls -A "$mine") ]]
    on_node n1 rm -rf "$mine"
    all_is_well
}

@test "the record of a named container is a fifo: its removal ends" {
    local mine
    impatient_plugin 10
    with_berth "$BERTH" "$impatient"
    mine=/var/tmp/berth-$(id -u "$BERTH_USER")
    as_user srun -w n1 -n1 sh -c "umask 077; mkdir -p $mine/job-\$SLURM_JOB_ID/x && mkfifo $mine/job-\$SLURM_JOB_ID/x/container.json"
    poll none_at_work
    on_node n1 rm -rf "$mine"
    all_is_well
}

@test "who takes a user's name in /var/tmp does not keep his job's containers from being removed" {
    local uid mine job
    uid=$(id -u "$BERTH_USER")
    mine=/var/tmp/berth-$uid
    on_node n1 sh -c "rm -rf $mine; mkdir -m 777 $mine"
    # Removals that stand still have a test of their own.
    as_user touch log.once
    as_user srun -w n1 -n1 sh -c "umask 077; mkdir -p $mine.0123456789abcdef/job-\$SLURM_JOB_ID $mine.0123456789abcdeX/job-\$SLURM_JOB_ID; echo \$SLURM_JOB_ID >job"
    job=$(cat job)
    poll none_at_work
    poll grep -q "^container remove --job=$job\$" "$place/work/log"
    [[ $(grep -c . "$place/work/log") == 1 ]]
    # Not where another user may write, nor through a link.
    on_node n1 sh -c "rm -rf $mine*; mkdir -p /var/tmp/bait/job-1; chown -R $uid /var/tmp/bait; ln -s /var/tmp/bait $mine"
    as_user srun -w n1 -n1 true
    poll none_at_work
    on_node n1 sh -c "test ! -e /var/tmp/bait/job-1/.ended; rm -rf $mine /var/tmp/bait"
    [[ $(grep -c . "$place/work/log") == 1 ]]
    all_is_well
}

# ---- and anything

@test "hostile steps: lying, stopping, killing, flooding, forking at random moments" {
    local times=20 i first how option names
    [[ -z ${BERTH_FUZZ:-} ]] || times=${BERTH_STEPS:-200}
    RANDOM=${BERTH_SEED:-1}
    first=$(((${BERTH_SEED:-1} - 1) * times))
    mapfile -t names < <("$place/berth" list)
    # Removals that stand still have a test of their own.
    as_user touch log.once
    echo "${#names[@]} behaviours"
    for ((i = first; i < first + times; i++)); do
        # Each in its turn in the long run, by chance in the short one.
        if [[ -n ${BERTH_FUZZ:-} ]]; then how=${names[i % ${#names[@]}]}; else how=${names[RANDOM % ${#names[@]}]}; fi
        option=''
        case $((RANDOM % 3)) in
            0) option=--container-name=any ;;
            1) option=--container-save=x.sif ;;
        esac
        [[ $how != save_* ]] || option=--container-save=x.sif
        # Else another step's program runs in it still.
        [[ $how != real_* || $option != *name* ]] || option+=.$i
        # shellcheck disable=SC2086 # no word, or one
        hostile_step "$how" $((RANDOM % 4)) $option
        echo "$i: $how $option: $took s, status $status${cancelled:+, cancelled}"
        no_node_is_drained
        nobody_else_was_touched
    done
    all_is_well
    on_node n1 runuser -u "$BERTH_USER" -- "$BERTH" container remove --all >/dev/null 2>&1 || true
    # The nodes work as before.
    run as_user srun -N2 -n4 true
    [[ $status == 0 ]]
}
