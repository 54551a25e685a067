#!/usr/bin/env bats
# Squashfs images through the FUSE server, and how long that one lives.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154,SC2314 # bats; texts for other shells; lists with commas
load helpers

server=/usr/bin/squashfuse_ll

setup_more() {
    command -v mksquashfs >/dev/null || return 0
    mksquashfs "$place/rootfs" "$place/image.sqfs" -quiet -no-progress -comp zstd -force-uid 0 -force-gid 0 >/dev/null
    { head -c 8192 /dev/zero; cat "$place/image.sqfs"; } >"$place/image.sif"
    head -c 1000 "$place/image.sqfs" >"$place/short.sqfs"
    head -c 100000 "$place/image.sqfs" >"$place/half.sqfs"
    echo "this is no squashfs" >"$place/text.sqfs"
}

squash_plan() { # IMAGE OFFSET OP…
    local image=$1 offset=$2
    shift 2
    plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$image" "$offset" "$server" -- "$@"
}

# The servers of this test's image that run (a zombie that init has not yet reaped does not).
servers() {
    local process
    for process in /proc/[0-9]*; do
        case $(readlink "$process/fd/5") in
            "$place"/*) basename "$process" ;;
        esac
    done 2>/dev/null
}

no_servers() {
    [ -z "$(servers)" ]
}

@test "a squashfs becomes the root" {
    need_fuse
    squash_plan "$place/image.sqfs" 0 root-overlay rw -- "${kernel[@]}" "${finish[@]}"
    run launch /bin/sh -c 'echo x >/new; cat /new; ls -ld /etc; cat /root/x; head -n 1 /etc/passwd'
    has_text "$output" x
    # The true owner is root, who has no id in here; modes are obeyed.
    has_text "$output" "65534"
    has_text "$output" "cat: can't open '/root/x': Permission denied"
    has_text "$output" "root:x:0:0"
}

@test "a squashfs that was exchanged after it was looked at is not mounted" {
    need_fuse
    plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$place/image.sqfs" 0 "$server" "$(stat -c %d:%i "$place/image.sqfs")" -- \
        root-overlay ro -- "${finish[@]}"
    run launch /bin/echo the same
    is_text "$output" "the same"
    cp "$place/image.sqfs" "$place/other.sqfs"
    mv "$place/other.sqfs" "$place/image.sqfs"
    run launch /bin/echo another
    is_text "$status" 255
    is_text "$output" "FATAL:   image $place/image.sqfs: it was exchanged or changed after it was looked at, and is not used"
    no_servers
}

@test "modes are obeyed without an overlay too" {
    need_fuse
    squash_plan "$place/image.sqfs" 0 root-bind ro -- "${finish[@]}"
    run launch /bin/sh -c 'ls /root; touch /x'
    has_text "$output" "ls: can't open '/root': Permission denied"
    has_text "$output" "touch: /x: Read-only file system"
}

@test "a squashfs inside a file is found at its offset" {
    need_fuse
    squash_plan "$place/image.sif" 8192 root-overlay ro -- "${finish[@]}"
    run launch /bin/echo inside
    is_text "$output" inside
}

@test "a squashfs is found wherever it lies: in memory, in a directory with odd names" {
    need_fuse
    local file odd="$place/a b
c"
    mkdir -p "$odd"
    file=$(mktemp /dev/shm/berth-c.XXXXXX)
    for file in "$file" "$odd/i m.sqfs"; do
        cp "$place/image.sqfs" "$file"
        chmod 644 "$file"
        squash_plan "$file" 0 root-overlay ro -- "${finish[@]}"
        run launch /bin/echo inside
        rm -f "$file"
        is_text "$output" inside
    done
}

@test "an image that the server cannot read is one line with the server's words" {
    need_fuse
    local file
    for file in short text; do
        squash_plan "$place/$file.sqfs" 0 root-overlay ro -- "${finish[@]}"
        run launch /bin/true
        is_text "$status" 255
        is_text "${#lines[@]}" 1
        has_text "$output" "FATAL:   image $place/$file.sqfs: the squashfs server cannot read it: "
    done
    has_text "$output" "This doesn't look like a squashfs image"
    squash_plan "$place/half.sqfs" 0 root-overlay ro -- "${finish[@]}"
    run launch /bin/true
    is_text "$status" 255
    is_text "${#lines[@]}" 1
    has_text "$output" "FATAL:   image $place/half.sqfs: the squashfs server cannot read it: "
    squash_plan "$place/image.sqfs" 4096 root-overlay ro -- "${finish[@]}"
    run launch /bin/true
    is_text "$status" 255
    has_text "$output" "the squashfs server cannot read it"
    soon no_servers
}

@test "a server that an image has taken over reaches nothing but that image" {
    need_fuse
    chmod 666 "$place/image.sqfs"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$place/image.sqfs" 0 "$place/bin/hostile" -- root-overlay ro -- "${finish[@]}"
    run launch /bin/true
    is_text "$status" 255
    is_text "$output" "FATAL:   image $place/image.sqfs: the squashfs server cannot read it: nothing"
}

@test "the same where root starts it without a user namespace" {
    need_root
    need_fuse
    # What may be signalled is decided by the filter; root may do the rest.
    plan "$p" unshare mount -- "${session[@]}" image-squash "$place/image.sqfs" 0 "$place/bin/hostile" -- root-overlay ro -- "${finish[@]}"
    run "$berth" --plan "$p" /bin/true
    is_text "$status" 255
    is_text "$output" "FATAL:   image $place/image.sqfs: the squashfs server cannot read it: nothing"
}

@test "root mounts an image that only another user may read" {
    need_root
    need_fuse
    cp "$place/image.sqfs" "$place/private.sqfs"
    chown "$user" "$place/private.sqfs"
    chmod 600 "$place/private.sqfs"
    plan "$p" unshare mount -- "${session[@]}" image-squash "$place/private.sqfs" 0 "$server" -- root-overlay ro -- "${finish[@]}"
    run "$berth" --plan "$p" /bin/echo mounted
    is_text "$output" mounted
}

@test "a missing image and a missing server are one line" {
    need_fuse
    squash_plan /no/image.sif 0 root-overlay ro -- "${finish[@]}"
    run launch /bin/true
    is_text "$output" "FATAL:   image /no/image.sif: no such file or directory"
    server=/no/server squash_plan "$place/image.sqfs" 0 root-overlay ro -- "${finish[@]}"
    run launch /bin/true
    is_text "$output" "FATAL:   image $place/image.sqfs: the squashfs server cannot read it: /no/server: no such file or directory"
}

@test "the server is gone soon after the payload" {
    need_fuse
    squash_plan "$place/image.sqfs" 0 root-overlay rw -- "${finish[@]}"
    run launch /bin/true
    is_text "$status" 0
    soon no_servers
}

@test "a background process keeps the image alive, and the server ends with it" {
    need_fuse
    squash_plan "$place/image.sqfs" 0 root-overlay rw -- "${kernel[@]}" "${finish[@]}"
    mkfifo "$place/go"
    chmod 666 "$place/go"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$place/image.sqfs" 0 "$server" -- root-overlay rw -- \
        "${kernel[@]}" bind "$place" /mnt "" fail x -- "${finish[@]}"
    launch /bin/sh -c '(read x </mnt/go; grep -c root /etc/group >/mnt/session/alive) >/dev/null 2>&1 &' 3>&-
    [ -n "$(servers)" ]
    echo >"$place/go"
    soon test -s "$place/session/alive"
    soon no_servers
}

@test "the server survives an interrupt of the terminal and holds nothing of the caller's" {
    need_fuse
    squash_plan "$place/image.sqfs" 0 root-overlay rw -- "${kernel[@]}" "${finish[@]}"
    mkfifo "$place/hold" "$place/told"
    chmod 666 "$place/hold" "$place/told"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$place/image.sqfs" 0 "$server" -- root-overlay rw -- \
        "${kernel[@]}" bind "$place" /mnt "" fail x -- "${finish[@]}"
    launch /bin/sh -c 'echo >/mnt/told; read x </mnt/hold' 7</dev/zero 3>&- &
    read -r _ <"$place/told"
    local process held
    process=$(servers)
    held=$(readlink "/proc/$process/fd/"*)
    lacks_text "$held" /dev/zero
    lacks_text "$held" pipe
    lacks_text "$held" tty
    # A session of its own, and all signals as a daemon's.
    is_text "$(awk '{ print $6 }' "/proc/$process/stat")" "$process"
    is_text "$(grep SigBlk "/proc/$process/status" | cut -f2)" 0000000000000000
    echo >"$place/hold"
    wait
    soon no_servers
}

@test "a reader of the payload's output sees its end at once" {
    need_fuse
    squash_plan "$place/image.sqfs" 0 root-overlay rw -- "${finish[@]}"
    is_text "$(launch /bin/echo hello 2>&1 | cat)" hello
}

@test "the payload has no child that it did not start" {
    need_fuse
    squash_plan "$place/image.sqfs" 0 root-overlay rw -- "${kernel[@]}" "${finish[@]}"
    run launch /bin/sh -c 'read x </proc/$$/task/$$/children; echo "$x."'
    is_text "$output" .
}

@test "a launch that fails before the image is mounted leaves no server waiting" {
    need_fuse
    plan "$p" "${namespaces[@]}" session /no/where 0 -- image-squash "$place/image.sqfs" 0 "$server" -- exec 0 /bin/true
    run launch
    is_text "$output" "FATAL:   session directory /no/where: no such file or directory"
    soon no_servers
}

@test "a closed /dev/fuse is one line" {
    need_root
    need_fuse
    squash_plan "$place/image.sqfs" 0 root-overlay rw -- "${finish[@]}"
    # In a mount namespace where the device is another, closed one.
    run unshare -m sh -c "mknod $place/closed c 10 229 && chmod 600 $place/closed && mount --bind $place/closed /dev/fuse &&
        exec setpriv --reuid $uid --regid $gid --init-groups $berth --plan $p /bin/true"
    is_text "$status" 255
    is_text "$output" "FATAL:   image $place/image.sqfs: open /dev/fuse: permission denied"
}

@test "an image that was exchanged or changed after it was looked at is refused" {
    need_fuse
    local image=$place/image.sqfs file state word
    file=$(stat -c %d:%i "$image")
    # Both parts of a second, which stat prints with nine digits.
    state=$(stat -c %.9Z "$image")
    state=$file:${state/./}
    for word in "$file" "$state"; do
        plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$image" 0 "$server" "$word" -- root-overlay ro -- "${finish[@]}"
        run launch /bin/echo it runs
        is_text "$output" "it runs"
    done
    for word in "" 0:0 "$file:" "$file:0" "${file}0" "${state}0" "$state:" "x$state" "${state%?}"; do
        plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$image" 0 "$server" "$word" -- root-overlay ro -- "${finish[@]}"
        run launch /bin/echo it runs
        is_text "$status" 255
        is_text "$output" "FATAL:   image $image: it was exchanged or changed after it was looked at, and is not used"
    done
    plan "$p" "${namespaces[@]}" "${session[@]}" image-squash "$image" 0 "$server" "$state" -- root-overlay ro -- "${finish[@]}"
    # Size and time of modification as they were.
    touch -r "$image" "$place/time"
    printf x | dd of="$image" bs=1 seek=20000 conv=notrunc status=none
    touch -r "$place/time" "$image"
    run launch /bin/echo it runs
    is_text "$status" 255
    has_text "$output" "it was exchanged or changed"
    soon no_servers
}

@test "root mounts a squashfs by loop device, and by FUSE without a user namespace" {
    need_root
    need_fuse
    [ -e /dev/loop-control ] || skip "no loop devices"
    plan "$p" unshare mount -- "${session[@]}" image-loop "$place/image.sif" 8192 "$(stat -c %s "$place/image.sqfs")" -- \
        root-overlay rw -- "${kernel[@]}" pivot -- env-keep HOME -- privileges keep -- exec 3
    run "$berth" --plan "$p" /bin/sh -c 'id -u; grep -c CapEff /proc/self/status; echo x >/x; stat -c %u /etc; cat /x'
    is_text "$output" $'0\n1\n0\nx'
    plan "$p" unshare mount -- "${session[@]}" image-squash "$place/image.sif" 8192 "$server" -- \
        root-overlay rw -- pivot -- env-keep HOME -- privileges keep -- exec 3
    run "$berth" --plan "$p" /bin/stat -c %u /etc
    is_text "$output" 0
    lacks_text "$(cat /proc/mounts)" "$place"
    soon no_servers
    # The loop device goes with its last user.
    soon sh -c "! losetup -a | grep -q '$place'"
}
