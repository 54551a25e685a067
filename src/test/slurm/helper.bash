# shellcheck shell=bash disable=SC2154 # bats sets status, output and stderr
#
# Commands of Slurm as the ordinary user, in a directory that all nodes see.

setup() {
    place=$(mktemp -d "$CLUSTER_SHARED/test.XXXXXX")
    chmod 755 "$place"
    install -d -o "$BERTH_USER" "$place"/{home,work}
    cd "$place/work" || return
}

teardown() {
    cd /
    rm -rf "$place"
}

# On a busy machine srun may say that its job is queued; -Q keeps that, and what Berth says of its work, out of what is
# compared, unless LOUD is set.
as_user() { # [NAME=value...] COMMAND...
    local word before=''
    local -a command=()
    for word; do
        if [[ $before == srun && $word != -Q && $word != --quiet && -z ${LOUD:-} ]]; then command+=(-Q); fi
        command+=("$word")
        before=$word
    done
    set -- "${command[@]}"
    runuser -u "$BERTH_USER" -- env -i PATH=/usr/bin:/bin HOME="$place/home" USER="$BERTH_USER" LANG=C.UTF-8 \
        SLURM_CONF="$SLURM_CONF" APPTAINER_NOHTTPS=1 timeout "${LIMIT:-180}" env "$@" </dev/null 3>&- 4>&-
}

on_node() { # NODE COMMAND...: as root
    "$CLUSTER" exec "$@"
}

on_nodes() { # COMMAND...: as root, on each
    local node
    for node in $CLUSTER_NODES; do
        on_node "$node" "$@"
    done
}

# Nothing of the user's runs on a node, and no image is mounted there.
nodes_are_clean() { # [SECONDS]: within so many
    local left end=$((SECONDS + ${1:-60}))
    while :; do
        left=$(
            on_nodes ps -o pid,stat,args -u "$BERTH_USER" --no-headers | awk '$2 !~ /^Z/'
            on_nodes grep -hE ' - fuse\.squash' /proc/1/mountinfo || true
        )
        [[ -n $left ]] || return 0
        [[ $SECONDS -lt $end ]] || { echo "left: $left"; return 1; }
        sleep 0.05
    done
}

no_node_is_drained() {
    local states
    states=$(sinfo -h -o '%t' | sort -u)
    [[ ! $states =~ drain|down|fail ]] || { sinfo -R; return 1; }
}

poll() { # COMMAND...: until it succeeds, or two minutes have gone
    local end=$((SECONDS + 120))
    until "$@"; do
        [[ $SECONDS -lt $end ]] || { echo "not within two minutes: $*"; return 1; }
        sleep 0.05
    done
}

appear() { # FILE...: waits until they are there
    local file
    for file; do poll test -e "$file" || return; done
}

lines_with() { grep -c -- "$1" <<<"$2" || true; } # TEXT WHERE
