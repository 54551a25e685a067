#!/usr/bin/env bats
# How the payload is found and what is said when it cannot be.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154,SC2314 # bats; texts for other shells; lists with commas
load helpers

in_container() { # WORD…: arguments of exec
    plan "$p" "${start[@]}" pivot -- env-drop PATH -- "${env[@]}" privileges drop -- exec 3
    run launch "$@"
}

env=(env-set PATH /bin --)

@test "arguments reach the payload as they are" {
    in_container sh -c 'for a; do echo "<$a>"; done' x "a b" '$HOME' '' $'two\nlines' "*"
    is_text "$output" $'<a b>\n<$HOME>\n<>\n<two\nlines>\n<*>'
}

@test "words of the plan come before the command line's" {
    plan "$p" env-drop -- exec 4 /bin/echo -n "a b"
    run launch left out
    is_text "$output" "a b out"
    plan "$p" env-drop -- exec 0 /bin/echo a
    run launch left out
    is_text "$output" a
}

@test "a program is searched in the container's PATH" {
    env=(env-set PATH /none:/usr/bin:/bin --)
    in_container echo found
    is_text "$output" found
    env=(env-set PATH /none --)
    in_container echo found
    is_text "$status" 255
    is_text "$output" 'FATAL:   "echo": executable file not found in $PATH'
    env=()
    in_container echo "the usual places"
    is_text "$output" "the usual places"
}

@test "what is not there, is no program or has no name is told as Apptainer does" {
    in_container /bin/nosuch
    is_text "$status" 255
    is_text "$output" "FATAL:   stat /bin/nosuch: no such file or directory"
    in_container foo
    is_text "$output" 'FATAL:   "foo": executable file not found in $PATH'
    in_container /etc/passwd
    is_text "$status" 255
    is_text "$output" "FATAL:   permission denied"
    in_container /etc
    is_text "$output" "FATAL:   permission denied"
    in_container ""
    is_text "$output" 'FATAL:   "": executable file not found in $PATH'
    touch "$place/rootfs/bin/data"
    in_container data
    is_text "$output" 'FATAL:   "data": executable file not found in $PATH'
}

@test "a command line in quotes is told to be one word" {
    in_container "ls -l"
    is_text "$output" 'FATAL:   "ls -l": executable file not found in $PATH (that is one word: leave its quotes out, or say sh -c and then it)'
    in_container "ls / && pwd"
    is_text "$output" "FATAL:   stat ls / && pwd: no such file or directory (that is one word: leave its quotes out, or say sh -c and then it)"
}

@test "a program without its loader and one of another machine are explained" {
    cp /usr/bin/env "$place/rootfs/bin/dynamic"
    in_container /bin/dynamic
    is_text "$status" 255
    is_text "$output" "FATAL:   exec /bin/dynamic failed: a shared library is likely missing in the image"
    # e_machine is at offset 18: 183 is arm64.
    cp /bin/busybox "$place/rootfs/bin/foreign"
    printf '\xb7\x00' | dd of="$place/rootfs/bin/foreign" bs=1 seek=18 conv=notrunc 2>/dev/null
    [ "$(uname -m)" = x86_64 ] || skip "written for x86_64"
    in_container foreign
    is_text "$status" 255
    is_text "$output" "FATAL:   image targets 'arm64', cannot run on 'amd64'"
    head -c 100 /dev/zero >"$place/rootfs/bin/zeros"
    chmod +x "$place/rootfs/bin/zeros"
    in_container zeros
    is_text "$output" "FATAL:   exec /bin/zeros failed: exec format error"
    rm "$place"/rootfs/bin/{dynamic,foreign,zeros}
}

@test "a text file without #! is run by a shell" {
    printf 'echo "$0 $*"\n' >"$place/rootfs/bin/script"
    chmod +x "$place/rootfs/bin/script"
    in_container script a b
    is_text "$output" "/bin/script a b"
    # By the static shell, where there was one: the image needs none.
    mkdir -p "$place/bare/bin"
    cp "$place/rootfs/bin/script" "$place/bare/bin/script"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-dir "$place/bare" "" -- root-overlay rw -- pivot -- \
        env-drop -- env-image "$place/bin/sh" 'export -p >&9' sh -- exec 3
    run launch /bin/script a b
    is_text "$output" "/bin/script a b"
    rm -r "$place/bare" "$place/rootfs/bin/script"
}

script_plan() { # CANDIDATE…
    plan "$p" "${start[@]}" pivot -- env-drop -- privileges drop -- \
        exec-script 3 "$place/bin/sh" "${otherwise[@]}" "$@"
}

otherwise=(stop 3 "no script")

@test "exec-script runs a shell script by the static shell, others by their interpreter" {
    mkdir -p "$place/rootfs/s"
    printf '#!/bin/sh\necho "$0 $*"; readlink /proc/$$/exe\n' >"$place/rootfs/s/sh"
    printf '#! /bin/sh -e \nfalse\necho no\n' >"$place/rootfs/s/option"
    printf 'echo "none $*"\n' >"$place/rootfs/s/none"
    printf '#!/bin/cat\nshown\n' >"$place/rootfs/s/cat"
    printf '#!/bin/shell\nshown\n' >"$place/rootfs/s/other"
    chmod +x "$place"/rootfs/s/{cat,other}
    script_plan /s/missing /s/sh /s/none
    run launch a "b c"
    is_text "${lines[0]}" "/s/sh a b c"
    # Not the container's file: it is not called by a path that is there.
    lacks_text "${lines[1]:-}" busybox
    script_plan /s/none
    run launch x
    is_text "$output" "none x"
    script_plan /s/option
    run launch
    is_text "$status" 1
    is_text "$output" ""
    script_plan /s/cat
    run launch
    is_text "$output" $'#!/bin/cat\nshown'
    script_plan /s/other
    run launch
    has_text "$output" "exec /s/other failed"
    rm -r "$place/rootfs/s"
}

@test "without a script exec-script does what the plan says" {
    script_plan /s/missing /none
    run --separate-stderr launch
    is_text "$status" 3
    is_text "$output" "no script"
    is_text "$stderr" ""
    otherwise=(nothing 0 "No test script")
    script_plan /none
    run launch
    is_text "$status" 0
    is_text "$output" "INFO:    No test script"
    otherwise=(shell 0 "No runscript")
    script_plan /none
    run launch -c 'echo "shell $0 $1"' a b
    is_text "$output" $'INFO:    No runscript\nshell a b'
}

@test "exec-shell takes the first shell that there is, with its options, and sets SHELL" {
    plan "$p" "${start[@]}" pivot -- env-drop SHELL -- exec-shell /bin/bash /etc/passwd $'/bin/sh\n-e' /bin/ash
    run launch <<<'echo $0 $SHELL $-; false; echo no'
    is_text "$status" 1
    has_text "$output" "/bin/sh /bin/sh"
    lacks_text "$output" no
    plan "$p" "${start[@]}" pivot -- env-drop -- exec-shell $'/bin/bash\n--norc' /none/sh
    run launch
    is_text "$status" 1
    is_text "$output" "ERROR:   /none/sh does not exist in container"
}

@test "the working directory is the first that works, and PWD says so" {
    mkdir -p "$place/rootfs/home/me"
    ln -sf me "$place/rootfs/home/link"
    plan "$p" "${start[@]}" pivot -- env-drop PWD -- cwd fatal /home/link -- exec 3
    run launch /bin/sh -c 'pwd; env | grep ^PWD'
    is_text "$output" $'/home/me\nPWD=/home/me'
    plan "$p" "${start[@]}" pivot -- env-drop PWD -- cwd warn /no /none /home/me / -- exec 3
    run launch /bin/pwd
    is_text "$output" "WARNING: Error changing the container working directory. Using '/home/me' instead: chdir /no: no such file or directory"$'\n/home/me'
    plan "$p" "${start[@]}" pivot -- env-drop PWD -- cwd fatal /nosuch / -- exec 3
    run launch /bin/pwd
    is_text "$status" 255
    is_text "$output" "FATAL:   failed to set working directory: chdir /nosuch: no such file or directory"
    rm -r "$place"/rootfs/home/*
}

@test "level hides messages, and plain or no terminal means no colour" {
    local level
    for level in -3:0 -1:1 1:1; do
        plan "$p" level "${level%:*}" -- env-keep -- cwd warn /no / -- exec 0 /bin/true
        run launch
        is_text "$(grep -c WARNING <<<"$output" || true)" "${level#*:}"
    done
    command -v script >/dev/null || skip "no script(1)"
    plan "$p" cwd fatal /no -- exec 0 /bin/true
    has_text "$(script -qec "env -u NOCOLOR -u NO_COLOR $berth --plan $p" /dev/null || true)" $'\033[31mFATAL:  \033[0m failed'
    plan "$p" level 1 plain -- cwd fatal /no -- exec 0 /bin/true
    has_text "$(script -qec "$berth --plan $p" /dev/null || true)" "FATAL:   failed"
}

@test "a name in a message cannot write lines of its own" {
    plan "$p" require-file /x $'no\nINFO:    all is well\033[2J' -- exec 0 /bin/true
    in_container $'/no\nINFO:\033[2J'
    is_text "$output" "FATAL:   stat /no?INFO:?[2J: no such file or directory"
}
