#!/usr/bin/env bats
# How a task enters a container, on kernels of several ages, and that it enters no other process' one.
# shellcheck disable=SC2154 # variables of the helper

bats_require_minimum_version 1.5.0
load helper

join() { # CASE [nested]
    gcc -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -I"$TREE/src/main/c" -isystem "${SLURM_INCLUDE:-/usr/include}" \
        -o "$place/join" "$TREE/src/test/slurm/join.c" "$TREE/slurm-plugin/ns.c" "$TREE"/src/main/c/common/*.c
    run as_user "$place/join" "$@"
    echo "$*: $output"
}

@test "a container is entered, and nothing else, without rights" {
    for age in now without-numbers without-setns-of-pidfd without-pidfd {now,without-setns-of-pidfd,without-pidfd}' nested'; do
        # shellcheck disable=SC2086 # two words
        join $age
        [[ $status == 0 && $output == $'user entered\nipc entered\nmnt entered\nnet kept\nCapEff:\t0000000000000000\nNoNewPrivs:\t1' ]]
    done
}

@test "only a process of the step is noted: the user's, in its control groups, started after the task" {
    local older other
    join now
    [[ $status == 0 ]]
    sleep 60 3>&- 4>&- &
    older=$!
    setpriv --reuid nobody --clear-groups sleep 60 3>&- 4>&- &
    other=$!
    for pid in 1 $$ $older $other 4194304 0; do
        run as_user "$place/join" note "$pid"
        echo "$pid: $output"
        [[ $status == 1 && $output =~ ^(Operation not permitted|No such file or directory)$ ]]
    done
    kill "$older" "$other"
}

@test "a process that has ended, or another one with its number, is not entered" {
    for age in ended dead other-number other-start; do
        join "$age"
        [[ $status == 1 && $output =~ ^"the container has ended (process "[0-9]+")"$ ]]
    done
}
