#!/usr/bin/env bats
# What launcher and Slurm plugin have in common: who a process is, and closing descriptors.
# shellcheck disable=SC2154 # bats

load helpers

setup() {
    common=$BERTH_BUILD/test/common
    process=$BATS_TEST_TMPDIR/process
    mkdir "$process"
}

@test "all descriptors are closed, also those above the limit on their number" {
    [ "$(ulimit -H -n)" = unlimited ] || [ "$(ulimit -H -n)" -gt 2000 ] || skip "the limit here is too low"
    is_text "$("$common" close)" "0 left, output open"
    is_text "$("$place/bin/deny" ENOSYS close_range -- "$common" close)" "0 left, output open"
}

@test "a process is known by its start, its user and its control groups" {
    is_text "$("$common" self)" true
    is_text "$("$place/bin/deny" ENOSYS pidfd_open -- "$common" self)" true
}

@test "a process' name says nothing of it" {
    local name long fields=' 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 4711 1 1'
    long=$(printf 'x%.0s' {1..9000})
    for name in sh ') Z' ') S 0 0 0 0' 'a) R' $'new\nline' "$long"; do
        printf '42 (%s) S%s\n' "$name" "$fields" >"$process/stat"
        [ "$name" != "$long" ] || { is_text "$("$common" start "$process")" 0; continue; }
        is_text "$("$common" start "$process")" 4711
    done
    for state in Z X; do
        printf '42 (sh) %s%s\n' "$state" "$fields" >"$process/stat"
        is_text "$("$common" start "$process")" 0
    done
    # Cut, empty, and none.
    for text in '42 (sh) S 1 1' '42 (sh)' '42' ''; do
        printf '%s' "$text" >"$process/stat"
        is_text "$("$common" start "$process")" 0
    done
    rm "$process/stat"
    is_text "$("$common" start "$process")" 0
}

@test "a process is a user's only if all of its ids are" {
    status() { printf 'Name:\t%s\nState:\tS\nUid:\t%s\nGid:\t7 7 7 7\n' "$1" "$2" >"$process/status"; }
    status sh $'1000\t1000\t1000\t1000'
    is_text "$("$common" user "$process" 1000)" yes
    is_text "$("$common" user "$process" 100)" no
    for ids in $'0\t1000\t1000\t1000' $'1000\t0\t1000\t1000' $'1000\t1000\t0\t1000' $'1000\t1000\t1000\t0' $'1000\t1000' '' 1000x; do
        status sh "$ids"
        is_text "$("$common" user "$process" 1000)" no
    done
    # The kernel writes such a name so.
    status 'x\nUid:\t1000\t1000\t1000\t1000' $'0\t0\t0\t0'
    is_text "$("$common" user "$process" 1000)" no
}

@test "a process in one other control group is in another place" {
    cp /proc/self/cgroup "$process/cgroup" || skip "no control groups here"
    is_text "$("$common" groups "$process")" yes
    sed '1s#$#/deeper#' /proc/self/cgroup >"$process/cgroup"
    is_text "$("$common" groups "$process")" no
    : >"$process/cgroup"
    is_text "$("$common" groups "$process")" no
    rm "$process/cgroup"
    is_text "$("$common" groups "$process")" no
}
