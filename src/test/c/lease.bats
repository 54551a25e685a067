#!/usr/bin/env bats
# Containers that are kept: a layer on disk, who one is in it, and who may be in it at a time.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154 # bats; texts for other shells; lists with commas
load helpers

setup_more() {
    command -v mksquashfs >/dev/null || return 0
    mksquashfs "$place/rootfs" "$place/kept.sqfs" -all-root -quiet -no-progress >/dev/null
    chmod 644 "$place/kept.sqfs"
}

# An empty layer, and the plan's start: the caller is root where the image is mounted, whose files are root's.
layer() {
    need_fuse
    layer=$place/layer-$BATS_TEST_NUMBER
    as_user mkdir -p "$layer"/{upper,work}
    as_user touch "$layer/lock"
    as_user unshare -rm mount -t overlay -o "lowerdir=/etc,upperdir=$layer/upper,workdir=$layer/work,userxattr" none /mnt ||
        skip "no overlay of ordinary users on this file system"
    kept=(unshare user,mount -- map-ids "0 $uid 1" "0 $gid 1" -- "${session[@]}"
        image-squash "$place/kept.sqfs" 0 /usr/bin/squashfuse_ll --)
    own=(identity "$uid 0 1" "$gid 0 1" --)
    end=(env-keep HOME -- env-set PATH /bin -- privileges drop -- exec 3)
}

writes='id -u >/uid; echo more >>/etc/passwd; rm /etc/group; mv /etc/passwd /etc/moved; mkdir /usr/bin/new; rmdir /mnt; mkdir /mnt; touch /mnt/x'

@test "what is written into a layer is there the next time, and the user's on the host" {
    layer
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/upper" "$layer/work" rw -- "${kernel[@]}" pivot -- "${own[@]}" "${end[@]}"
    run launch /bin/sh -ec "$writes"
    is_text "$output" ""
    is_text "$status" 0
    run launch /bin/sh -c 'cat /uid; tail -n 1 /etc/moved; ls /etc; ls /usr/bin; ls -A /mnt'
    is_text "$output" "$uid
nobody:x:65534:65534::/:/bin/falsemore
moved
new
x"
    [ -z "$(find "$layer" ! -user "$user")" ]
    [ -c "$layer/upper/etc/group" ]
}

@test "identity gives the caller its own id again, and nothing that it could not do before" {
    layer
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/upper" "$layer/work" rw -- "${kernel[@]}" pivot -- "${own[@]}" "${end[@]}"
    run launch /bin/sh -c 'id -u; id -g; grep CapEff /proc/self/status; cat /proc/self/uid_map | xargs; mount -t tmpfs none /mnt 2>/dev/null || echo refused; stat -c %u /etc/passwd'
    is_text "$output" "$uid
$gid
CapEff:	0000000000000000
$uid 0 1
refused
$uid"
}

@test "without identity the caller is root, and the files are the user's all the same" {
    layer
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/upper" "$layer/work" rw -- "${kernel[@]}" pivot -- \
        env-keep HOME -- env-set PATH /bin -- privileges keep -- exec 3
    run launch /bin/sh -ec "$writes; chown 0:0 /etc/moved; stat -c %u:%g /uid; cat /uid"
    is_text "$output" "0:0
0"
    is_text "$(stat -c %u:%g "$layer/upper/uid")" "$uid:$gid"
}

@test "a container without /proc can have the caller's own id" {
    layer
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/upper" "$layer/work" rw -- pivot -- "${own[@]}" "${end[@]}"
    run launch /bin/id -u
    is_text "$output" "$uid"
}

@test "a layer can be shown without being written, and layers lie on each other" {
    layer
    as_user mkdir "$layer/middle"
    as_user sh -c "echo middle >'$layer/middle/file'; echo upper >'$layer/upper/own'"
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/upper" "$layer/work" ro "$layer/middle" -- "${kernel[@]}" pivot -- "${own[@]}" "${end[@]}"
    run launch /bin/sh -c 'cat /file /own; touch /new 2>/dev/null || echo refused'
    is_text "$output" "middle
upper
refused"
}

@test "paths with the separators of overlay's options" {
    layer
    as_user mkdir -p "$layer/a:b,c\\d/upper" "$layer/a:b,c\\d/work"
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/a:b,c\\d/upper" "$layer/a:b,c\\d/work" rw -- pivot -- "${own[@]}" "${end[@]}"
    run launch /bin/touch /new
    is_text "$output" ""
    [ -e "$layer/a:b,c\\d/upper/new" ]
}

@test "a file system without user attributes is refused in words, as is what cannot be mounted" {
    layer
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/upper" "$layer/work" rw -- pivot -- "${own[@]}" "${end[@]}"
    run as_user "$place/bin/deny" ENOTSUP setxattr -- "$berth" --plan "$p" /bin/true
    is_text "$status" 255
    has_text "$output" "FATAL:   layer $layer/upper: its file system has no user extended attributes"
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/upper" /proc rw -- pivot -- "${own[@]}" "${end[@]}"
    run launch /bin/true
    is_text "$status" 255
    has_text "$output" "FATAL:   mount the layer $layer/upper over the image: "
    has_text "$output" "need Linux 5.11"
    as_user ln -s / "$layer/link"
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/link" "$layer/work" rw -- pivot -- "${own[@]}" "${end[@]}"
    run launch /bin/true
    is_text "$status" 255
    has_text "$output" "layer $layer/link"
}

# The plan $p, which starts the kept container and holds it.
lease_plan() { # again|refuse
    plan "$p" lease "$layer/lock" "$1" box -- "${kept[@]}" root-overlay-dir "$layer/upper" "$layer/work" rw -- "${kernel[@]}" pivot -- \
        "${own[@]}" env-keep HOME -- privileges drop -- hold 6 7
}

@test "a second one that starts a container that is held is refused, and says so" {
    layer
    lease_plan refuse
    export berth p layer
    run held '"$berth" --plan "$p" 6>/dev/null 7</dev/null 2>&1; echo "status $?"; kill -0 "$1" && echo alive'
    has_text "$output" "FATAL:   container box: a step of yours on this node has it; join that one, or wait for its end
status 255"
    has_text "$output" "alive"
    # It is free again when the holder has ended.
    run held 'cut -d" " -f1 "$layer/lock"; echo "$1"'
    is_text "$status" 0
    is_text "$(sed -n 1p <<<"$output")" "$(sed -n 2p <<<"$output")"
}

@test "who joins is in the same namespaces, keeps the container when the first has ended, and is a holder itself" {
    layer
    lease_plan refuse
    export berth p layer helpers=$place/helpers.bash
    # The user may not be able to read the clone.
    cp "$BATS_TEST_DIRNAME/helpers.bash" "$helpers"
    run held '
        read -r pid start <"$layer/lock"
        [ "$pid" = "$1" ] || { echo "lock names $pid, not $1"; exit 1; }
        . "$helpers"
        plan "$p.join" join "$layer/lock" "$pid" "$start" box -- env-keep HOME -- privileges drop -- cwd warn /etc -- hold 6 8
        mkfifo "$p.second"; exec 8<>"$p.second"
        "$berth" --plan "$p.join" 6>"$p.joined" 8<"$p.second" &
        second=$!
        for ((i = 0; i < 3000; i++)); do
            [ "$(tail -c 4 "$p.joined" | tr "\0" .)" != end. ] || break
            sleep 0.01
        done
        for namespace in user mnt; do
            [ "$(readlink "/proc/$1/ns/$namespace")" = "$(readlink "/proc/$second/ns/$namespace")" ] || echo "another $namespace"
        done
        grep -E "Cap(Eff|Bnd)|NoNewPrivs" "/proc/$second/status" | tr -s "\t\n" "  "
        echo "$(wc -l <"$layer/lock") holders"
        kill -KILL "$1"
        while kill -0 "$1" 2>/dev/null && [[ $(ps -o stat= "$1") != Z* ]]; do sleep 0.01; done
        "$berth" --plan "$p" 6>/dev/null 7</dev/null 2>&1
        exec 8>&-
        wait "$second"'
    has_text "$output" "CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1"
    has_text "$output" "2 holders"
    has_text "$output" "a step of yours on this node has it"
    lacks_text "$output" "another"
    plan "$p" "${kept[@]}" root-overlay-dir "$layer/upper" "$layer/work" rw -- pivot -- "${own[@]}" "${end[@]}"
    run launch /bin/true
    is_text "$status" 0
}

@test "who finds the container held waits, and asks again from the start" {
    layer
    lease_plan again
    export berth p
    # The plan is the same one each time here, and the container is held: the launcher gives up in the end.
    run held '"$berth" --plan "$p" 6>/dev/null 7</dev/null 2>&1'
    has_text "$output" "FATAL:   container box: others started and ended it all the time; try again"
    # A holder that is gone is not joined.
    sleep 100 &
    gone=$!
    plan "$p" join "$layer/lock" "$gone" 1 box -- env-keep -- hold 6 7
    run launch
    kill "$gone"
    has_text "$output" "container box: others started"
}

@test "lease and join stand at the front of a plan that holds" {
    for words in "level 1 -- unshare user,mount -- lease /x again box -- env-keep -- hold 6 7" \
        "lease /x again box -- env-keep -- exec 0 /bin/true" \
        "join /x 1 1 box -- unshare mount -- env-keep -- hold 6 7" \
        "identity 1 0 1 -- env-keep -- exec 0 /bin/true"; do
        # shellcheck disable=SC2086
        plan "$p" $words
        run launch
        is_text "$status" 255
        has_text "$output" "FATAL:   malformed plan: "
    done
}

@test "a lock file that is a link is not followed" {
    layer
    as_user ln -s "$layer/lock" "$layer/link"
    plan "$p" lease "$layer/link" again box -- "${kept[@]}" root-overlay ro -- pivot -- env-keep -- hold 6 7
    run launch
    is_text "$status" 255
    has_text "$output" "container box: open $layer/link"
}
