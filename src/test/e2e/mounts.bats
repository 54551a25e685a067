#!/usr/bin/env bats
# What is mounted over what (docs/mounts.md), seen from inside.

bats_require_minimum_version 1.5.0
load helper

@test "in the home directory --home DIR:HOME shows DIR, not the host's home" {
    local home
    home=$(getent passwd "$BERTH_USER" | cut -d: -f6)
    install -d -o "$BERTH_USER" other
    touch other/mine
    run --separate-stderr as_user sh -c 'cd "$1" && exec "$2" exec --home "$3:$1" "$4" ls' - "$home" "$BERTH" "$PWD/other" "$IMAGE"
    [[ $status == 0 && $output == mine && $stderr == "" ]]
}

@test "a home below /tmp is seen with --contain" {
    local home
    home=$(as_user mktemp -d /tmp/berth-home.XXXXXX)
    touch "$home/mine"
    run --separate-stderr berth exec -c -H "$home" "$IMAGE" sh -c 'ls "$HOME"; ls /tmp'
    rm -rf "$home"
    [[ $status == 0 && ${lines[0]} == mine && ${lines[1]} == "${home##*/}" ]]
}

@test "a bind below the working directory is seen" {
    install -d -o "$BERTH_USER" here/in there
    touch there/mine
    run --separate-stderr as_user sh -c 'cd here && exec "$1" exec -B "$2:$PWD/in" "$3" ls in' - "$BERTH" "$PWD/there" "$IMAGE"
    [[ $status == 0 && $output == mine ]]
}

@test "a bind in a read-only bind is there, and can be written" {
    install -d -o "$BERTH_USER" r w
    touch f
    chown "$BERTH_USER" f
    run --separate-stderr berth exec -B "$PWD/r:/data:ro" -B "$PWD/f:/data/x" -B "$PWD/w:/data/deep/w" "$IMAGE" \
        sh -c 'echo one >/data/x && echo two >/data/deep/w/y && touch /data/z'
    echo "$output $stderr"
    [[ $status != 0 && $stderr == *"/data/z"*"Read-only"* ]]
    [[ $(<f) == one && $(<w/y) == two && -e r/x && -d r/deep/w ]]
}

@test "--writable of an image file is refused, in a line that names what to do" {
    run --separate-stderr berth exec --writable "$IMAGE" touch /x
    refused 255 "--writable" "--sandbox" "--writable-tmpfs"
}

@test "--writable of a sandbox has home and working directory" {
    berth build --sandbox box "$IMAGE"
    install -d -o "$BERTH_USER" here
    local home
    home=$(getent passwd "$BERTH_USER" | cut -d: -f6)
    run --separate-stderr as_user sh -c 'cd here && exec "$1" exec --writable ../box sh -c "pwd; ls -d \"$2\"; touch /made here"' - \
        "$BERTH" "$home" </dev/null
    echo "$output $stderr"
    [[ $status == 0 && ${lines[0]} == "$PWD/here" && ${lines[1]} == "$home" && $stderr != *"[home]"* && $stderr != *"[cwd]"* ]]
    [[ -e box/made && -e here/here ]]
}

@test "enable overlay = no, enable underlay = no: what the image has no place for is skipped or refused" {
    printf 'enable overlay = no\nenable underlay = no\n' >none.conf
    printf 'enable overlay = no\nenable underlay = yes\n' >under.conf
    install -d -o "$BERTH_USER" there
    touch there/mine
    run --separate-stderr berth --config none.conf exec "$IMAGE" sh -c 'echo ran; touch /x'
    echo "$output $stderr"
    [[ $status != 0 && $output == ran && $stderr == *"Read-only"* ]]
    run --separate-stderr berth --config none.conf exec -B "$PWD/there:/mnt" "$IMAGE" ls /mnt
    echo "$output $stderr"
    [[ $status == 0 && $output == mine ]]
    run --separate-stderr berth --config none.conf exec -B "$PWD/there:/no/place" "$IMAGE" ls /no/place
    refused 255 /no/place
    run --separate-stderr berth --config under.conf exec -B "$PWD/there:/no/place" "$IMAGE" ls /no/place
    echo "$output $stderr"
    [[ $status == 0 && $output == mine ]]
    for option in --writable-tmpfs --compat; do
        run --separate-stderr berth --config under.conf exec "$option" "$IMAGE" true
        refused 255 "needs an overlay, which this site forbids (enable-overlay)"
    done
}
