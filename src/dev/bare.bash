# shellcheck shell=bash
# ./dev bare: a verb in a Debian of its own. Read by dev, whose variables and functions it uses.

# What is committed, in a Debian of its own: its processes see no other files, and are gone with it.
bare() { # [--if-possible] VERB...
    local optional=''
    if [[ ${1:-} == --if-possible ]]; then
        optional=1
        shift
    fi
    [[ $# != 0 ]] || die "bare: which verb?"
    if [[ $EUID != 0 ]]; then
        as_root "$top/dev" bare ${optional:+--if-possible} "$@"
        return
    fi
    if [[ -n $optional ]] && ! { command -v apt-get && unshare --mount --pid --fork true; } >/dev/null 2>&1; then
        say "bare: left out: no Debian can be made and entered here (it takes apt-get and namespaces)"
        return
    fi
    need mmdebstrap git unshare
    need_jdk
    local base=$state/bare-debian root status=0
    [[ -z $(git -C "$top" status --porcelain) ]] || say "bare: what is not committed stays out"
    install -d -m 755 "$state"
    if [[ ! -d $base ]]; then
        say "bare: making a minimal Debian (a minute, once)"
        rm -rf "$base.new"
        mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$base.new" "$("$corpus" mirror)" >/dev/null 2>&1 ||
            die "bare: no Debian could be made ($base.new)"
        mv "$base.new" "$base"
    fi
    root=$(mktemp -d "$state/bare.XXXXXX")
    chmod 755 "$root"
    cp -a --reflink=auto "$base/." "$root"
    bare_files "$root"
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" LANG=C.UTF-8 JDK="$(readlink -f "$JAVA_HOME")" ${CI:+CI="$CI"} \
        unshare --mount --pid --fork --kill-child --propagation private \
        bash -c "$bare_machine" - "$root" ./dev "$@" || status=$?
    rm -rf --one-file-system "$root"
    return "$status"
}

bare_files() { # ROOT
    git clone -q --no-hardlinks "$top" "$1/root/berth"
    # With Java's keystore, to which a distribution's JDK has a link.
    cp -a /etc/ssl/certs/. "$1/etc/ssl/certs/"
    [[ ! -d /usr/local/share/ca-certificates ]] || cp -r /usr/local/share/ca-certificates "$1/usr/local/share/"
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    install -d "$1/usr/lib/jvm/jdk"
}

# Without the machine's own /run and /tmp; its kernel, devices and network are all there is to share.
# shellcheck disable=SC2016 # of the shell in the namespaces
bare_machine='
    set -e
    root=$1
    shift
    mount --rbind "$root" "$root"
    mount --bind -o ro "$JDK" "$root/usr/lib/jvm/jdk"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    cd "$root"
    pivot_root . mnt
    umount -l /mnt
    cd /root/berth
    exec "$@"'
