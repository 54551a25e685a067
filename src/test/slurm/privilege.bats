#!/usr/bin/env bats
# The plugin is a guest of a root process: what it does, it does as the user.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

# All that slurmd of n1, its slurmstepds and their children do to files and ids while a job runs. No stacks (-k): they make a node so slow that it is
# taken for dead.
is_traced() { on_node n1 grep -q '^TracerPid:[^0-9]*[1-9]' "/proc/$1/status"; } # PID
has_no_step() { ! on_node n1 pgrep -x slurmstepd >/dev/null; }

traced() { # NAME COMMAND...
    local name=$1 slurmd
    shift
    slurmd=$(on_node n1 pgrep -o -x slurmd)
    on_node n1 strace -qq -ff -s 4096 -e trace=%file,%process,%creds,memfd_create -e signal=none -o "$place/$name" -p "$slurmd" 2>"$place/said" 3>&- 4>&- &
    poll is_traced "$slurmd"
    "$@"
    # The step's slurmstepd goes a little later than srun.
    poll has_no_step
    on_node n1 pkill -INT -x strace
    wait $! || true
    [[ -n $(find "$place" -name "$name.[0-9]*") ]] || { cat "$place/said"; return 1; }
}

# Nothing that no plain step does; what comes once by chance (a wait that took a turn more) does not come each time.
no_more_as_root() { # COMMAND...
    local attempt
    for attempt in 1 2 3 4; do
        traced "contained$attempt" "$@"
        "$BATS_TEST_DIRNAME/privilege.py" calls "$place/contained$attempt" >"$place/calls"
        # That there is something to compare: the plugin itself is opened by root, in both.
        grep -q "spank_berth.so" "$place/calls"
        comm -13 <(sort -u "$place/plain") "$place/calls" >"$place/more.$attempt"
        cat "$place"/more.* | sort | uniq -c | awk -v times="$attempt" '$1 == times' >"$place/always"
        [[ -s $place/always ]] || return 0
    done
    cat "$place/always"
    return 1
}

@test "a container makes slurmstepd touch no file more as root" {
    command -v strace >/dev/null || skip "there is no strace here"
    for run in 1 2 3; do
        traced "plain$run" as_user srun -w n1 -n2 true
        "$BATS_TEST_DIRNAME/privilege.py" calls "$place/plain$run" >>"$place/plain"
    done
    refused() { ! as_user srun -w n1 -n2 --container-image=./nosuch.sif true; }
    no_more_as_root refused
    rm -f "$place"/more.*
    no_more_as_root as_user srun -w n1 -n2 --container-image="$IMAGES/hello.sif" --container-mounts=tmpfs:/fresh --container-writable \
        sh -c 'id -u; touch /fresh/x'
    local id
    id=$(id -u "$BERTH_USER")
    run bash -c '"$0" identity "$1" "$2" | sort -u' "$BATS_TEST_DIRNAME/privilege.py" "$place/contained1" "$BERTH"
    echo "read back before berth was executed: $output"
    [[ $output == "[$id], [$id], [$id]" ]]
    no_node_is_drained
}

@test "hostile values change nothing" {
    local value long
    long=$(printf 'x%.0s' {1..60000})
    for value in '; touch hostile' '$(touch hostile)' '`touch hostile`' $'a\nb' '--help' $'\x01\x02\x1b[31m' $'a\tb' '%s%n%n' "$long" "$long,$long"; do
        for option in mounts workdir env options unshare; do
            # Some are right words for some option: then the step runs, and that is all.
            run as_user srun -n1 --container-image="$IMAGES/hello.sif" --container-$option="$value" true
            [[ $status == 0 || $output == *berth:* ]] || { printf '%s %q: %s\n' "$option" "${value:0:40}" "$output"; return 1; }
        done
        run as_user srun -n1 --container-image="./$value" true
        [[ $status != 0 ]]
    done
    [[ -z $(find "$place" "$CLUSTER_SHARED" -name 'hostile*') ]]
    # Nothing that was said has moved a terminal: a control character is shown as one, or not at all.
    run as_user srun -n1 --container-image=$'./\x1b[31mred.sif' true
    printf '%q\n' "$output"
    [[ $status != 0 && $output != *$'\x1b'* ]]
    nodes_are_clean
    no_node_is_drained
}
