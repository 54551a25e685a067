# shellcheck shell=bash
#
# One cluster of two nodes with the plugin, one registry that the nodes reach, and the images that all files use.

setup_suite() {
    : "${BERTH:?the command under test}" "${BERTH_USER:?the ordinary user}" "${CORPUS:?the corpus script}"
    local prefix=${BERTH%/bin/berth}
    TREE=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
    export TREE
    export CLUSTER=$TREE/src/test/testbed/cluster CLUSTER_DIR=${CLUSTER_DIR:-/tmp/berth-slurm-test}
    export PLUGIN=$prefix/lib/slurm/spank_berth.so STORE=$CLUSTER_DIR/shared/store
    [[ -e $PLUGIN ]] || { echo "no plugin at $PLUGIN: Slurm's headers were missing when Berth was installed" >&2; return 1; }
    "$CLUSTER" down >/dev/null 2>&1 || true
    "$CLUSTER" up -n 2 --spank "required $PLUGIN" >&2
    eval "$("$CLUSTER" env)"
    "$CORPUS" build core mpich openmpi wrong-digest-same-size >/dev/null
    "$CORPUS" serve --addr "$CLUSTER_CTL_ADDR" --port "$((${BERTH_TEST_PORT:-5610} + 2))" core mpich openmpi >/dev/null 2>&1
    export REGISTRY=$CLUSTER_CTL_ADDR:$((${BERTH_TEST_PORT:-5610} + 2)) IMAGES=$CLUSTER_SHARED/images
    install -d -o "$BERTH_USER" "$IMAGES" "$IMAGES/home"
    local name
    for name in hello mpich openmpi entry-cmd; do
        runuser -u "$BERTH_USER" -- env HOME="$IMAGES/home" APPTAINER_NOHTTPS=1 "$BERTH" pull "$IMAGES/$name.sif" \
            "docker://$REGISTRY/$name" >"$IMAGES/pull.log" 2>&1 || cat "$IMAGES/pull.log" >&2
    done
    musl-gcc -static -O1 -Wall -o "$IMAGES/peer" "$TREE/src/test/slurm/peer.c"
}

teardown_suite() {
    "$CORPUS" stop --port "$((${BERTH_TEST_PORT:-5610} + 2))"
    "$CLUSTER" down
}
