#!/usr/bin/env bats
# Bad input ends in one line and the right exit status.

bats_require_minimum_version 1.5.0
load helper

@test "an unknown option is a usage error" {
    run --separate-stderr berth exec --no-such-option "$IMAGE" true
    refused 1 no-such-option
}

@test "an unknown command is a usage error" {
    run --separate-stderr berth nosuchcommand
    refused 1 nosuchcommand
}

@test "a missing image is named" {
    run --separate-stderr berth exec missing.sif true
    refused 255 missing.sif "no such file"
}

@test "a file that is no image is refused" {
    echo text >text.sif
    run --separate-stderr berth exec text.sif true
    refused 255 text.sif
}

@test "a SIF cut short is refused" {
    head -c 40000 "$IMAGE" >cut.sif
    run --separate-stderr berth exec cut.sif true
    refused 255 cut.sif
}

@test "a command that is not in the image is status 255" {
    run --separate-stderr berth exec "$IMAGE" nosuchcommand
    refused 255 nosuchcommand 'executable file not found in $PATH'
    run --separate-stderr berth exec "$IMAGE" /no/such
    refused 255 "stat /no/such: no such file or directory"
}

@test "existing output is kept without --force" {
    echo mine >x.sif
    run --separate-stderr berth pull x.sif "docker://$REGISTRY/hello"
    refused 255 x.sif "already exists"
    [[ $(<x.sif) == mine ]]
}

@test "an unwritable target directory is named and nothing is left" {
    chmod 555 .
    chown root .
    run --separate-stderr berth pull x.sif "docker://$REGISTRY/hello"
    refused 255 x.sif "ermission denied"
    [[ -z $(ls) ]]
}

@test "a full target directory: needed and free bytes are named, nothing is left" {
    run --separate-stderr unshare -m sh -c 'mount -t tmpfs -o size=200k,mode=1777 none . && cd "$PWD" && "$@"; s=$?; ls -A; exit $s' sh \
        runuser -u "$BERTH_USER" -- env HOME="$place/home" APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$place/cache" "$BERTH" pull x.sif "docker://$REGISTRY/hello"
    refused 255
    [[ $stderr =~ [0-9].*[0-9] && $output == "" ]]
}

@test "a tag that is not there" {
    run --separate-stderr berth pull x.sif "docker://$REGISTRY/hello:nosuch"
    refused 255 nosuch
    [[ ! -e x.sif ]]
}

@test "no registry there" {
    run --separate-stderr berth pull x.sif docker://127.0.0.1:1/hello
    refused 255 127.0.0.1:1
}

@test "an option of a later issue says so instead of being ignored" {
    run --separate-stderr berth exec --fakeroot "$IMAGE" true
    [[ $status != 0 ]]
    [[ $stderr == *"not available yet"* ]]
}

@test "user namespaces switched off: the reason in words" {
    [[ -e /proc/sys/user/max_user_namespaces ]] || skip "the kernel has no such limit"
    local before
    before=$(</proc/sys/user/max_user_namespaces)
    echo 0 2>/dev/null >/proc/sys/user/max_user_namespaces || skip "the limit cannot be set here"
    run --separate-stderr berth exec "$IMAGE" true
    echo "$before" >/proc/sys/user/max_user_namespaces
    refused 255 user.max_user_namespaces
}

@test "swapped words, a mistyped file and a mistyped scheme are told with what was meant" {
    run --separate-stderr berth pull docker://alpine alpine.sif
    refused 255 "'alpine.sif' names no registry" "berth pull alpine.sif docker://alpine"
    run --separate-stderr berth pull alpine.sif
    refused 255 "write docker://alpine.sif"
    run --separate-stderr berth build docker://alpine alpine.sif
    refused 255 "'docker://alpine' is no file that could be made" "berth build alpine.sif docker://alpine"
    cp "$IMAGE" "$place/work/hello.sif"
    chmod 644 "$place/work/hello.sif"
    run --separate-stderr berth exec "$place/work/helo.sif" true
    refused 255 "helo.sif: no such file or directory" "is it hello.sif?"
    run --separate-stderr berth exec "$place/work/other.sif" true
    refused 255 "other.sif: no such file or directory"
    [[ $stderr != *"is it"* ]]
    run --separate-stderr berth exec dokcer://alpine true
    refused 255 "is it docker://alpine?"
}
