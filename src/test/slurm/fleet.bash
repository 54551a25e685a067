# shellcheck shell=bash disable=SC2154 # bats sets status and output
#
# A cluster of the file's own, with a store that its nodes share and a registry whose log is counted.

fleet_up() { # NODES
    CLUSTER_DIR=$CLUSTER_DIR.$(basename "$BATS_TEST_FILENAME" .bats)
    export CLUSTER_DIR STORE=$CLUSTER_DIR/shared/store FLEET_PORT=$((${BERTH_TEST_PORT:-5610} + 8))
    "$CLUSTER" down >/dev/null 2>&1 || true
    "$CLUSTER" up -n "$1" --spank "required $PLUGIN store=$STORE" >&2
    eval "$("$CLUSTER" env)"
    "$CORPUS" stop --port "$FLEET_PORT" >/dev/null 2>&1 || true
    "$CORPUS" serve --raw --addr "$CLUSTER_CTL_ADDR" --port "$FLEET_PORT" >/dev/null
    FLEET_LOG=$(dirname "$(dirname "$("$CORPUS" path hello)")")/registry/$FLEET_PORT/log
    export FLEET_LOG FLEET=$CLUSTER_CTL_ADDR:$FLEET_PORT
}

fleet_down() {
    "$CORPUS" stop --port "$FLEET_PORT"
    "$CLUSTER" down
}

# An empty store, and from now on requests are counted.
cold() {
    rm -rf "$STORE"
    install -d -m 1777 "$STORE"
    mark=$(stat -c %s "$FLEET_LOG")
}

requests() { # METHOD KIND: what was asked for, one a line
    tail -c "+$((mark + 1))" "$FLEET_LOG" | sed -nE "s#^$1 /v2/[^ ]*/$2/([^ ]*) 20.*#\1#p"
}

asked_once() { # of an image that is one manifest
    echo "manifests: $(requests GET manifests | tr '\n' ' ')"
    [[ $(requests GET manifests | wc -l) == 1 ]] || return 1
    [[ -n $(requests GET blobs) && -z $(requests GET blobs | sort | uniq -d) ]] || { requests GET blobs; return 1; }
}

store_is_tidy() {
    local left
    left=$(find "$STORE" -name '*.part' -o -name '*.lease')
    [[ -z $left ]] || { echo "left in the store: $left"; return 1; }
}

until_true() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [[ $SECONDS -lt $end ]] || { echo "in vain: $*"; "$@"; return 1; }
        sleep 0.1
    done
}
