#!/usr/bin/env bats
# The session, the image, the root and what is mounted in it, as an ordinary user.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2054,SC2154,SC2314 # bats; texts for other shells; lists with commas
load helpers

in_container() { # COMMAND, after the ops in "${ops[@]}"
    plan "$p" "${start[@]}" "${ops[@]}" "${finish[@]}"
    run launch /bin/sh -c "$1"
}

setup_more() {
    mkdir "$place"/data "$place"/data/sub "$place"/other
    echo data >"$place/data/file"
    echo other >"$place/other/file"
    [ "$(id -u)" != 0 ] || chown -R "$(ordinary_user):" "$place"/{data,other}
}

@test "a directory becomes the root, and nothing of the host is left" {
    ops=()
    in_container 'ls /; ls /work /usr/lib; cat /proc/mounts'
    has_text "$output" "overlay / overlay rw,nosuid,nodev"
    lacks_text "$output" "$place"
    has_text "$output" "ls: /usr/lib: No such file or directory"
}

@test "a root overlay that is ro cannot be written" {
    plan "$p" "${namespaces[@]}" "${session[@]}" "${image[@]}" root-overlay ro -- "${finish[@]}"
    run launch /bin/touch /x
    is_text "$output" "touch: /x: Read-only file system"
}

@test "a root overlay that is rw leaves the image as it was" {
    ops=()
    in_container 'echo new >/etc/new; rm /etc/passwd; ls /etc'
    is_text "$output" $'group\nnew'
    is_text "$(ls "$place/rootfs/etc")" $'group\npasswd'
}

@test "root-bind ro shows the image itself, unwritable; rw writes into it" {
    plan "$p" "${namespaces[@]}" "${session[@]}" "${image[@]}" root-bind ro -- "${finish[@]}"
    run launch /bin/touch /tmp/x
    is_text "$output" "touch: /tmp/x: Read-only file system"
    plan "$p" "${namespaces[@]}" "${session[@]}" "${image[@]}" root-bind rw -- "${finish[@]}"
    run launch /bin/touch /tmp/x
    is_text "$output" ""
    [ -e "$place/rootfs/tmp/x" ]
    rm "$place/rootfs/tmp/x"
}

@test "an image's options hold for its root" {
    plan "$p" "${namespaces[@]}" "${session[@]}" image-dir "$place/rootfs" ro,nosuid,nodev -- root-bind rw -- \
        "${kernel[@]}" "${finish[@]}"
    run launch /bin/cat /proc/mounts
    has_text "$(grep ' / ' <<<"$output")" "ro,nosuid,nodev"
}

@test "bind shows a directory, a file, and what lies below only with rec" {
    ops=(bind "$place/data" /mnt "" fail x -- bind "$place/other/file" /etc/group "" fail x --)
    in_container 'cat /mnt/file /etc/group'
    is_text "$output" $'data\nother'
    # A tree of the host with locked mounts below it is refused without rec.
    ops=(bind /sys /sys rec,ro fail sys --)
    in_container 'ls /sys/kernel >/dev/null && touch /sys/x'
    has_text "$output" "Read-only file system"
}

@test "bind options are set on the mount and on those below it" {
    ops=(bind "$place/data" /mnt ro,nosuid,nodev,noexec fail x --)
    in_container 'grep " /mnt " /proc/mounts; touch /mnt/x'
    has_text "$output" " ro,nosuid,nodev,noexec,"
    has_text "$output" "touch: /mnt/x: Read-only file system"
    ops=(bind /dev /mnt rec,ro fail x --)
    in_container 'grep " /mnt/" /proc/mounts | grep -v " ro,"'
    is_text "$output" ""
}

@test "a later bind hides an earlier one on the same target" {
    ops=(bind "$place/data" /mnt "" fail x -- bind "$place/other" /mnt "" fail x --)
    in_container 'cat /mnt/file'
    is_text "$output" other
}

@test "a missing target is made, skipped, warned about or fatal, as the plan says" {
    ops=(bind "$place/data" /a/b/c "" create x -- bind "$place/data/file" /a/f "" create x --)
    in_container 'cat /a/b/c/file /a/f; stat -c "%a %F" /a /a/b'
    is_text "$output" $'data\ndata\n755 directory\n755 directory'
    ops=(bind "$place/data" /nowhere "" skip x --)
    in_container 'ls -d /nowhere'
    is_text "$output" "ls: /nowhere: No such file or directory"
    ops=(bind "$place/data" /nowhere "" warn tmp --)
    in_container 'echo on'
    is_text "$output" "WARNING: Skipping mount $place/data [tmp]: /nowhere doesn't exist in container"$'\non'
    ops=(bind "$place/data" /nowhere "" fail "user bind" --)
    in_container 'echo on'
    is_text "$status" 255
    is_text "$output" "FATAL:   user bind $place/data: destination /nowhere doesn't exist in container"
}

@test "a missing source is fatal for fail and create, a warning for warn, nothing for skip" {
    for missing in fail create; do
        ops=(bind /no/where /mnt "" "$missing" "user bind" --)
        in_container 'echo on'
        is_text "$status" 255
        is_text "$output" "FATAL:   user bind /no/where to /mnt: mount source /no/where doesn't exist"
    done
    ops=(bind /no/where /mnt "" warn x --)
    in_container 'echo on'
    is_text "$output" $'WARNING: skipping mount of /no/where: stat /no/where: no such file or directory\non'
    ops=(bind /no/where /mnt "" skip x --)
    in_container 'echo on'
    is_text "$output" on
}

@test "a directory is not mounted on a file, nor a file on a directory" {
    ops=(bind "$place/data" /etc/group "" create "user bind" --)
    in_container 'echo on'
    is_text "$output" "FATAL:   user bind $place/data: cannot mount a directory on the file /etc/group"
    ops=(bind "$place/data/file" /mnt "" warn hosts --)
    in_container 'echo on'
    is_text "$output" "WARNING: Skipping mount $place/data/file [hosts]: a file cannot be mounted on the directory /mnt"$'\non'
}

@test "a symbolic link of the image leads nowhere outside it" {
    mkdir -p "$place/rootfs/links" "$place/outside"
    ln -s "$place/outside" "$place/rootfs/links/absolute"
    ln -s ../../../../../../../.. "$place/rootfs/links/up"
    ln -s /proc/self/root "$place/rootfs/links/magic"
    ln -s a "$place/rootfs/links/b"
    ln -s b "$place/rootfs/links/a"
    ops=(bind "$place/data" /links/absolute "" create x -- bind "$place/data" "/links/up$place/outside/made" "" create x --)
    in_container "cat $place/outside/file $place/outside/made/file; ls /"
    has_text "$output" $'data\ndata\n'
    is_text "$(ls "$place/outside")" ""
    ops=(bind "$place/data" /links/magic/etc "" fail x --)
    in_container 'echo on'
    is_text "$status" 255
    ops=(bind "$place/data" /links/a/x "" fail x --)
    in_container 'echo on'
    is_text "$status" 255
    has_text "$output" "destination /links/a/x"
    rm -r "$place/rootfs/links"
}

@test "the walk without openat2 leads to the same places" {
    mkdir -p "$place/rootfs/links/d"
    ln -s /etc "$place/rootfs/links/e"
    ln -s ../../../../etc/passwd "$place/rootfs/links/up"
    local unit=$BERTH_BUILD/test/unit inside
    for inside in / /. /etc /etc/passwd /etc/passwd/x /links/e/passwd /links/up /links/../etc/./group /links/d/.. \
        /../../etc /none /none/x "links/d" //etc//passwd/ /links/e/../mnt; do
        run "$unit" path "$place/rootfs" "$inside"
        is_text "$("$place/bin/deny" ENOSYS openat2 -- "$unit" path "$place/rootfs" "$inside" || true)" "$output"
    done
    rm -r "$place/rootfs/links"
}

@test "mount points missing in the image are made beside it" {
    mkdir -p "$place/rootfs/real" "$place/rootfs/closed"
    chmod 750 "$place/rootfs/closed"
    [ "$(id -u)" != 0 ] || chown "$user:" "$place/rootfs/closed"
    ln -s /real/target "$place/rootfs/dangling"
    plan "$p" "${namespaces[@]}" "${session[@]}" "${image[@]}" skeleton /new/deep dir -- skeleton /dangling file -- \
        skeleton /closed/x dir -- skeleton /etc/passwd file -- skeleton /mnt dir always -- root-overlay ro -- \
        bind "$place/data" /new/deep "" fail x -- bind "$place/data/file" /dangling "" fail x -- "${finish[@]}"
    run launch /bin/sh -c 'cat /new/deep/file /real/target; stat -c %a /new /closed /closed/x; cat /etc/passwd | head -1'
    is_text "$output" $'data\ndata\n755\n750\n755\nroot:x:0:0:root:/root:/bin/sh'
    is_text "$(ls "$place/rootfs/real")" ""
    rm -r "$place"/rootfs/{real,closed,dangling}
}

@test "skeleton with always makes a directory that is there belong to the caller" {
    need_root
    mkdir "$place/rootfs/theirs" "$place/rootfs/theirs2"
    chown root: "$place"/rootfs/{theirs,theirs2}
    plan "$p" "${namespaces[@]}" "${session[@]}" "${image[@]}" skeleton /theirs dir always -- skeleton /theirs2 dir -- \
        root-overlay ro -- "${finish[@]}"
    run launch /bin/stat -c %u /theirs /theirs2
    is_text "$output" "$uid"$'\n65534'
    rm -r "$place"/rootfs/{theirs,theirs2}
}

@test "mount points below an earlier bind are made on the host" {
    ops=(bind "$place/data" /mnt "" fail x -- bind "$place/other" /mnt/made/here "" create x --)
    in_container 'cat /mnt/made/here/file'
    is_text "$output" other
    [ -d "$place/data/made/here" ]
    rm -r "$place/data/made"
}

@test "the kernel's filesystems are mounted with their options" {
    ops=(make-dir /t 755 -- mount tmpfs tmpfs /t nosuid,nodev mode=1777,size=4k fail scratch --
        make-dir /pts 755 -- mount devpts devpts /pts nosuid,noexec newinstance,ptmxmode=0666,mode=620 fail dev --)
    in_container 'grep -E " /(t|pts) " /proc/mounts; stat -c %a /t'
    has_text "$output" "/t tmpfs rw,nosuid,nodev,"
    has_text "$output" "/pts devpts rw,nosuid,noexec,"
    has_text "$output" 1777
    ops=(mount mqueue mqueue /none "" "" skip x --)
    in_container 'echo on'
    is_text "$output" on
}

@test "a mount that the kernel refuses is one line" {
    ops=(mount tmpfs tmpfs /mnt "" nonsense=1 fail scratch --)
    in_container 'echo on'
    is_text "$status" 255
    is_text "$output" "FATAL:   scratch: mount tmpfs on /mnt: invalid argument"
}

@test "make-dir, symlink and require-file work in the container" {
    ops=(make-dir /a/b 1777 -- make-dir /etc 700 -- symlink /proc/self/fd /a/fd -- symlink x /etc/passwd --
        require-file /a/fd "no /a/fd" --)
    in_container 'stat -c %a /a /a/b /etc; readlink /a/fd; readlink /etc/passwd'
    is_text "$output" $'755\n1777\n755\n/proc/self/fd'
    ops=(require-file /no/script "it is missing" --)
    in_container 'echo on'
    is_text "$status" 255
    is_text "$output" "FATAL:   it is missing"
}

@test "the bind after skip-if-same is passed over where both paths are one" {
    ln -s tmp "$place/rootfs/alias"
    local target wanted
    for target in /alias:tmp /mnt:data /none:tmp; do
        ops=(file t 644 tmp -- bind-session t /tmp/file "" create x -- skip-if-same /tmp "${target%:*}" --
            bind "$place/data" "${target%:*}" "" skip x --)
        in_container "cat ${target%:*}/file || cat /tmp/file"
        wanted=${target#*:}
        is_text "${lines[-1]}" "$wanted"
    done
    rm "$place/rootfs/alias"
}

@test "directories are made and files removed on the host" {
    touch "$place/data/unneeded"
    ops=(make-host-dir "$place/data/new/deep" 1770 -- make-host-dir "$place/data/sub" 777 -- remove-file "$place/data/unneeded" --
        remove-file "$place/data/unneeded" --)
    in_container 'echo on'
    is_text "$output" on
    is_text "$(stat -c %a "$place"/data/{new,new/deep,sub} | tr '\n' ' ')" "755 1770 $(stat -c %a "$place/data") "
    [ ! -e "$place/data/unneeded" ]
    rm -r "$place/data/new"
    ops=(make-host-dir "$place/data/file/x" 755 --)
    in_container 'echo on'
    is_text "$output" "FATAL:   make the directory $place/data/file/x: not a directory"
}

@test "modes in a plan do not depend on the caller's umask" {
    ops=(make-dir /a/b 777 -- file f 666 text -- make-session-dir d/e 777 -- bind-session f /tmp/f "" create x --
        bind-session d/e /tmp/e "" create x --)
    plan "$p" "${start[@]}" "${ops[@]}" "${finish[@]}"
    umask 077
    run launch /bin/stat -c %a /a /a/b /tmp/f /tmp/e
    is_text "$output" $'755\n777\n666\n777'
}

@test "files of the session are bound into the container" {
    ops=(file etc/hosts 644 $'127.0.0.1 localhost\n' -- bind-session etc/hosts /etc/hosts ro,nosuid,nodev create hosts --
        make-session-dir home 700 -- bind-session home /home "" fail home --)
    in_container 'cat /etc/hosts; echo x >/etc/hosts; echo y >/home/y; cat /home/y; stat -c %a /home'
    has_text "$output" "127.0.0.1 localhost"
    has_text "$output" "Read-only file system"
    has_text "$output" $'y\n700'
}

@test "a session is limited to its size" {
    plan "$p" "${namespaces[@]}" session "$place/session" 64 -- "${image[@]}" root-overlay rw -- "${kernel[@]}" "${finish[@]}"
    run launch /bin/sh -c 'dd if=/dev/zero of=/tmp/x bs=1000 count=100; stat -c %s /tmp/x'
    has_text "$output" "No space left on device"
    [ "${lines[-1]}" -le 65536 ]
}

@test "a session of half the memory" {
    plan "$p" "${namespaces[@]}" session "$place/session" half -- "${image[@]}" root-overlay rw -- "${kernel[@]}" "${finish[@]}"
    run launch /bin/sh -c 'dd if=/dev/zero of=/tmp/x bs=1M count=70 && echo fits'
    has_text "$output" "fits"
}

@test "the caller is appended to passwd as the last line" {
    ops=(passwd "ann:x:$uid:$gid:Ann Other:/home/ann:/bin/bash" --)
    in_container 'cat /etc/passwd; grep /etc/passwd /proc/mounts'
    is_text "${lines[2]}" "ann:x:$uid:$gid:Ann Other:/home/ann:/bin/bash"
    has_text "${lines[3]}" nosuid,nodev
    lacks_text "$(cat "$place/rootfs/etc/passwd")" ann
}

@test "an entry of the caller's uid keeps its shell and gets name, gecos and home" {
    cp "$place/rootfs/etc/passwd" "$place/passwd"
    printf 'root:x:0:0::/root:/bin/ash\nold:y:%d:77:Old:/old:/bin/zsh\nlast:x:9:9::/:\n' "$uid" >"$place/rootfs/etc/passwd"
    ops=(passwd "ann:x:$uid:$gid:Ann:/home/ann:/bin/bash" --)
    in_container 'cat /etc/passwd'
    is_text "$output" $'root:x:0:0::/root:/bin/ash\n'"ann:y:$uid:77:Ann:/home/ann:/bin/zsh"$'\nlast:x:9:9::/:'
    ops=(passwd "root:x:0:0:Me:/data:/bin/bash" --)
    in_container 'head -n 1 /etc/passwd'
    is_text "$output" "root:x:0:0::/data:/bin/ash"
    cp "$place/passwd" "$place/rootfs/etc/passwd"
}

@test "groups that the image lacks are appended" {
    ops=(group "staff2:x:50:me" "mine:x:4711:me" "other:x:4712:me" --)
    in_container 'cat /etc/group'
    is_text "$output" $'root:x:0:\nstaff:x:50:x\nmine:x:4711:me\nother:x:4712:me'
}

@test "an image without passwd and group gets warnings, one with odd ones too" {
    mkdir "$place/bare" "$place/bare/bin" "$place/bare/etc"
    cp /bin/busybox "$place/bare/bin/sh"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-dir "$place/bare" "" -- root-overlay ro -- \
        passwd "a:x:$uid:$gid:::" -- group "a:x:1:" -- "${finish[@]}"
    run launch /bin/sh -c 'echo on'
    is_text "$output" "WARNING: passwd file doesn't exist in container, not updating
WARNING: group file doesn't exist in container, not updating
on"
    mkfifo "$place/bare/etc/passwd"
    truncate -s 2M "$place/bare/etc/group"
    run launch /bin/sh -c 'echo on'
    is_text "${lines[0]}" "WARNING: passwd file doesn't exist in container, not updating"
    has_text "${lines[1]}" "WARNING: group file of the container is not updated: "
    is_text "${lines[2]}" on
    rm -r "$place/bare"
}

@test "a missing session or image directory is one line" {
    plan "$p" "${namespaces[@]}" session /no/where 0 -- exec 0 /bin/true
    run launch
    is_text "$output" "FATAL:   session directory /no/where: no such file or directory"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-dir /no/where "" -- exec 0 /bin/true
    run launch
    is_text "$output" "FATAL:   image /no/where: no such file or directory"
}

@test "a temporary image is gone after the payload, whatever modes it has" {
    mkdir "$place/temporary"
    cp -r "$place/rootfs" "$place/temporary/root"
    mkdir "$place/temporary/root/locked" "$place/temporary/root/locked/in"
    ln -s "$place/data" "$place/temporary/root/locked/in/link"
    chmod 500 "$place/temporary/root/locked/in"
    chmod 000 "$place/temporary/root/locked"
    [ "$(id -u)" != 0 ] || chown -R "$user:" "$place/temporary"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-temporary "$place/temporary" -- root-overlay rw -- "${finish[@]}"
    run launch /bin/sh -c 'echo running'
    is_text "$output" running
    soon test ! -e "$place/temporary"
    is_text "$(cat "$place/data/file")" data
    # Also when the launch fails on the way.
    mkdir -p "$place/temporary/root"
    [ "$(id -u)" != 0 ] || chown -R "$user:" "$place/temporary"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-temporary "$place/temporary" -- root-overlay rw -- \
        require-file /x "stop" -- exec 0 /bin/true
    run launch
    is_text "$output" "FATAL:   stop"
    soon test ! -e "$place/temporary"
}

@test "a temporary image of 20,000 nested directories is removed with 40 descriptors and a stack of 1 MiB" {
    mkdir "$place/temporary"
    cp -r "$place/rootfs" "$place/temporary/root"
    [ "$(id -u)" != 0 ] || chown -R "$user:" "$place/temporary"
    # What is there gets a parent, again and again: no path is ever long.
    python3 -c '
import os, sys
os.chdir(sys.argv[1])
def make(name):
    os.mkdir(name)
    os.chown(name, int(sys.argv[2]), -1)
make("deep")
for i in range(20000):
    make("outer")
    os.rename("deep", "outer/d")
    os.rename("outer", "deep")
' "$place/temporary/root" "$uid"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-temporary "$place/temporary" -- root-overlay rw -- "${finish[@]}"
    run as_user sh -c 'ulimit -n 40; ulimit -s 1024; exec "$0" "$@"' "$berth" --plan "$p" /bin/sh -c 'echo running'
    is_text "$output" running
    for i in {1..60}; do if soon test ! -e "$place/temporary"; then break; fi; done
    [ ! -e "$place/temporary" ]
}

@test "an image that was exchanged after it was looked at is not used" {
    mkdir -p "$place/temporary"
    cp -r "$place/rootfs" "$place/temporary/root"
    [ "$(id -u)" != 0 ] || chown -R "$user:" "$place/temporary"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-temporary "$place/temporary" 7:7 -- root-overlay rw -- "${finish[@]}"
    run launch /bin/sh -c 'echo running'
    is_text "$output" "FATAL:   image $place/temporary: it was exchanged or changed after it was looked at, and is not used"
    plan "$p" "${namespaces[@]}" "${session[@]}" image-temporary "$place/temporary" "$(stat -c %d:%i "$place/temporary")" -- \
        root-overlay rw -- "${finish[@]}"
    run launch /bin/sh -c 'echo running'
    is_text "$output" running
    soon test ! -e "$place/temporary"
}

# An image that is a directory may belong to another user, who changes it during the launch.
@test "a read-only bind is read-only, however its mount point is exchanged meanwhile" {
    local i
    cp -r "$place/rootfs" "$place/sandbox"
    mkdir "$place/sandbox/one" "$place/sandbox/two"
    [ "$(id -u)" != 0 ] || chown -R "$user:" "$place/sandbox"
    python3 -c '
import os, sys
os.chdir(sys.argv[1])
while True:
    os.rename("one", "three"); os.rename("two", "one"); os.rename("three", "two")
' "$place/sandbox" 3>&- &
    local swapper=$!
    plan "$p" "${namespaces[@]}" "${session[@]}" image-dir "$place/sandbox" "" -- root-bind rw -- \
        bind "$place/rootfs" /one "" skip x -- bind "$place/data" /two ro skip x -- "${finish[@]}"
    for i in $(seq 300); do
        # Where the binding itself came too late there is no container, which is fine.
        run launch /bin/touch /one/probe /two/probe
        [ ! -e "$place/data/probe" ] || { kill $swapper; return 1; }
    done
    kill $swapper
    wait $swapper 2>/dev/null || true
    rm -r "$place/sandbox"
}

@test "all of it works without openat2, the new mount calls and close_range" {
    for error in ENOSYS EPERM; do
        # A mount hidden by a later one keeps its flags: it cannot be reached, nor remounted.
        plan "$p" "${start[@]}" bind "$place/data" /a/b "ro,nosuid" create x -- bind /dev /mnt rec,ro fail x -- \
            passwd "ann:x:$uid:$gid:Ann:/home/ann:/bin/bash" -- file h 644 hello -- bind-session h /etc/hosts ro create x -- \
            make-dir /d/e 700 -- symlink a /d/l -- "${finish[@]}"
        run as_user "$place/bin/deny" $error close_range openat2 open_tree move_mount mount_setattr pidfd_open -- \
            "$berth" --plan "$p" /bin/sh -c 'cat /a/b/file; touch /a/b/x; grep -c "ann" /etc/passwd; cat /etc/hosts
            grep " /a/b " /proc/mounts | cut -d" " -f4; touch /mnt/shm/x; readlink /d/l'
        is_text "${lines[0]}" data
        has_text "$output" "touch: /a/b/x: Read-only file system"
        has_text "$output" $'1\nhello'
        has_text "$output" "ro,nosuid,"
        has_text "$output" "touch: /mnt/shm/x: Read-only file system"
        is_text "${lines[-1]}" a
    done
}

@test "mount_setattr alone may be missing" {
    plan "$p" "${start[@]}" bind "$place/data" /mnt ro,rec fail x -- "${finish[@]}"
    run as_user "$place/bin/deny" ENOSYS mount_setattr -- "$berth" --plan "$p" /bin/touch /mnt/x
    is_text "$output" "touch: /mnt/x: Read-only file system"
}

@test "where the root cannot be pivoted it is moved" {
    ops=()
    plan "$p" "${start[@]}" "${finish[@]}"
    run as_user "$place/bin/deny" EINVAL pivot_root -- "$berth" --plan "$p" /bin/ls /
    has_text "$output" mnt
    lacks_text "$output" work
}
