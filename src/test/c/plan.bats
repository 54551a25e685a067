#!/usr/bin/env bats
# What the launcher says to plans that are none, and that it does nothing of them.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154,SC2314 # bats; texts for other shells; lists with commas
load helpers

# A plan that would leave a mark if any of it were performed.
marking=(unshare user,mount --)

refused() { # TEXT
    run launch
    is_text "$status" 255
    has_text "$output" "FATAL:   malformed plan: $1"
    is_text "${#lines[@]}" 1
}

broken() { # TEXT op word…
    local fault=$1
    shift
    plan "$p" "${marking[@]}" "$@"
    refused "$fault"
}

@test "a missing plan file is one line" {
    p=$place/nothing
    run launch
    is_text "$status" 255
    is_text "$output" "FATAL:   plan $place/nothing: no such file or directory"
}

@test "an empty plan is refused" {
    : >"$p"
    refused "it is cut off"
}

@test "a plan of another version is refused" {
    printf 'berth-plan\0002\0exec\0002\0000\0/bin/true\0end\0' >"$p"
    refused "its version is not 1"
}

@test "a file that is no plan is refused" {
    printf 'some\0other\0file\0' >"$p"
    refused "it does not start as one"
}

@test "every truncated plan is refused" {
    plan "$place/whole" env-keep HOME -- exec 0 /bin/touch "$place/touched"
    local size=$(($(stat -c %s "$place/whole") - 1)) at
    for ((at = 0; at < size; at += 7)); do
        head -c "$at" "$place/whole" >"$p"
        run launch
        is_text "$status" 255
        has_text "$output" "malformed plan"
    done
    [ ! -e "$place/touched" ]
}

@test "a plan without its end is refused" {
    printf 'berth-plan\0001\0exec\0002\0000\0/bin/true\0' >"$p"
    refused "it does not end in 'end'"
}

@test "an end inside the plan is refused" {
    printf 'berth-plan\0001\0end\0exec\0002\0000\0/bin/true\0end\0' >"$p"
    refused "unknown operation 'end'"
}

@test "a count beyond the plan is refused" {
    printf 'berth-plan\0001\0exec\0009\0000\0/bin/true\0end\0' >"$p"
    refused "exec: bad number of words"
    printf 'berth-plan\0001\0exec\00099999999999999999999\0000\0/bin/true\0end\0' >"$p"
    refused "exec: bad number of words"
    printf 'berth-plan\0001\0exec\000-1\0000\0/bin/true\0end\0' >"$p"
    refused "exec: bad number of words"
}

@test "more words than the limit are refused" {
    { printf 'berth-plan\0001\0exec\0001048577\0000\0'; head -c 1048577 /dev/zero; printf 'end\0'; } >"$p"
    refused "it has more than 1048576 words"
}

@test "more bytes than the limit are refused" {
    truncate -s 70M "$p"
    run launch
    is_text "$status" 255
    has_text "$output" "file too large"
}

@test "an unknown operation is refused" {
    broken "unknown operation 'dance'" dance now -- exec 0 /bin/true
}

@test "words of the wrong type are refused" {
    broken "bind: its words" bind relative /x "" fail what -- exec 0 /bin/true
    broken "bind: its words" bind /x /x ro,rw fail what -- exec 0 /bin/true
    broken "bind: its words" bind /x /x ro, fail what -- exec 0 /bin/true
    broken "bind: its words" bind /x /x ro maybe what -- exec 0 /bin/true
    broken "bind: its words" bind /x /x ro fail -- exec 0 /bin/true
    broken "session: its words" session /x 12k -- exec 0 /bin/true
    broken "make-dir: its words" make-dir /x 999 -- exec 0 /bin/true
    broken "make-dir: its words" make-dir /x 17777 -- exec 0 /bin/true
    broken "mount: its words" mount ext4 x /x "" "" fail what -- exec 0 /bin/true
    broken "file: its words" file ../x 644 text -- exec 0 /bin/true
    broken "file: its words" file /x 644 text -- exec 0 /bin/true
    broken "map-ids: its words" map-ids "0 0" "" -- exec 0 /bin/true
    broken "map-ids: its words" map-ids "0 0 1x" "" -- exec 0 /bin/true
    broken "passwd: its words" passwd a:b:c -- exec 0 /bin/true
    broken "level: its words" level high -- exec 0 /bin/true
    broken "privileges: its words" privileges some -- exec 0 /bin/true
    broken "env-set: its words" env-keep -- env-set A=B c -- exec 0 /bin/true
    broken "cwd: its words" cwd warn -- exec 0 /bin/true
    broken "hostname: its words" hostname "$(printf 'x%.0s' {1..65})" -- exec 0 /bin/true
}

@test "a bad list of namespaces is refused" {
    plan "$p" unshare user,time -- exec 0 /bin/true
    refused "unshare: its words"
    plan "$p" unshare user, -- exec 0 /bin/true
    refused "unshare: its words"
    plan "$p" unshare "" -- exec 0 /bin/true
    refused "unshare: its words"
}

@test "a plan ends in its payload and has no second one" {
    broken "the payload is its last operation" umask 022
    broken "the payload is its last operation" exec 0 /bin/true -- exec 0 /bin/true
    plan "$p"
    refused "it has no operation"
}

@test "the order of operations is checked" {
    broken "only one unshare" unshare ipc -- exec 0 /bin/true
    broken "env-keep or env-drop comes before" env-set A b -- exec 0 /bin/true
    broken "only one of env-keep and env-drop" env-keep A -- env-drop B -- exec 0 /bin/true
    broken "init without a new PID namespace" init -- exec 0 /bin/true
    broken "skip-if-same stands before a bind" skip-if-same /a /b -- exec 0 /bin/true
    broken "only one of init and fork" fork -- fork -- exec 0 /bin/true
    plan "$p" unshare user,pid -- exec 0 /bin/true
    refused "a new PID namespace without init or fork"
    plan "$p" unshare user,pid,mount -- mount proc proc /proc "" "" fail proc -- init -- exec 0 /bin/true
    refused "proc of a new PID namespace is mounted after init or fork"
    plan "$p" map-ids "" "" -- exec 0 /bin/true
    refused "map-ids without a new user namespace"
}

@test "an argument index beyond the command line is refused" {
    broken "an argument index beyond" exec 9
    broken "nothing to execute" exec 0
    broken "nothing to execute" exec 3
}

@test "an operation before what it needs is one line" {
    plan "$p" "${namespaces[@]}" pivot -- exec 0 /bin/true
    run launch
    is_text "$output" "FATAL:   the plan has no root yet"
    plan "$p" "${namespaces[@]}" "${session[@]}" root-overlay ro -- exec 0 /bin/true
    run launch
    is_text "$output" "FATAL:   the plan has no image yet"
    plan "$p" "${namespaces[@]}" "${image[@]}" exec 0 /bin/true
    run launch
    is_text "$output" "FATAL:   the plan has no session directory yet"
}

@test "every golden plan of the planner's tests is taken" {
    local golden count=0
    for golden in "$BATS_TEST_DIRNAME"/../resources/plans/*.plan; do
        [ -e "$golden" ] || skip "no golden plans here"
        run "$BERTH_BUILD/test/unit" read "$golden"
        is_text "$golden: $output" "$golden: "
        is_text "$status" 0
        count=$((count + 1))
    done
    [ $count -gt 0 ]
}

@test "20000 fuzzed plans are read without a fault, and those that a launcher gets are not performed" {
    plan "$place/whole" "${start[@]}" skeleton /x file always -- group a:x:1:b -- file a/b 644 c -- \
        env-drop 'A*' B -- env-image "$place/bin/sh" 'export -p >&9' sh A=b -- cwd warn / -- umask 022 -- exec 3 a b
    run "$BERTH_BUILD/test/unit" fuzz "$place/whole" 20000 1
    is_text "$status" 0
    has_text "$output" refused

    # The same through the program: each is broken at its end, whatever else is changed.
    local i
    for i in {1..60}; do
        { head -c $((RANDOM % 300)) "$place/whole"; head -c $((RANDOM % 40)) /dev/urandom
          printf 'exec\0002\0000\0/bin/touch\0%s\0no-end\0' "$place/touched"; } >"$p"
        run launch
        is_text "$status" 255
        has_text "$output" "malformed plan"
    done
    [ ! -e "$place/touched" ]
}

@test "the program is static and small" {
    [ "$BERTH_BINARY" = berth ] || skip "this is the sanitizers' build"
    [ "$(stat -c %s "$berth")" -le $((150 * 1024)) ]
    has_text "$(readelf -l "$berth")" LOAD
    lacks_text "$(readelf -lW "$berth")" INTERP
}
