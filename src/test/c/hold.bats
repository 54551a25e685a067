#!/usr/bin/env bats
# A container that is held open for others.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154 # bats; texts for other shells; lists with commas
load helpers

@test "the message names the holder, the working directory and the environment" {
    plan "$p" "${start[@]}" pivot -- env-keep HOME -- env-set NEW value -- privileges drop -- cwd warn /etc -- hold 6 7
    run held '
        mapfile -t words < <(tr "\0" "\n" <"$2")
        [ "${words[0]} ${words[1]} ${words[2]}" = "berth-held 1 1" ] && [ "${words[3]}" = "$1" ] && [ "${words[4]}" = /etc ] &&
            [[ " ${words[*]:5} " = *" NEW=value "*"PWD=/etc end " ]]'
    is_text "$output" ""
    is_text "$status" 0
}

@test "who enters sees the container; the holder keeps no descriptor and heeds no signal" {
    plan "$p" "${start[@]}" pivot -- env-keep HOME -- privileges drop -- hold 6 7
    run held '
        [ "$(readlink "/proc/$1/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] || exit 1
        [ -e "/proc/$1/root/etc/passwd" ] && [ "$(grep -c . "/proc/$1/root/etc/group")" = 2 ] || exit 1
        kill -TERM "$1"; kill -HUP "$1"; kill -USR1 "$1"
        kill -0 "$1" && [ "$(tr "\0" " " <"/proc/$1/cmdline" | xargs)" = berth-hold ]'
    is_text "$output" ""
    is_text "$status" 0
}

@test "its squashfs server is named, ignores signals too, and ends with it" {
    need_fuse
    mksquashfs "$place/rootfs" "$place/held.sqfs" -quiet -no-progress >/dev/null
    chmod 644 "$place/held.sqfs"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$place/held.sqfs" 0 /usr/bin/squashfuse_ll -- root-overlay ro -- \
        "${kernel[@]}" pivot -- env-keep HOME -- privileges drop -- hold 6 7
    run held '
        mapfile -t words < <(tr "\0" "\n" <"$2")
        [ "${words[2]}" = 2 ] && [[ $(ps -o comm= "${words[4]}") = squashfuse* ]] || exit 1
        kill -TERM "${words[4]}"
        cat "/proc/$1/root/etc/passwd" >/dev/null && echo "${words[4]}"'
    is_text "$status" 0
    server=$output
    for _ in {1..200}; do
        state=$(ps -o stat= "$server") || break
        [[ $state != Z* ]] || break
        sleep 0.01
    done
    [[ $(ps -o stat= "$server" || true) != [DRS]* ]]
}

@test "hold does not follow init or fork" {
    plan "$p" unshare user,mount,pid -- "${id_maps[@]}" fork -- env-keep -- hold 6 7
    run launch
    is_text "$status" 255
    has_text "$output" "FATAL:   malformed plan: hold in a PID namespace of its own"
}
