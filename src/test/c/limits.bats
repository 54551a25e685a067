#!/usr/bin/env bats
# How much memory the launcher finds that it may use, and what heap the planner gets. The files are what systemd, Slurm and container runtimes make of
# the two versions of control groups; the last tests are in a real group.
# shellcheck disable=SC2030,SC2031,SC2154 # bats
load helpers

# limit MOUNTS GROUPS: as the launcher reads it, below $place/cg
limit() {
    printf '%b' "$1" >"$place/mounts"
    printf '%b' "$2" >"$place/groups"
    run "$BERTH_BUILD/test/unit" memory "$place/mounts" "$place/groups"
}

teardown() {
    [ -z "${group:-}" ] || rmdir "$group"/inner "$group" 2>/dev/null || true
    rm -rf "$place/cg"
}

set_limit() { # DIRECTORY FILE TEXT
    mkdir -p "$place/cg/$1"
    echo "$3" >"$place/cg/$1/$2"
}

@test "version 2: the least of a group's own limit and those above it, high or max" {
    local mounts="40 30 0:30 / $place/cg rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n" groups="0::/system.slice/slurm/job_1/step_0/user/task_0\n"
    local job=system.slice/slurm/job_1
    limit "$mounts" "$groups"
    is_text "$output" none
    set_limit $job/step_0/user/task_0 memory.max max
    set_limit $job/step_0 memory.max 800000000
    limit "$mounts" "$groups"
    is_text "$output" 800000000
    set_limit $job memory.max 600000000
    limit "$mounts" "$groups"
    is_text "$output" 600000000
    set_limit $job memory.high 500000000
    limit "$mounts" "$groups"
    is_text "$output" 500000000
    set_limit . memory.max 400000000
    limit "$mounts" "$groups"
    is_text "$output" 400000000
}

@test "version 1: the memory hierarchy counts, wherever its controllers are named, and its largest number is none" {
    local mounts="35 31 0:32 / $place/cg rw,relatime shared:9 master:2 - cgroup cgroup rw,memory\n"
    mounts+="36 31 0:33 / $place/other rw - cgroup cgroup rw,cpu,cpuacct\n41 31 0:38 / $place/unified rw - cgroup2 cgroup2 rw\n"
    local groups="11:cpuset:/a\n4:memory:/slurm/uid_1000/job_1/step_0\n2:cpu,cpuacct:/b\n0::/c\n"
    set_limit slurm/uid_1000/job_1/step_0 memory.limit_in_bytes 9223372036854771712
    limit "$mounts" "$groups"
    is_text "$output" none
    set_limit slurm/uid_1000/job_1 memory.limit_in_bytes 268435456
    limit "$mounts" "$groups"
    is_text "$output" 268435456
    limit "${mounts/rw,memory/rw,blkio,memory}" "${groups/:memory:/:blkio,memory:}"
    is_text "$output" 268435456
    limit "${mounts/rw,memory/rw,memoryless}" "$groups"
    is_text "$output" none
}

@test "in a container the group that is mounted is its own, under whatever name the group has" {
    set_limit . memory.max 300000000
    set_limit inner memory.max 200000000
    # Mounted from the container's group on.
    limit "40 30 0:30 /docker/abc $place/cg ro - cgroup2 cgroup rw\n" "0::/docker/abc/inner\n"
    is_text "$output" 200000000
    limit "40 30 0:30 /docker/abc $place/cg ro - cgroup2 cgroup rw\n" "0::/docker/abcdef/inner\n"
    is_text "$output" 300000000
    # In a namespace of its own, seen from inside and from a group outside it.
    limit "40 30 0:30 / $place/cg ro - cgroup2 cgroup rw\n" "0::/inner\n"
    is_text "$output" 200000000
    limit "40 30 0:30 / $place/cg ro - cgroup2 cgroup rw\n" "0::/../other/inner\n"
    is_text "$output" 300000000
}

@test "odd names are decoded, and what is not understood limits nothing" {
    set_limit 'a b\c' memory.max 123000000
    limit "40 30 0:30 / $place/cg/a\\\\040b\\\\134c rw - cgroup2 cgroup2 rw\n" "0::/\n"
    is_text "$output" 123000000
    set_limit 'a b\c' memory.max twelve
    limit "40 30 0:30 / $place/cg/a\\\\040b\\\\134c rw - cgroup2 cgroup2 rw\n" "0::/\n"
    is_text "$output" none
    local mounts groups
    for mounts in "" "\n" "x" "40 30 0:30 / - cgroup2 cgroup2 rw" "40 30 0:30 - cgroup2" " - " " - cgroup" "40 30 0:30 / $place/cg rw - cgroup cgroup"; do
        for groups in "" "\n" "0" "0:" "0::" "0::/" ":memory:" "::::"; do
            limit "$mounts" "$groups"
            is_text "$status" 0
            is_text "$output" none
        done
    done
}

@test "the heap is the usual one where it fits, and what is left beside the JVM's own memory where not" {
    local case unlimited=18446744073709551615
    for case in "256 $unlimited 256" "256 $((4 << 30)) 256" "256 $((512 << 20)) 256" "256 $((384 << 20)) 170" "256 $((256 << 20)) 85" \
        "256 $((128 << 20)) 32" "256 0 32" "96 $((512 << 20)) 96" "96 $((200 << 20)) 48" "96 1000 32"; do
        # shellcheck disable=SC2086 # words
        set -- $case
        is_text "$("$BERTH_BUILD/test/unit" heap "$1" "$2")" "$3"
    done
}

real_group() { # BYTES: a group below our own, with that limit and a group inside it; version 1 or 2
    local own
    need_root
    if own=$(sed -n 's/^[0-9]*:\([^:]*,\)*memory\(,[^:]*\)*://p' /proc/self/cgroup) && [ -n "$own" ] && [ -d "/sys/fs/cgroup/memory$own" ]; then
        group=/sys/fs/cgroup/memory${own%/}/berth-c.$$ file=memory.limit_in_bytes
    elif own=$(sed -n 's/^0:://p' /proc/self/cgroup) && grep -qsw memory "/sys/fs/cgroup$own/cgroup.subtree_control"; then
        group=/sys/fs/cgroup${own%/}/berth-c.$$ file=memory.max
    else
        skip "no memory controller that could be used"
    fi
    mkdir -p "$group/inner" 2>/dev/null || skip "control groups cannot be made here"
    echo "$1" 2>/dev/null >"$group/$file" || skip "no memory limit can be set in $group"
}

@test "in a real group the planner's heap follows the limit of the group above" {
    local lib=$place/libexec/berth
    mkdir -p "$lib"/{lib,runtime/bin}
    echo lib/a.jar >"$lib/classpath"
    touch "$lib/lib/a.jar"
    cp "$BATS_TEST_DIRNAME/../../main/c/jvm.options" "$lib/jvm.options"
    # shellcheck disable=SC2016 # the script's own
    printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >"$lib/runtime/bin/java"
    chmod -R a+rX,u+x "$place/libexec"
    chmod +x "$lib/runtime/bin/java"
    run as_user "$berth" pull x
    has_text "$output" -Xmx224m
    real_group $((320 << 20))
    # shellcheck disable=SC2016 # the inner shell's
    run bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group/inner" setpriv --reuid "$uid" --regid "$gid" --init-groups "$berth" pull x
    has_text "$output" -Xmx128m
    lacks_text "$output" -Xmx224m
    rm -rf "$lib"
}
