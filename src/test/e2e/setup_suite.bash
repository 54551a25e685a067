# shellcheck shell=bash
#
# One registry for all files: docker-registry on loopback with the images of the group core.

setup_suite() {
    : "${BERTH:?the command under test}" "${BERTH_USER:?the ordinary user}" "${CORPUS:?the corpus script}" "${BERTH_DEV_STATE:?a directory for users}"
    REGISTRY=$("$CORPUS" serve --port "${BERTH_TEST_PORT:-5610}" core 2>/dev/null)
    export REGISTRY=${REGISTRY#http://}
    SUITE=$(mktemp -d "$BERTH_DEV_STATE"/suite.XXXXXX)
    chmod 755 "$SUITE"
    install -d -o "$BERTH_USER" "$SUITE/shared"
    # An image for the tests that only need one.
    (cd "$SUITE/shared" && runuser -u "$BERTH_USER" -- env HOME="$SUITE/shared" APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$SUITE/shared/cache" \
        "$BERTH" pull hello.sif "docker://$REGISTRY/hello" >"$SUITE/pull.log" 2>&1) || cat "$SUITE/pull.log" >&2
    export SUITE IMAGE=$SUITE/shared/hello.sif
}

teardown_suite() {
    "$CORPUS" stop --port "${BERTH_TEST_PORT:-5610}"
    rm -rf "$SUITE"
}
