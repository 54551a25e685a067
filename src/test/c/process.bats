#!/usr/bin/env bats
# What the payload is as a process, PID namespaces, signals, ids and privileges.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154,SC2314 # bats; texts for other shells; lists with commas
load helpers

whole_plan() {
    plan "$p" "${start[@]}" "$@" pivot -- env-drop -- privileges drop -- exec 3
}

@test "the payload keeps pid, group, session, umask, limits, mask, ignored signals and priorities" {
    whole_plan
    cat >"$place/caller" <<'END'
#!/bin/bash
umask 027; ulimit -S -n 333; ulimit -S -s 4096; ulimit -c 1000
renice -n 19 $$ >/dev/null
echo 300 >/proc/self/oom_score_adj
echo 0x37 >/proc/self/coredump_filter
trap '' USR1 PIPE CHLD HUP
set -m
exec env --block-signal=USR2 --block-signal=TERM --block-signal=CHLD --block-signal=RTMIN "$@"
END
    chmod +x "$place/caller"
    # What it is told of itself by the kernel: once started by the caller, once by the launcher in between.
    local file
    for file in status limits oom_score_adj coredump_filter; do
        as_user "$place/caller" "$place/rootfs/bin/cat" "/proc/self/$file" >"$place/before"
        as_user "$place/caller" "$berth" --plan "$p" /bin/cat "/proc/self/$file" >"$place/after"
        [ -s "$place/before" ]
        is_text "$(grep -E '^(Umask|Sig[PBIC].*|Shd.*|Cpus_allowed|Mems_allowed|TracerPid|[0-9].*|.*limit.*|Max.*):?' "$place/after")" \
            "$(grep -E '^(Umask|Sig[PBIC].*|Shd.*|Cpus_allowed|Mems_allowed|TracerPid|[0-9].*|.*limit.*|Max.*):?' "$place/before")"
    done
    # pid, parent, group, session and nice value (fields 1, 4, 5, 6 and 19).
    run as_user "$place/caller" bash -c 'cut -d" " -f1,4,5,6,19 /proc/$$/stat; exec "$@"' - \
        "$berth" --plan "$p" /bin/sh -c 'cut -d" " -f1,4,5,6,19 /proc/$$/stat'
    is_text "${#lines[@]}" 2
    is_text "${lines[0]}" "${lines[1]}"
    has_text "${lines[0]}" " 19"
}

@test "supplementary groups stay" {
    need_root
    whole_plan
    run setpriv --reuid "$uid" --regid "$gid" --groups "$gid,4711" "$berth" --plan "$p" /bin/sh -c 'grep ^Groups /proc/self/status'
    has_text "$output" 65534
}

@test "inherited descriptors stay, number 9 too, and none of ours is left" {
    plan "$p" "${start[@]}" pivot -- env-drop -- env-image "$place/bin/sh" 'export -p >&9' sh PATH=/bin -- privileges drop -- exec 3
    echo nine >"$place/nine"
    run launch /bin/sh -c 'cat <&9' 9<"$place/nine"
    is_text "$output" nine
    # The names' places differ, so only the numbers count.
    launch /bin/ls /proc/self/fd 9<"$place/nine" 8</dev/null 3<&- >"$place/after"
    as_user "$place/rootfs/bin/ls" /proc/self/fd 9<"$place/nine" 8</dev/null 3<&- >"$place/before"
    is_text "$(cat "$place/after")" "$(cat "$place/before")"
    has_text "$(cat "$place/after")" 8
}

@test "closed standard descriptors are opened to nothing" {
    whole_plan
    launch /bin/sh -c 'readlink /proc/$$/fd/0 >&7; readlink /proc/$$/fd/2 >&7' 7>"$place/out" <&- 2>&- >/dev/null
    is_text "$(cat "$place/out")" $'/dev/null\n/dev/null'
}

@test "the terminal stays the payload's" {
    command -v script >/dev/null || skip "no script(1)"
    need_root # to change the user below script(1)
    whole_plan
    run script -qec "setpriv --reuid $uid --regid $gid --init-groups $berth --plan $p /bin/sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all three'" /dev/null
    has_text "$output" "all three"
}

@test "exit status and signals of the payload are the launcher's" {
    whole_plan
    local status_wanted
    for status_wanted in 0 1 77 255; do
        run launch /bin/sh -c "exit $status_wanted"
        is_text "$status" "$status_wanted"
    done
    run launch /bin/sh -c 'kill -TERM $$'
    is_text "$status" 143
}

@test "umask of the plan is the payload's" {
    whole_plan umask 0077 --
    run launch /bin/sh -c umask
    is_text "$output" 0077
}

@test "drop leaves no privileges" {
    whole_plan
    run launch /bin/grep -E '^(Cap|NoNewPrivs)' /proc/self/status
    lacks_text "$(grep ^Cap <<<"$output" | grep -v Amb)" 1
    has_text "$output" $'NoNewPrivs:\t1'
}

@test "keep of an ordinary id gives up new privileges, keep of root does not" {
    plan "$p" "${start[@]}" pivot -- env-drop -- privileges keep -- exec 3
    run launch /bin/grep NoNewPrivs /proc/self/status
    is_text "$output" $'NoNewPrivs:\t1'
    plan "$p" unshare user,mount -- map-ids "0 $uid 1" "0 $gid 1" -- "${session[@]}" "${image[@]}" root-overlay rw -- \
        "${kernel[@]}" pivot -- env-drop -- privileges keep -- exec 3
    run launch /bin/sh -c 'id -u; grep -E "NoNewPrivs|CapEff" /proc/self/status'
    has_text "$output" $'0\nCapEff:\t000001'
    has_text "$output" $'NoNewPrivs:\t0'
}

# ---- PID namespaces ----

pid_plan() { # init|fork OP…
    local how=$1
    shift
    plan "$p" unshare user,mount,pid,ipc -- "${id_maps[@]}" "${session[@]}" "${image[@]}" root-overlay rw -- "$how" -- \
        bind /dev /dev rec fail dev -- mount proc proc /proc nosuid,nodev,noexec "" fail proc -- "$@" pivot -- env-drop -- privileges drop -- exec 3
}

@test "init is PID 1 and called appinit, the payload is its child" {
    pid_plan init
    run launch /bin/sh -c 'echo $$ $PPID; cat /proc/1/comm; tr "\0" " " </proc/1/cmdline; echo; /bin/ps -o pid,args; ls /proc/1/fd'
    is_text "${lines[0]}" "2 1"
    is_text "${lines[1]}" appinit
    has_text "$output" "1 appinit"
    lacks_text "$output" "--plan"
    # It holds nothing, and has no more privileges than the payload.
    has_text "${lines[-1]}" "ps -o"
    run launch /bin/grep -E 'Cap(Eff|Prm)' /proc/1/status
    is_text "$output" $'CapPrm:\t0000000000000000\nCapEff:\t0000000000000000'
}

@test "fork makes the payload PID 1" {
    pid_plan fork
    run launch /bin/sh -c 'echo $$; ls -d /proc/[0-9]*'
    is_text "$output" $'1\n/proc/1'
}

@test "init and fork end as the payload did" {
    local how
    for how in init fork; do
        pid_plan $how
        run launch /bin/sh -c 'exit 143'
        is_text "$status" 143
        run launch /bin/nosuch
        is_text "$status" 255
        is_text "$output" "FATAL:   stat /bin/nosuch: no such file or directory"
    done
    pid_plan init
    local number
    for number in 9 15 6 11; do
        is_text "$(as_user perl -e 'system(@ARGV); print $? & 127' "$berth" --plan "$p" /bin/sh -c "kill -$number \$\$")" $number
    done
    # No core of the launcher's.
    [ -z "$(find "$place" -maxdepth 1 -name 'core*')" ]
}

@test "orphans are reaped, and what is left ends with the payload" {
    pid_plan init
    run launch /bin/sh -c '(sh -c "exit 3" & exec sleep 0) ; sleep 0.1; ls -d /proc/[0-9]* | wc -l; sleep 1000 & echo last'
    is_text "${lines[-1]}" last
    [ "${lines[0]}" -le 5 ]
}

# Starts a payload that tells what signals it gets, and waits until it is ready.
start_listener() {
    mkfifo "$place/ready-$BATS_TEST_NUMBER"
    chmod 666 "$place/ready-$BATS_TEST_NUMBER"
    pid_plan "$1" bind "$place" /mnt "" fail x --
    # Who runs the tests may ignore some of them (nohup, a job in the background).
    as_user env --default-signal=HUP,INT "$berth" --plan "$p" /bin/sh -c '
        for s in TERM USR1 USR2 HUP INT; do trap "echo got $s" $s; done; trap "echo got TERM; exit 9" TERM
        echo >/mnt/ready-'"$BATS_TEST_NUMBER"'; while :; do sleep 1000 & wait $!; kill $!; done' >"$place/heard" 2>&1 3>&- 4>&- &
    read -r _ <"$place/ready-$BATS_TEST_NUMBER"
    launcher=$(pgrep -f -u "$user" -o "^$berth --plan $p ") || return
}

@test "signals sent to the launcher reach the payload" {
    local how sent
    for how in init fork; do
        rm -f "$place/ready-$BATS_TEST_NUMBER"
        start_listener $how
        for sent in USR1 USR2 HUP INT; do
            kill -$sent "$launcher"
            soon grep -q "got $sent" "$place/heard"
        done
        kill -TERM "$launcher"
        wait $! && return 1
        is_text "$(grep -c . "$place/heard")" 5
    done
}

@test "a killed launcher takes the namespace along" {
    start_listener init
    local children
    children=$(pgrep -f "sleep 1000" -u "$user")
    [ -n "$children" ]
    kill -KILL "$launcher"
    wait $! || true
    soon sh -c "! kill -0 $(head -n 1 <<<"$children") 2>/dev/null"
}

@test "who waits holds no end of the caller's pipes" {
    # The payload closes its output and goes on; the reader sees the end although the launcher waits.
    mkfifo "$place/quiet"
    chmod 666 "$place/quiet"
    pid_plan init bind "$place" /mnt "" fail x --
    as_user bash -c '"$@" 2>&1 | { cat; echo end; }' - "$berth" --plan "$p" \
        /bin/sh -c 'echo heard; exec >&- 2>&-; read x </mnt/quiet' 3>&- >"$place/heard" &
    soon grep -q end "$place/heard"
    echo >"$place/quiet"
    wait
    is_text "$(cat "$place/heard")" $'heard\nend'
}

@test "an interrupt of the terminal reaches the payload once, and a stop stops the launcher" {
    command -v python3 >/dev/null || skip "no python3"
    pid_plan init
    run timeout 20 python3 "$BATS_TEST_DIRNAME/terminal.py" "$user" "$berth" --plan "$p" /bin/sh -c \
        'trap "echo interrupted" INT; echo ready; while :; do read -r line || continue; echo "line $line"; test "$line" = end && exit 4; done'
    is_text "$output" $'interrupts 1\nstopped True\nstatus 4'
}

# ---- ids and namespaces ----

@test "ranges of ids are mapped by newuidmap and newgidmap" {
    command -v newuidmap >/dev/null || skip "no newuidmap"
    local sub subg
    sub=$(awk -F: -v u="$user" '$1 == u { print $2; exit }' /etc/subuid)
    subg=$(awk -F: -v u="$user" '$1 == u { print $2; exit }' /etc/subgid)
    [ -n "$sub" ] && [ -n "$subg" ] || skip "$user has no sub-ids"
    plan "$p" unshare user,mount -- \
        map-ids "0 $uid 1"$'\n'"1 $sub 1000" "0 $gid 1"$'\n'"1 $subg 1000" -- \
        "${session[@]}" "${image[@]}" root-overlay rw -- "${kernel[@]}" pivot -- env-drop -- privileges keep -- exec 3
    run launch /bin/sh -c 'id -u; touch /x; chown 5:7 /x; stat -c "%u %g" /x; wc -l </proc/self/uid_map'
    is_text "$output" $'0\n5 7\n2'
    plan "$p" unshare user,mount -- map-ids "0 $uid 1"$'\n'"1 4000000000 5" "0 $gid 1" -- exec 0 /bin/true
    run launch
    is_text "$status" 255
    is_text "${#lines[@]}" 1
    has_text "$output" "FATAL:   map user and group ids: newuidmap: "
}

@test "root maps ranges without help" {
    need_root
    plan "$p" unshare user -- map-ids "0 1000 500" "0 1000 500" -- env-drop -- exec 0 /bin/cat /proc/self/uid_map
    run "$berth" --plan "$p"
    is_text "$(xargs <<<"$output")" "0 1000 500"
}

@test "a map of another's id is one line" {
    plan "$p" unshare user -- map-ids "0 4 1" "" -- exec 0 /bin/true
    run launch
    is_text "$status" 255
    is_text "${#lines[@]}" 1
    has_text "$output" "FATAL:   write /proc/self/uid_map: operation not permitted"
}

@test "host name, IPC and network are new" {
    plan "$p" unshare user,mount,uts,ipc,net -- "${id_maps[@]}" hostname box -- loopback -- "${session[@]}" "${image[@]}" \
        root-overlay rw -- "${kernel[@]}" bind /sys /sys rec fail sys -- pivot -- env-drop -- exec 3
    run launch /bin/sh -c 'hostname; ping -c 1 127.0.0.1 >/dev/null 2>&1; ip -o link | grep -c .; ip link show lo | grep -o "LOOPBACK,UP"; readlink /proc/self/ns/ipc'
    is_text "${lines[0]}" box
    is_text "${lines[1]}" 1
    is_text "${lines[2]}" "LOOPBACK,UP"
    [ "${lines[3]}" != "$(readlink /proc/self/ns/ipc)" ]
}

@test "refused namespaces are explained" {
    plan "$p" unshare user,mount -- exec 0 /bin/true
    run as_user "$place/bin/deny" ENOSPC unshare -- "$berth" --plan "$p"
    is_text "$status" 255
    has_text "$output" "FATAL:   create a user namespace: this machine allows no more user namespaces (sysctl user.max_user_namespaces is "
    run as_user "$place/bin/deny" EPERM unshare -- "$berth" --plan "$p"
    has_text "$output" "FATAL:   create a user namespace: "
    is_text "${#lines[@]}" 1
}

@test "root without a user namespace mounts nothing on the host" {
    need_root
    plan "$p" unshare mount,pid -- "${session[@]}" "${image[@]}" root-overlay rw -- fork -- \
        mount proc proc /proc "" "" fail proc -- pivot -- env-drop -- privileges keep -- exec 3
    run "$berth" --plan "$p" /bin/sh -c 'id -u; grep CapEff /proc/self/status; chown 5 /etc/group; stat -c %u /etc/group'
    has_text "$output" $'0\nCapEff:\t0000'
    is_text "${lines[-1]}" 5
    lacks_text "$(cat /proc/self/mounts)" "$place"
    plan "$p" unshare mount -- "${session[@]}" "${image[@]}" root-overlay rw -- "${kernel[@]}" pivot -- env-drop -- \
        privileges drop -- exec 3
    run "$berth" --plan "$p" /bin/grep CapEff /proc/self/status
    is_text "$output" $'CapEff:\t0000000000000000'
}
