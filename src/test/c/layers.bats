#!/usr/bin/env bats
# How the launcher's files stand on each other. The Makefile names them from top to bottom.

load helpers

setup() {
    place=$(mktemp -d)
    cd "$BATS_TEST_DIRNAME/../../main/c" || return
}

teardown() {
    rm -rf "$place"
}

@test "a file of the launcher uses only those that stand below it" {
    local file name symbol upwards="" number=0 uses=0
    declare -A level=() home=()
    for file in $(make -s sources); do
        name=$(basename "$file" .c)
        level[$name]=$((++number))
        gcc -std=gnu11 -D_GNU_SOURCE -c -o "$place/$name.o" "$file"
        while read -r symbol; do home[$symbol]=$name; done < <(nm --defined-only -g "$place/$name.o" | cut -d' ' -f3)
    done
    [ "$number" -gt 20 ]
    for name in "${!level[@]}"; do
        while read -r symbol; do
            file=${home[$symbol]:-}
            [ -n "$file" ] || continue
            uses=$((uses + 1))
            [ "${level[$file]}" -gt "${level[$name]}" ] || upwards+="$name uses $symbol of $file"$'\n'
        done < <(nm -u "$place/$name.o" | awk '{ print $2 }')
    done
    [ "$uses" -gt 100 ]
    is_text "$upwards" ""
}

@test "every C file is compiled into the launcher, and none is longer than 450 lines" {
    is_text "$(make -s sources | tr ' ' '\n' | sort)" "$(printf "%s\n" *.c common/*.c | sort)"
    is_text "$(wc -l ./*.c common/*.c | awk '$1 > 450 && $2 != "total" { print $2 }')" ""
}
