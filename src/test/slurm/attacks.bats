#!/usr/bin/env bats
# What a second user tries on the store, and on the nodes' own directories for copies and named containers: his image, which says EVIL,
# may never run in a step of the victim's, and nothing that he takes away or puts in the way may keep a step from running.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper
load ../e2e/attacker

setup_file() {
    export VICTIM HELLO=docker://$REGISTRY/hello
    VICTIM=$(id -u "$BERTH_USER")
    make_attacker "$CLUSTER_SHARED/evil"
}

setup() {
    place=$(mktemp -d "$CLUSTER_SHARED/test.XXXXXX")
    chmod 755 "$place"
    install -d -o "$BERTH_USER" "$place"/{home,work}
    install -d -m 1777 "$STORE"
    echo "required $PLUGIN store=$STORE" >"$CLUSTER_DIR/etc/plugstack.conf"
    cd "$place/work" || return
}

teardown() {
    end_attacker
    cd /
    on_nodes sh -c 'rm -rf "$0"/* "$0"/.berth* /var/tmp/berth-*' "$CLUSTER_SCRATCH" || true
    rm -rf "$place" "$STORE"
}

teardown_file() {
    echo "required $PLUGIN" >"$CLUSTER_DIR/etc/plugstack.conf"
    rm -rf "$CLUSTER_SHARED/evil"
}

unharmed() { # OUTPUT WORD...: the step ran, in the right image
    local output=$1 word
    shift
    [[ $output != *EVIL* ]] || { echo "the attacker's image ran: $output"; return 1; }
    for word in 'right image' "$@"; do
        [[ $output == *"$word"* ]] || { echo "not a word of '$word': $output"; return 1; }
    done
    no_node_is_drained
}

step() { as_user srun "$@" sh -c 'echo right image'; }

other_on() { # NODE SCRIPT WORD...
    local node=$1
    shift
    on_node "$node" runuser -u "$OTHER" -- sh -c "$@"
}

site() { # LINE...
    printf '%s\n' "$@" >"$place/site.yaml"
    chmod 644 "$place/site.yaml"
}

@test "store: the victim's directory is made beforehand, with an image in it" {
    plant "$STORE/$VICTIM" a+rwX
    LOUD=1 run step -N2 -n2 --container-image="$REGISTRY#hello"
    echo "$output"
    unharmed "$output" "Creating SIF file"
    [[ $(lines_with 'right image' "$output") == 2 ]]
    run stat -c '%a %U' "$STORE/$VICTIM".????????????????
    [[ $output == "700 $BERTH_USER" ]]
    LOUD=1 run step -N2 -n2 --container-image="$REGISTRY#hello"
    unharmed "$output"
    [[ $output != *"Creating SIF file"* ]]
}

@test "store: exchanged after the first use, where everybody may rename" {
    chmod 777 "$STORE"
    LOUD=1 run step -N2 -n2 --container-image="$REGISTRY#hello"
    unharmed "$output"
    plant "$STORE/mine" a+rwX
    as_other 'cd "$0" && mv "$1" gone && mv mine "$1"' "$STORE" "$VICTIM"
    LOUD=1 run step -N2 -n2 --container-image="$REGISTRY#hello"
    echo "$output"
    unharmed "$output"
    # The file that a node is told, by hand: what it is called does not make it the victim's.
    LOUD=1 run step -N1 -n1 --container-image="$(echo "$STORE/$VICTIM"/cache/oci-tmp/*)"
    echo "$output"
    [[ $status != 0 && $output != *EVIL* && $output != *"right image"* && $output == *"belongs to berth-other"* ]]
    no_node_is_drained
}

@test "store: exchanged to and fro while steps start" {
    chmod 777 "$STORE"
    LOUD=1 run step -N1 -n1 --container-image="$REGISTRY#hello"
    unharmed "$output"
    plant "$STORE/mine" a+rwX
    as_other 'cd "$0" && while :; do mv -T "$1" good; mv -T mine "$1"; mv -T "$1" mine; mv -T good "$1"; done' "$STORE" "$VICTIM" >/dev/null 2>&1 &
    local swapper=$! i
    for i in {1..6}; do
        LOUD=1 run step -N2 -n2 --container-image="$REGISTRY#hello"
        [[ $output != *EVIL* ]] || { kill $swapper; echo "$i: $output"; return 1; }
    done
    pkill -P $swapper || true
    kill $swapper || true
    no_node_is_drained
}

@test "store: one that cannot be written to is told, and the user's cache is used" {
    chmod 755 "$STORE"
    LOUD=1 run step -n1 --container-image="$REGISTRY#hello"
    echo "$output"
    unharmed "$output" "the cache of store= is not used" "is used in its place"
}

@test "stage: the directory of copies is made beforehand, and copies are delivered, on each node" {
    local node digest
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH"
    with_trailer "$EVIL/evil.sif" "$EVIL/planted"
    # The name of the copy is the digest of what is in the image.
    LOUD=1 run step -N1 -n1 --container-image="$REGISTRY#hello"
    digest=$(tail -c 32 "$STORE/$VICTIM"/cache/oci-tmp/* | od -An -tx1 | tr -d ' \n')
    for node in n1 n2; do
        on_node "$node" install -d -m 1777 "$CLUSTER_SCRATCH"
        other_on "$node" 'mkdir -p "$0/cache/oci-tmp" && cp "$1" "$0/cache/oci-tmp/$2" && chmod -R a+rwX "$0"' \
            "$CLUSTER_SCRATCH/berth-$VICTIM" "$EVIL/planted" "$digest"
        other_on "$node" 'cp "$1" "$0-0123456789abcdef.sbcast"; cp "$1" "$0.sbcast"; chmod 777 "$0"*; ln -s "$1" "$0-0123456789abcde0.sbcast"' \
            "$CLUSTER_SCRATCH/.berth-$VICTIM-$digest" "$EVIL/planted"
    done
    for i in 1 2; do
        LOUD=1 run as_user BERTH_CONFIG_FILE="$place/site.yaml" srun -N2 -n2 --container-image="$REGISTRY#hello" sh -c 'echo right image'
        echo "$i: $output"
        unharmed "$output"
        [[ $(lines_with "Copying the image to $CLUSTER_SCRATCH/berth-$VICTIM\." "$output") == $((i == 1 ? 2 : 0)) ]]
    done
    run on_node n1 sh -c 'stat -c "%a %U" "$0".????????????????' "$CLUSTER_SCRATCH/berth-$VICTIM"
    [[ $output == "700 $BERTH_USER" ]]
}

@test "stage: sbcast has a name that nobody can take, and what it brings is nobody else's to read" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH"
    on_nodes install -d -m 1777 "$CLUSTER_SCRATCH"
    cat >steps.sh <<END
srun -N2 -n2 --container-image=$REGISTRY#hello sh -c 'echo right image'
END
    on_node n1 sh -c 'while [ ! -e "$0/stop" ]; do for f in "$1"/.berth-*.sbcast; do [ ! -e "$f" ] || stat -c "%a %U %n" "$f"; done; done >"$0/seen" 2>/dev/null' \
        "$place" "$CLUSTER_SCRATCH" 3>&- &
    run as_user BERTH_CONFIG_FILE="$place/site.yaml" salloc -Q -N2 -n2 sh steps.sh
    echo "$output"
    touch "$place/stop"
    wait
    unharmed "$output" "Sending the image to the job's nodes"
    [[ $output != *"Copying the image"* ]]
    run awk '$1 % 100 != 0 || $2 != user' user="$BERTH_USER" "$place/seen"
    [[ -z $output ]] || { echo "$output"; return 1; }
}

@test "kept layers: the names are taken on each node, by a directory, a link, a fifo and a file" {
    local mine=/var/tmp/berth-$VICTIM kind
    for kind in 'mkdir -m 777' 'ln -s /etc' mkfifo touch; do
        other_on n1 "$kind"' "$0"' "$mine"
        run as_user srun -w n1 -n1 --container-name=kept --container-image="$IMAGES/hello.sif" sh -c 'touch /new; echo right image'
        echo "$kind: $output"
        unharmed "$output"
        run as_user srun -w n1 -n1 --container-name=kept sh -c 'test -e /new && echo right image'
        unharmed "$output"
        # Without the fallback's own files: the next kind starts anew.
        on_node n1 sh -c 'rm -rf "$0" "$0".*' "$mine"
    done
}

@test "kept layers: saving works where the name is taken" {
    local mine=/var/tmp/berth-$VICTIM
    other_on n1 'mkdir -m 777 "$0"' "$mine"
    run as_user srun -w n1 -n1 --container-name=kept --container-image="$IMAGES/hello.sif" --container-save="$place/work/saved.sif" sh -c 'echo right image >/file'
    echo "$output"
    [[ $status == 0 ]]
    run as_user srun -w n1 -n1 --container-image="$place/work/saved.sif" cat /file
    unharmed "$output"
}
