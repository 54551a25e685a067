# What the launcher's tests have in common. BERTH_BUILD (where make has built) and BERTH_BINARY (berth or
# berth-asan) come from the Makefile.
#
# A test runs plans written by hand as an ordinary user: whoever runs the tests, but for root $BERTH_USER, else
# the first one of this machine, best one with sub-ids.
# shellcheck disable=SC2016,SC2034,SC2054 # texts for other shells; used by the tests; options have commas

bats_require_minimum_version 1.5.0

# Leaks are meant (see main.c). The sanitizer must leave the core limit alone: the payload inherits it.
export ASAN_OPTIONS=detect_leaks=0:disable_coredump=0

# plan FILE op word… -- op word… -- …: a plan as bytes; the counts are worked out.
plan() {
    local file=$1 word
    local -a step=()
    shift
    printf 'berth-plan\0001\0' >"$file"
    for word in "$@" --; do
        if [ "$word" = -- ]; then
            [ ${#step[@]} -gt 0 ] || continue
            printf '%s\0%d\0' "${step[0]}" $((${#step[@]} - 1)) >>"$file"
            [ ${#step[@]} -eq 1 ] || printf '%s\0' "${step[@]:1}" >>"$file"
            step=()
        else
            step+=("$word")
        fi
    done
    printf 'end\0' >>"$file"
}

ordinary_user() {
    local subuid=/etc/subuid
    [ -r $subuid ] || subuid=/dev/null
    if [ "$(id -u)" != 0 ]; then
        id -un
    elif [ -n "${BERTH_USER:-}" ]; then
        echo "$BERTH_USER"
    else
        # shellcheck disable=SC2046
        awk -F: 'FILENAME == "/etc/passwd" && $3 >= 1000 && $3 < 60000 { known[$1] = 1; if (!first) first = $1 }
            FILENAME != "/etc/passwd" && known[$1] && !best { best = $1 }
            END { print best ? best : first }' /etc/passwd $subuid
    fi
}

# A directory that the user can reach, with a busybox root as directory and as squashfs.
make_place() {
    local applet
    place=$(mktemp -d /tmp/berth-c.XXXXXX)
    mkdir "$place"/{session,bin}
    mkdir -p "$place"/rootfs/{bin,etc,proc,sys,dev,tmp,home,root,usr/bin,mnt}
    cp "$BERTH_BUILD/$BERTH_BINARY" "$place/bin/berth"
    cp "$BERTH_BUILD"/test/{deny,hostile} "$place/bin"
    cp /bin/busybox "$place/bin/sh"
    cp /bin/busybox "$place/rootfs/bin/busybox"
    for applet in $(/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -sf busybox "$place/rootfs/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false' >"$place/rootfs/etc/passwd"
    printf 'root:x:0:\nstaff:x:50:x\n' >"$place/rootfs/etc/group"
    chmod 700 "$place/rootfs/root"
    [ "$(id -u)" != 0 ] || chown -R "$(ordinary_user):" "$place"
    chmod 755 "$place" "$place/rootfs"
}

setup_file() {
    make_place
    export place
    if type setup_more >/dev/null 2>&1; then setup_more; fi
}

teardown_file() {
    rm -rf "$place"
}

setup() {
    user=$(ordinary_user)
    [ -n "$user" ] || skip "no ordinary user here"
    uid=$(id -u "$user") gid=$(id -g "$user")
    berth=$place/bin/berth p=$place/plan-$BATS_TEST_NUMBER
    cd "$place" || return
    id_maps=(map-ids "$uid $uid 1" "$gid $gid 1" --)
    # shellcheck disable=SC2054
    namespaces=(unshare user,mount -- "${id_maps[@]}")
    session=(session "$place/session" 65536 --)
    # shellcheck disable=SC2054
    image=(image-dir "$place/rootfs" nosuid,nodev,rec --)
    kernel=(bind /proc /proc rec fail proc -- bind /dev /dev rec fail dev --)
    # Most plans: the root directory below an overlay that can be written, /proc and /dev of the host.
    start=("${namespaces[@]}" "${session[@]}" "${image[@]}" root-overlay rw -- "${kernel[@]}")
    finish=(pivot -- env-keep HOME -- env-set PATH /bin -- privileges drop -- exec 3)
}

# The command as the ordinary user. setpriv, not runuser: that one stays, and holds our pipes.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid "$uid" --regid "$gid" --init-groups "$@"
    else
        "$@"
    fi
}

# launch WORD…: performs plan $p, with these arguments from index 3 on.
launch() {
    as_user "$berth" --plan "$p" "$@"
}

# Runs the held plan $p; then, while it is held, the script with the holder's pid and the file of its message.
held() { # SCRIPT
    local release
    release=$(mktemp -u "$place/release.XXXXXX")
    mkfifo "$release"
    chmod 666 "$release"
    as_user bash -c '
        exec 7<>"$1" 6>"$2.message"
        "$3" --plan "$2" 6>&6 7<"$1" &
        holder=$!
        exec 6>&-
        for ((i = 0; i < 3000; i++)); do
            [ "$(tail -c 4 "$2.message" | tr "\0" .)" != end. ] || break
            sleep 0.01
        done
        bash -c "$4" - "$holder" "$2.message" || exit 1
        exec 7>&-
        wait "$holder"' - "$release" "$p" "$berth" "$1" 3>&- 4>&-
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

need_fuse() {
    as_user test -w /dev/fuse || skip "/dev/fuse is closed to $user"
    [ -x /usr/bin/squashfuse_ll ] || skip "no squashfuse_ll"
    command -v mksquashfs >/dev/null || skip "no mksquashfs"
}

# Waits at most two seconds for a command to succeed.
soon() {
    local i
    for i in {1..40}; do
        "$@" && return
        sleep 0.05
    done
    return 1
}

is_text() { # GOT WANTED
    [ "$1" = "$2" ] || { printf 'got:    %s\nwanted: %s\n' "$1" "$2"; return 1; }
}

has_text() { # GOT PART
    [[ $1 == *"$2"* ]] || { printf 'got:     %s\nwithout: %s\n' "$1" "$2"; return 1; }
}

lacks_text() { # GOT PART
    [[ $1 != *"$2"* ]] || { printf 'got:  %s\nwith: %s\n' "$1" "$2"; return 1; }
}
