# shellcheck shell=bash
# What a verb needs: packages, a JDK, /dev/fuse, an ordinary user. Read by dev, whose variables and functions it uses.

package_tool() { command -v apt-get || command -v dnf || die "neither apt-get nor dnf is here; install ${*} yourself"; }

install_packages() {
    local tool policy=''
    tool=$(package_tool "$@")
    say "installing with ${tool##*/}: $*"
    if [[ $tool == */dnf ]]; then
        as_root dnf -y -q install "$@"
        return
    fi
    # A package's own service (docker-registry's, say) would take ports and outlive us.
    if [[ ! -e /usr/sbin/policy-rc.d ]]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null </dev/null
    [[ -z $policy ]] || as_root rm -f "$policy"
}

has_static_busybox() { [[ -e /bin/busybox ]] && ! head -c 4096 /bin/busybox | grep -qa '/ld-'; } # no interpreter segment

# The shell that ships: a static mksh, which runs what POSIX and most of what bash scripts say, and only programs of the image.
# (Debian's static busybox would run its own applets instead.) Only where a distribution has no mksh busybox must do.
static_shell() {
    local shell
    local -a shells=(/usr/lib/*-linux-musl/bin/mksh /bin/mksh-static)
    if ! command -v apt-get >/dev/null; then shells+=(/bin/busybox); fi
    for shell in "${shells[@]}"; do
        if [[ -x $shell ]] && ! head -c 4096 "$shell" | grep -qa '/ld-'; then
            echo "$shell"
            return
        fi
    done
    return 1
}

# TOOL...: a tool is a command, static-busybox or static-shell. Installs the packages of those that are missing.
need() {
    local tool
    local -a missing=() packages=()
    for tool; do
        if [[ $tool == static-busybox ]]; then
            has_static_busybox || missing+=("$tool")
        elif [[ $tool == static-shell ]]; then
            static_shell >/dev/null || missing+=("$tool")
        else
            command -v "$tool" >/dev/null || [[ -x /usr/sbin/$tool ]] || missing+=("$tool")
        fi
    done
    [[ ${#missing[@]} == 0 ]] && return
    say "missing here: ${missing[*]}"
    mapfile -t packages < <(for tool in "${missing[@]}"; do package_of "$tool"; done | sort -u)
    install_packages "${packages[@]}"
}

package_of() { # TOOL: the distribution's package that has it
    local debian
    debian=$(command -v apt-get || true)
    case $1 in
        mvn) echo maven ;;
        gcc) if [[ -n $debian ]]; then printf '%s\n' gcc libc6-dev; else echo gcc; fi ;;
        musl-gcc) if [[ -n $debian ]]; then echo musl-tools; else echo musl-gcc; fi ;;
        objcopy | readelf) echo binutils ;;
        static-shell) if [[ -n $debian ]]; then echo mksh; else echo busybox; fi ;;
        static-busybox) if [[ -n $debian ]]; then echo busybox-static; else echo busybox; fi ;;
        squashfuse_ll) echo squashfuse ;;
        fusermount3) echo fuse3 ;;
        newuidmap) if [[ -n $debian ]]; then echo uidmap; else echo shadow-utils; fi ;;
        mksquashfs) echo squashfs-tools ;;
        mkfs.ext3) echo e2fsprogs ;;
        setpriv | runuser | findmnt | unshare) echo util-linux ;;
        ps) if [[ -n $debian ]]; then echo procps; else echo procps-ng; fi ;;
        clang-format) if [[ -n $debian ]]; then echo clang-format; else echo clang-tools-extra; fi ;;
        getfattr | setfattr) echo attr ;;
        unsquashfs) echo squashfs-tools ;;
        bwrap) echo bubblewrap ;;
        dockerd) echo docker.io ;;
        ch-run) echo charliecloud ;;
        *) echo "$1" ;;
    esac
}

# JAVA_HOME becomes the first JDK 25 or later: the one named, the usual folders, the distribution's.
need_jdk() {
    local home
    for home in "${JAVA_HOME:-}" /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/*; do
        is_jdk "$home" && { export JAVA_HOME=$home; return; }
    done
    if command -v apt-get >/dev/null && apt-cache show openjdk-25-jdk-headless >/dev/null 2>&1; then
        install_packages openjdk-25-jdk-headless
    elif command -v dnf >/dev/null && dnf -q info java-25-openjdk-devel >/dev/null 2>&1; then
        install_packages java-25-openjdk-devel java-25-openjdk-jmods
    else
        die "no JDK 25 here and none in the distribution's packages: unpack one (Temurin 25, say) below /opt/java, or set JAVA_HOME"
    fi
    for home in /usr/lib/jvm/*; do
        is_jdk "$home" && { export JAVA_HOME=$home; return; }
    done
    die "the JDK 25 that was just installed is not below /usr/lib/jvm: set JAVA_HOME"
}

is_jdk() { # HOME
    local version
    [[ -x $1/bin/javac && -x $1/bin/jlink && -r $1/release ]] || return 1
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release")
    [[ ${version:-0} -ge 25 ]]
}

# Ordinary users may open /dev/fuse on every distribution; in a bare container udev did not see to it.
open_fuse() {
    [[ -e /dev/fuse ]] || { say "there is no /dev/fuse here: images are unpacked instead of mounted"; return; }
    [[ $(stat -c %a /dev/fuse) == *66 ]] && return
    say "opening /dev/fuse to ordinary users (0666, as udev makes it elsewhere)"
    as_root chmod 0666 /dev/fuse
}

# The ordinary user of tests and demo.
ordinary_user() {
    local name
    if [[ $EUID != 0 ]]; then
        id -un
        return
    fi
    name=${SUDO_USER:-}
    [[ -n $name && $name != root ]] ||
        name=$(getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 && $7 !~ /(nologin|false)$/ { print $1 ":" $6 }' |
            while IFS=: read -r name home; do [[ -d $home ]] && echo "$name" && break; done)
    if [[ -z $name ]]; then
        name=berth-demo
        say "there is no ordinary user here: making $name"
        useradd -m -s /bin/bash "$name"
    fi
    echo "$name"
}

as_user() { # USER COMMAND...
    local user=$1
    shift
    if [[ $EUID == 0 ]]; then runuser -u "$user" -- "$@"; else "$@"; fi
}
