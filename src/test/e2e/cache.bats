#!/usr/bin/env bats
# shellcheck shell=bash disable=SC2016,SC2154 # texts for other shells; variables of the helper
# Where images are kept, how long, and what becomes of a damaged one.

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    export HELLO=docker://$REGISTRY/hello OTHER=docker://$REGISTRY/whiteouts
}

images() { find "$place/cache/cache/oci-tmp" -type f; } # in the cache

images_are() { # NUMBER
    local count
    count=$(images | wc -l)
    [[ $count == "$1" ]] || { echo "$count images, not $1"; return 1; }
}

make_old() { # all of the cache: as if it had been used last long ago
    find "$place/cache/cache" -type f -exec touch -h -d '30 days ago' {} +
}

site() { # LINE...: the site's settings, in the file site.yaml
    printf '%s\n' "$@" >"$place/site.yaml"
    chmod 644 "$place/site.yaml"
}

small_disk() { # OPTIONS: a file system of the user's at $place/disk, until the test's end
    install -d "$place/disk"
    mount -t tmpfs -o "mode=755,uid=$(id -u "$BERTH_USER"),$1" small "$place/disk"
}

teardown() {
    cd /
    if [[ -n ${sleeper:-} ]]; then kill -KILL -- "-$sleeper" 2>/dev/null || true; fi
    if mountpoint -q "$place/disk"; then umount -l "$place/disk"; fi
    rm -rf "$place"
}

@test "where: what the user names, else the site's first fit place, else the home directory" {
    run --separate-stderr berth cache where images
    [[ $status == 0 && $output == "$place/cache" ]]
    run --separate-stderr berth APPTAINER_CACHEDIR= cache where images
    [[ $status == 0 && $output == */.apptainer ]]
    small_disk size=1m,noexec
    install -d -m 777 "$place/open"
    site cache-path: '  - $NOSUCH/berth' "  - /proc/berth" "  - $place/open" "  - $place/disk" "  - $place/work/\$USER/\$UID" \
        tmp-path: "  - $place/disk" '  - /tmp'
    run --separate-stderr berth APPTAINER_CACHEDIR= --config "$place/site.yaml" cache where --explain
    echo "$output"
    [[ $status == 0 ]]
    [[ $output == *"refused \$NOSUCH/berth (cache-path): NOSUCH is not set"* ]]
    [[ $output == *"refused /proc/berth (cache-path): it does not exist, and /proc is not writable"* ]]
    [[ $output == *"refused $place/open (cache-path): it belongs to root (user 0)"* ]]
    [[ $output == *"refused $place/disk (cache-path): it is on tmpfs (memory)"* ]]
    [[ $output == *"taken   $place/work/\$USER/\$UID (cache-path): "* && $output == *"passed  "*"(default): an earlier one is fit"* ]]
    [[ $output == *"refused $place/disk (tmp-path): programs cannot be run from it (noexec)"* && $output == *"tmp: /tmp"* ]]
    run --separate-stderr berth APPTAINER_CACHEDIR= --config "$place/site.yaml" cache where
    [[ $output == *"blobs   $place/work/$BERTH_USER/$(id -u "$BERTH_USER")"* && $output == *"stage   -"* ]]
    run --separate-stderr berth cache where nosuch
    refused 255 "nosuch"
    [[ -z $(find "$place/work" "$place/disk" -mindepth 1) ]]
}

@test "a pull fills the place that where names" {
    site cache-path: '  - $NOSUCH/berth' "  - $place/work/\$USER"
    run --separate-stderr berth APPTAINER_CACHEDIR= --config "$place/site.yaml" run "$HELLO"
    echo "$stderr"
    [[ $status == 0 && $output == "hello, world"* ]]
    [[ -n $(find "$place/work/$BERTH_USER/cache/oci-tmp" -type f) && -n $(find "$place/work/$BERTH_USER/cache/blob/names" -type f) ]]
    [[ $(stat -c %a "$place/work/$BERTH_USER") == 700 ]]
    run --separate-stderr berth APPTAINER_CACHEDIR= --config "$place/site.yaml" run "$HELLO"
    [[ $stderr == *"Using cached SIF image"* ]]
}

@test "gc removes the least recently used files down to a limit, and says before what it would do" {
    run --separate-stderr berth cache gc
    refused 255 "--max-bytes"
    run --separate-stderr berth cache gc --max-bytes lots
    refused 255 "lots"
    berth -q exec "$HELLO" true
    berth -q exec "$OTHER" true
    images_are 2
    run --separate-stderr berth cache gc --max-files 0
    echo "$output $stderr"
    [[ $status == 0 && $output == "Removed 0 file(s)"* && $stderr == *"used a moment ago"* ]]
    make_old
    berth -q exec "$OTHER" true
    run --separate-stderr berth cache gc --max-files 1 --dry-run
    [[ $status == 0 && $output == *"Not actually deleting"*"Would remove"* ]]
    images_are 2
    run --separate-stderr berth cache gc --max-files 1
    echo "$output $stderr"
    [[ $status == 0 && $output == *"; 1 file(s), "*" are left" && $stderr != *WARNING* ]]
    images_are 1
    run --separate-stderr berth exec "$OTHER" true
    [[ $status == 0 && $stderr == *"Using cached SIF image"* ]]
    run --separate-stderr berth -q run "$HELLO"
    [[ $status == 0 && $output == "hello, world"* ]]
}

@test "the site's limits hold where none is given" {
    berth -q exec "$HELLO" true
    make_old
    site 'cache-max-bytes: 0'
    run --separate-stderr berth --config "$place/site.yaml" cache gc
    echo "$output $stderr"
    [[ $status == 0 && $output == *"; 0 file(s), "* ]]
    images_are 0
}

@test "gc keeps an image that runs" {
    berth -q exec "$OTHER" true
    setsid runuser -u "$BERTH_USER" -- env -i PATH=/usr/bin:/bin HOME="$place/home" APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$place/cache" \
        "$BERTH" -q exec "$OTHER" sh -c 'echo runs; exec sleep 600' >"$place/out" 2>&1 </dev/null 3>&- 4>&- &
    sleeper=$!
    for _ in $(seq 600); do
        grep -q runs "$place/out" && break
        sleep 0.1
    done
    grep -q runs "$place/out"
    make_old
    run --separate-stderr berth cache gc --max-bytes 0
    echo "$output $stderr"
    [[ $status == 0 && $stderr == *"1 open in a process of this machine"* ]]
    images_are 1
    kill -KILL -- "-$sleeper"
    for _ in $(seq 600); do
        run --separate-stderr berth cache gc --max-bytes 0
        [[ $stderr == *"open in a process"* ]] || break
        sleep 0.1
    done
    images_are 0
}

@test "a pinned image stays until it is unpinned" {
    run --separate-stderr berth cache pin "$HELLO"
    echo "$stderr"
    [[ $status == 0 && $stderr == *"Pinned $HELLO"* ]]
    run --separate-stderr berth cache pin
    [[ $status == 0 && $output == *" $HELLO" ]]
    berth -q exec "$OTHER" true
    make_old
    run --separate-stderr berth cache gc --max-bytes 0
    [[ $status == 0 && $stderr == *"1 pinned"* ]]
    images_are 1
    run --separate-stderr berth cache unpin docker://nosuch
    refused 255 "docker://nosuch is not pinned"
    run --separate-stderr berth cache pin ./some.sif
    refused 255 "some.sif"
    run --separate-stderr berth cache unpin "$HELLO"
    [[ $status == 0 ]]
    run --separate-stderr berth cache gc --max-bytes 0
    [[ $status == 0 && $output == *"; 0 file(s), "* ]]
}

@test "an image that a job uses stays as long as the job" {
    berth SLURM_JOB_ID=77 SLURM_JOB_END_TIME="$(date -d '1 hour' +%s)" -q exec "$HELLO" true
    berth SLURM_JOB_ID=78 SLURM_JOB_END_TIME="$(date -d '2 days ago' +%s)" -q exec "$OTHER" true
    make_old
    run --separate-stderr berth cache gc --max-bytes 0
    echo "$output $stderr"
    [[ $status == 0 && $stderr == *"1 used by job 77"* && $stderr != *"job 78"* ]]
    images_are 1
}

@test "verify reads all, removes what is damaged, and the next use makes it anew" {
    berth -q exec "$HELLO" true
    run --separate-stderr berth cache verify
    [[ $status == 0 && $output == *"all are as they were made" ]]
    local image blob
    image=$(images)
    blob=$(find "$place/cache/cache/blob/blobs" -type f -printf '%s %p\n' | sort -rn | sed -n '1s/^[0-9]* //p')
    printf X | dd of="$image" bs=1 seek=70000 conv=notrunc status=none
    printf X | dd of="$blob" bs=1 seek=100 conv=notrunc status=none
    run --separate-stderr berth cache verify
    echo "$output $stderr"
    refused 255 "2 of " "were damaged" "$(basename "$image") is damaged and has been removed" "$(basename "$blob")"
    [[ ! -e $image && ! -e $blob ]]
    run --separate-stderr berth cache verify
    [[ $status == 0 ]]
    run --separate-stderr berth -q run "$HELLO"
    [[ $status == 0 && $output == "hello, world"* && -e $image && -e $blob ]]
}

@test "an image that was cut is noticed at its use" {
    berth -q exec "$HELLO" true
    local image
    image=$(images)
    truncate -s -1 "$image"
    run --separate-stderr berth run "$HELLO"
    [[ $status == 0 && $output == "hello, world"* && $stderr != *"Using cached SIF image"* ]]
    run --separate-stderr berth run "$HELLO"
    [[ $stderr == *"Using cached SIF image"* ]]
}

@test "the commands of the cache work on a store, too" {
    local store=$place/store part
    part=$store/$(id -u "$BERTH_USER")
    install -d -m 1777 "$store"
    berth APPTAINER_CACHEDIR="$part" -q pull a.sif "$HELLO"
    run --separate-stderr berth cache list --store "$store"
    [[ $status == 0 && $output == *" 1 container file(s)"* ]]
    run --separate-stderr berth cache where --store "$store" images
    [[ $output == "$part"* ]]
    berth -q cache pin --store "$store" "$HELLO"
    run --separate-stderr berth cache gc --store "$store" --max-bytes 0
    [[ $status == 0 && $output == *"Removed 0 file(s)"* || $stderr == *pinned* ]]
    berth -q cache unpin --store "$store" "$HELLO"
    berth -q cache clean --force --store "$store"
    [[ -z $(find "$part/cache/oci-tmp" -type f) ]]
    run --separate-stderr berth cache list --store "$place/nosuch"
    refused 255 "$place/nosuch"
}

@test "what is pulled is the image alone" {
    berth -q pull --reproducible a.sif "$HELLO"
    berth -q pull --reproducible --disable-cache b.sif "$HELLO"
    cmp a.sif b.sif
}

@test "a full disk is told before anything is fetched, with the numbers" {
    small_disk size=64k
    run --separate-stderr berth APPTAINER_CACHEDIR="$place/disk" run "$OTHER"
    refused 255 "no space: " " needed, " " free" "$place/disk" "berth cache gc"
    [[ -z $(find "$place/disk" -type f -size +20k) ]]
    umount "$place/disk"
    small_disk size=64m,nr_inodes=14
    run --separate-stderr berth APPTAINER_CACHEDIR="$place/disk" run "$OTHER"
    refused 255 "no space: " " files needed, " " free" "$place/disk"
}

@test "a TMPDIR that does not exist: a cached image needs none, and what is written goes to another place" {
    run --separate-stderr berth TMPDIR=/nowhere exec "docker://$REGISTRY/hello" true
    [[ $status == 0 ]]
    run --separate-stderr berth TMPDIR=/nowhere -q exec "docker://$REGISTRY/hello" true
    [[ $status == 0 && $stderr == "" ]]
    run --separate-stderr berth APPTAINER_TMPDIR=/nowhere -q exec "docker://$REGISTRY/hello" true
    [[ $status == 0 && $stderr == "" ]]
    run --separate-stderr berth TMPDIR=/nowhere exec --disable-cache "docker://$REGISTRY/hello" true
    [[ $status == 0 && $stderr == *"WARNING: TMPDIR is /nowhere, which does not exist here: "*" is used"* ]]
    run --separate-stderr berth APPTAINER_TMPDIR=/nowhere exec --disable-cache "docker://$REGISTRY/hello" true
    refused 255 /nowhere APPTAINER_TMPDIR
}
