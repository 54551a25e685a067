#!/usr/bin/env bats
# What the payload gets from the caller, and what is left when it has ended.

bats_require_minimum_version 1.5.0
load helper

@test "the payload has the caller's pid, group, umask, limits and signals" {
    umask 027
    run --separate-stderr as_user bash -c '
        trap "" USR2
        ulimit -S -n 700
        bash -c "echo \$\$ >pid; exec \"\$@\"" - "$0" exec "$1" sh -c "echo \$\$" >inside
        cmp pid inside || exit 1
        a=$(env sh -c "umask; ulimit -Sn; grep -E \"^Sig(Blk|Ign)\" /proc/self/status; cut -d\  -f6 /proc/\$\$/stat")
        b=$("$0" exec "$1" sh -c "umask; ulimit -Sn; grep -E \"^Sig(Blk|Ign)\" /proc/self/status; cut -d\  -f6 /proc/\$\$/stat")
        [ "$a" = "$b" ] || { echo "$a"; echo ---; echo "$b"; exit 1; }' "$BERTH" "$IMAGE"
    echo "$output $stderr"
    [[ $status == 0 ]]
}

@test "descriptors that the caller opened reach the payload" {
    echo "from the process manager" >fd
    run --separate-stderr as_user bash -c 'exec 7<fd; "$0" exec "$1" sh -c "cat <&7"' "$BERTH" "$IMAGE"
    [[ $status == 0 && $output == "from the process manager" ]]
}

@test "exit status and death by signal are passed on" {
    run berth exec "$IMAGE" sh -c 'exit 7'
    [[ $status == 7 ]]
    run berth exec "$IMAGE" sh -c 'kill -TERM $$'
    [[ $status == 143 ]]
}

@test "nothing is left when the payload has ended: no process, no mount" {
    berth exec "$IMAGE" true
    local pid
    for _ in {1..50}; do
        pid=$(pgrep -u "$BERTH_USER" -f "$IMAGE" || true)
        [[ -z $pid ]] && break
        sleep 0.1
    done
    [[ -z $pid ]]
    ! grep -q "$place" /proc/mounts
}

@test "the image file is a program" {
    cp "$IMAGE" hello.sif
    run --separate-stderr as_user ./hello.sif big world
    [[ $status == 0 && ${lines[0]} == "hello, big world" ]]
}

@test "the installed tree works from another place" {
    local from
    from=$(dirname "$(dirname "$BERTH")")
    cp -a "$from" "$place/elsewhere"
    run --separate-stderr as_user "$place/elsewhere/bin/berth" exec "$IMAGE" echo moved
    [[ $status == 0 && $output == moved && $stderr == "" ]]
}
