# shellcheck shell=bash disable=SC2016 # texts for other shells
#
# A second user, and an image of his that says EVIL and writes a file when it runs. Also for src/test/slurm.

# Makes the user and, in a directory of his, the image; needs $HELLO, an image that the victim uses.
make_attacker() { # DIRECTORY
    id berth-other >/dev/null 2>&1 || useradd -M -s /bin/sh berth-other
    export OTHER=berth-other EVIL=$1
    install -d -m 755 -o "$OTHER" "$EVIL"
    (
        cd "$EVIL" || return
        other APPTAINER_CACHEDIR="$EVIL/cache" pull --sandbox tree "$HELLO"
        as_other 'mkdir -p tree/.singularity.d/env && printf "%s\n" "echo evil >/tmp/evil-ran-\$(id -u); echo EVIL >&2" >tree/.singularity.d/env/99-evil.sh'
        other build evil.sif tree
        chmod 644 evil.sif
    ) >"$EVIL.log" 2>&1 || { cat "$EVIL.log" >&2; return 1; }
    [[ -e $EVIL/evil.sif ]]
}

# Whatever he has started, in the background too.
end_attacker() { pkill -KILL -u berth-other || true; }

other() { # [NAME=value...] ARGUMENT...: berth as the attacker
    local -a more=()
    while [[ ${1:-} == [A-Z_]*=* ]]; do
        more+=("$1")
        shift
    done
    runuser -u "$OTHER" -- env -i PATH="$(dirname "$BERTH"):/usr/bin:/bin" HOME="$EVIL" USER="$OTHER" LANG=C.UTF-8 TERM=dumb \
        APPTAINER_NOHTTPS=1 "${more[@]}" "$BERTH" "$@" </dev/null 3>&- 4>&-
}

as_other() { # SCRIPT [WORD...]
    runuser -u "$OTHER" -- sh -c "$@" </dev/null 3>&- 4>&-
}

# The key of the hello image in a cache, found by making it once as the attacker himself.
plant() { # CACHE-ROOT MODE: the attacker's image in the place of hello's
    other APPTAINER_CACHEDIR="$1" pull --force "$EVIL/x.sif" "$HELLO" >/dev/null 2>&1
    as_other 'cd "$0/cache/oci-tmp" && key=$(ls) && '"$(declare -f with_trailer)"' && with_trailer "$2" "$key" && chmod -R "$1" "$0"' "$1" "$2" "$EVIL/evil.sif"
}

# A file with Berth's trailer: whoever writes a file writes its digest too.
with_trailer() { # IMAGE FILE
    cp "$1" "$2.new"
    size=$(stat -c %s "$1")
    digest=$(sha256sum "$1" | cut -c1-64)
    {
        printf BERTHSUM
        for shift in 0 8 16 24 32 40 48 56; do printf '%b' "\\0$(printf %03o $((size >> shift & 255)))"; done
        while [ -n "$digest" ]; do
            printf '%b' "\\0$(printf %03o "0x$(printf %.2s "$digest")")"
            digest=${digest#??}
        done
    } >>"$2.new"
    mv -f "$2.new" "$2"
}
