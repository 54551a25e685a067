# shellcheck shell=bash disable=SC2154 # bats sets status, output and stderr
#
# Every test gets a home, a cache and a working directory of its own; `berth` runs the command there as the ordinary user.

setup() {
    place=$(mktemp -d "$SUITE/test.XXXXXX")
    chmod 755 "$place"
    install -d -o "$BERTH_USER" "$place"/{home,cache,work}
    cd "$place/work" || return
}

teardown() {
    cd /
    chmod -R u+w "$place" 2>/dev/null || true
    rm -rf "$place"
}

# A command as the user, in the environment of the tests; words NAME=value before it are added. Without bats' own descriptors 3 and 4: a
# process that is left behind must not keep bats waiting.
as_user() {
    local -a more=()
    while [[ ${1:-} == [A-Z_]*=* ]]; do
        more+=("$1")
        shift
    done
    runuser -u "$BERTH_USER" -- env -i PATH="$(dirname "$BERTH"):/usr/bin:/bin" HOME="$place/home" USER="$BERTH_USER" LANG=C.UTF-8 TERM=dumb \
        APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$place/cache" "${more[@]}" "$@" </dev/null 3>&- 4>&-
}

berth() { # [NAME=value...] ARGUMENT...
    local -a more=()
    while [[ ${1:-} == [A-Z_]*=* ]]; do
        more+=("$1")
        shift
    done
    as_user "${more[@]}" "$BERTH" "$@"
}

# The last `run --separate-stderr` was refused: that status, one FATAL or ERROR line with these words, no stack trace.
refused() { # STATUS WORD...
    local word
    [[ $status == "$1" ]] || { echo "status $status, not $1: $stderr"; return 1; }
    shift
    [[ $(grep -cE '^(FATAL|ERROR)' <<<"$stderr") -le 1 ]] || { echo "more than one line: $stderr"; return 1; }
    [[ $stderr != *$'\tat '* && $stderr != *Exception* ]] || { echo "a stack trace: $stderr"; return 1; }
    for word; do
        [[ $stderr == *"$word"* ]] || { echo "not a word of '$word': $stderr"; return 1; }
    done
}
