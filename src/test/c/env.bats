#!/usr/bin/env bats
# The payload's environment.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154,SC2314 # bats; texts for other shells; lists with commas
load helpers

# Only an environment and a payload: everything happens on the host.
environment() { # OPS…; runs env with the given variables of the caller
    plan "$p" "$@" exec 0 /usr/bin/env -0
}

launch_with() { # NAME=VALUE…
    as_user env -i ASAN_OPTIONS="$ASAN_OPTIONS" "$@" "$berth" --plan "$p" | grep -azv ^ASAN_ | tr '\0' '|'
}

@test "env-keep leaves only these names" {
    environment env-keep B D N --
    is_text "$(launch_with A=1 B=2 C=3 BB=4 D=)" "B=2|D=|"
}

@test "env-drop leaves all but these, by name or prefix" {
    environment env-drop A 'P_*' --
    is_text "$(launch_with A=1 AA=2 P_X=3 P_=4 P=5)" "AA=2|P=5|"
    environment env-drop ASAN_OPTIONS --
    is_text "$(launch_with A=$'two\nlines' B=$'\xff')" $'A=two\nlines|B=\xff|'
}

@test "names that no shell has go along" {
    environment env-drop --
    is_text "$(launch_with A=1 'BASH_FUNC_x%%=() { :; }' a-b=2 1x=3)" "A=1|BASH_FUNC_x%%=() { :; }|a-b=2|1x=3|"
}

@test "env-set and env-unset change it in place" {
    environment env-drop -- env-set A new -- env-set N "x=y z" -- env-unset B X -- env-set E "" --
    is_text "$(launch_with A=1 B=2 C=3)" "A=new|C=3|N=x=y z|E=|"
}

@test "without env operations the payload has no environment" {
    environment umask 022 --
    is_text "$(launch_with A=1)" ""
}

script='export -p >&9'

@test "env-image runs the shell whatever descriptors the caller has open" {
    plan "$p" "${start[@]}" pivot -- env-drop -- env-image "$place/bin/sh" "export NEW=yes; export -p >&9" sh PATH=/bin -- privileges drop -- exec 3
    for last in 2 3 4 5 6 7 8 9 10 11; do
        run as_user bash -c 'for ((fd = 3; fd <= $1; fd++)); do eval "exec $fd</dev/null"; done; shift; exec "$@"' - "$last" "$berth" --plan "$p" /bin/sh -c 'echo $NEW'
        is_text "$last: $output" "$last: yes"
    done
}

@test "env-image takes what the script exports, and the caller's other variables" {
    environment env-drop 'ASAN*' -- env-set S set -- \
        env-image "$place/bin/sh" "export X=\"a'b
c=\\\"d\\\" \\\\ \\\$e\" EMPTY= SECOND=image; $script" sh GIVEN=given PATH=/bin -- env-unset PWD SHLVL OLDPWD --
    is_text "$(launch_with SECOND=caller EMPTY=full C=3)" \
        "GIVEN=given|PATH=/bin|SECOND=image|X=a'b
c=\"d\" \\ \$e|C=3|S=set|"
}

@test "the script's name, arguments and descriptors are its own" {
    environment env-drop -- env-image "$place/bin/sh" "export ZERO=\$0 N=\$#; echo said; $script" name -- env-unset PWD SHLVL OLDPWD --
    is_text "$(launch_with 9<<<nine | grep -a -o 'said\|ZERO=name|\|N=0|')" $'said\nN=0|\nZERO=name|'
}

@test "a script that fails ends the launch with its status" {
    environment env-drop -- env-image "$place/bin/sh" "exit 7" sh --
    run launch
    is_text "$status" 7
    is_text "$output" ""
    environment env-drop -- env-image "$place/bin/sh" "exit 0" sh --
    run launch
    is_text "$status" 0
    is_text "$output" ""
    environment env-drop -- env-image "$place/bin/sh" 'kill -9 $$' sh --
    run launch
    is_text "$status" 255
    is_text "$output" "FATAL:   the image's environment scripts were ended by signal 9 (Killed)"
    environment env-drop -- env-image "$place/bin/sh" 'echo nonsense >&9' sh --
    run launch
    is_text "$status" 255
    is_text "$output" "FATAL:   what the image's environment scripts export cannot be read"
}

@test "a missing shell is one line" {
    environment env-drop -- env-image /no/shell "$script" sh --
    run launch
    is_text "$output" "FATAL:   open the shell /no/shell: no such file or directory"
}

@test "the script runs in the container, without privileges, and the shell need not be there" {
    mkdir "$place/bare"
    cp /bin/busybox "$place/bare/busybox"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-dir "$place/bare" "" -- root-overlay rw -- \
        bind /proc /proc rec create proc -- pivot -- env-drop -- \
        env-image "$place/bin/sh" "while read -r n v; do case \$n in
            CapEff:|NoNewPrivs:) eval export \${n%:}=\$v ;; esac; done </proc/self/status; export IN=\$(echo /*); $script" sh -- \
        privileges drop -- exec 0 /busybox env
    run launch
    has_text "$output" CapEff=0000000000000000
    has_text "$output" NoNewPrivs=1
    has_text "$output" "IN=/busybox /proc"
    rm -r "$place/bare"
}

exports() { # TEXT
    "$BERTH_BUILD/test/unit" exports <<<"$1" | tr '\0' '|'
}

@test "exports of every shell's quoting are read" {
    is_text "$(exports "export A='x'
export B='it'\"'\"'s'
export C=\"a\\\"b\\\$c\\\\d\\\`e\"
export D=\$'t\\tn\\n\\047\\x41\\e\\\\'
export E
export F=bare\\ word
export G=''
export H='two
export X=1
lines='
export a-b='bad name'
export 1A='bad name'
export I='ends'")" "A=x|B=it's|C=a\"b\$c\\d\`e|D=t	n
'A$(printf '\033')\\|F=bare word|G=|H=two
export X=1
lines=|I=ends|"
}

@test "exports are read as the planner reads them" {
    is_text "$(exports "$(cat "$BATS_TEST_DIRNAME/exports.txt")")" "$(cat "$BATS_TEST_DIRNAME/exports.expected")"
}

@test "exports that are none are refused" {
    local text
    for text in "A=1" "export A='open" 'export A="open' "export A=\$'open" "export A=1 B=2" $'export A=1\nlocal B=2'; do
        run "$BERTH_BUILD/test/unit" exports <<<"$text"
        is_text "$status" 1
    done
}

@test "what bash, dash and busybox write is read back the same" {
    local value=$'a\'b"c\\d$e`f`\n\ng=h \xff\t*;#~' name
    local -a shell
    for name in "bash --posix" dash "busybox sh"; do
        read -ra shell <<<"$name"
        shell[0]=$(command -v "${shell[0]}") || continue
        is_text "$(env -i V="$value" "${shell[@]}" -c 'export -p' | "$BERTH_BUILD/test/unit" exports | grep -az ^V= | tr -d '\0')" \
            "V=$value"
    done
}
