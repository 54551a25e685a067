#!/usr/bin/env bats
# Copies of images on the nodes' own disks.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    install -d -m 1777 "$STORE"
    echo "required $PLUGIN store=$STORE" >"$CLUSTER_DIR/etc/plugstack.conf"
}

teardown_file() {
    echo "required $PLUGIN" >"$CLUSTER_DIR/etc/plugstack.conf"
    rm -rf "$STORE"
}

teardown() {
    cd /
    on_nodes sh -c 'for d in "$0"/full "$0"/fuse; do umount -l "$d" 2>/dev/null; done; rm -rf "$0"/* "$0"/.berth*' "$CLUSTER_SCRATCH" || true
    rm -rf "$place"
}

site() { # LINE...: the site's settings of these tests
    printf '%s\n' "$@" >"$place/site.yaml"
    chmod 644 "$place/site.yaml"
}

step() { # srun's arguments: with these settings
    as_user BERTH_CONFIG_FILE="$place/site.yaml" srun "$@"
}

copies() { # on NODE
    "$CLUSTER" exec "$1" find "$CLUSTER_SCRATCH" -path '*/oci-tmp/*' -type f
}

one_copy_each() {
    local node count
    for node in n1 n2; do
        count=$(copies "$node" | wc -l)
        [[ $count == 1 ]] || { echo "$node has $count copies"; copies "$node"; return 1; }
    done
}

nothing_half() { # is left on a node, or on its way
    local left
    left=$(on_nodes find "$CLUSTER_SCRATCH" -name '*.part' -o -name '*.sbcast' -o -name '*.lease' -o -name '.berth-probe*')
    [[ -z $left ]] || { echo "left: $left"; return 1; }
}

@test "each node copies an image of the store once, and keeps its name" {
    site 'stage: always' "stage-path: [\"\$NOSUCH/x\", $CLUSTER_SCRATCH]"
    for round in 1 2; do
        LOUD=1 run step -N2 -n4 --container-image="$REGISTRY#hello" sh -c 'echo in $APPTAINER_CONTAINER'
        echo "$output"
        [[ $status == 0 ]]
        [[ $(lines_with "in $STORE/$(id -u "$BERTH_USER")/cache/oci-tmp/" "$output") == 4 ]]
        [[ $(lines_with "Copying the image to $CLUSTER_SCRATCH/berth-" "$output") == $((round == 1 ? 2 : 0)) ]]
    done
    one_copy_each
    nothing_half
    run "$CLUSTER" exec n1 stat -c '%a %U' "$CLUSTER_SCRATCH/berth-$(id -u "$BERTH_USER")"
    [[ $output == "700 $BERTH_USER" ]]
}

@test "a file of the user's is copied too, and again when it has changed" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH"
    cp "$IMAGES/hello.sif" mine.sif
    LOUD=1 run step -N1 -n1 --container-image=./mine.sif sh -c 'echo in $APPTAINER_NAME'
    echo "$output"
    [[ $status == 0 && $output == *"in mine.sif"* && $output == *"Copying"* ]]
    touch mine.sif
    LOUD=1 run step -N1 -n1 --container-image=./mine.sif true
    [[ $status == 0 && $output == *"Copying"* ]]
    nothing_half
}

@test "an explanation names the user's image and the copy that is mounted, and makes none" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH"
    LOUD=1 run step -N1 -n1 -w n1 --container-explain --container-image="$IMAGES/hello.sif" true
    echo "$output"
    [[ $status == 0 && $output == *"This node would copy the image to $CLUSTER_SCRATCH first"* ]]
    [[ $output == *"image: hello.sif"* && $output == *"  $IMAGES/hello.sif, squashfs at byte"* && -z $(copies n1) ]]
    step -N1 -n1 -w n1 --container-image="$IMAGES/hello.sif" true
    LOUD=1 run step -N1 -n1 -w n1 --container-explain --container-image="$IMAGES/hello.sif" true
    echo "$output"
    [[ $status == 0 && $output != *"would copy"* && $output == *"image: hello.sif"* ]]
    [[ $output == *"  $(copies n1), squashfs at byte"* && $output == *"  a copy on this node of $IMAGES/hello.sif"* ]]
}

@test "an image that cannot be run is named as the user does, and not copied" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH"
    head -c 100000 /dev/zero >zeros.sif
    LOUD=1 run step -N1 -n1 -w n1 --container-image=./zeros.sif true
    echo "$output"
    [[ $status != 0 && $output == *"could not open image $PWD/zeros.sif: image format not recognized"* ]]
    [[ $output != *"$CLUSTER_SCRATCH"* && $output != *Copying* && -z $(copies n1) ]]
}

@test "steps that start together copy once" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH"
    cat >steps.sh <<END
srun --overlap -N1 -n1 -w n1 --container-image=$IMAGES/mpich.sif true &
srun --overlap -N1 -n1 -w n1 --container-image=$IMAGES/mpich.sif true &
srun --overlap -N1 -n1 -w n1 --container-image=$IMAGES/mpich.sif true &
wait
END
    run as_user BERTH_CONFIG_FILE="$place/site.yaml" salloc -Q -N1 -n4 -w n1 sh steps.sh
    echo "$output"
    [[ $status == 0 && $(lines_with "Copying the image" "$output") == 1 ]]
    [[ $(copies n1 | wc -l) == 1 ]]
    nothing_half
}

@test "auto: from a disk nothing is copied, from a file server it is" {
    site "stage-path: $CLUSTER_SCRATCH"
    LOUD=1 run step -N1 -n1 -w n1 --container-image="$IMAGES/hello.sif" true
    [[ $status == 0 && $output != *"Copying"* ]]
    mksquashfs "$IMAGES/hello.sif" "$place/served.sqfs" -quiet -no-progress >/dev/null
    chmod 644 "$place/served.sqfs"
    "$CLUSTER" exec n1 sh -c 'mkdir -p "$1/fuse" && squashfuse_ll -o allow_other "$0" "$1/fuse" 3>&- 4>&-' "$place/served.sqfs" "$CLUSTER_SCRATCH"
    LOUD=1 run step -N1 -n1 -w n1 --container-image="$CLUSTER_SCRATCH/fuse/hello.sif" sh -c 'echo in $APPTAINER_CONTAINER'
    echo "$output"
    [[ $status == 0 && $output == *"in $CLUSTER_SCRATCH/fuse/hello.sif"* && $output == *"Copying"* ]]
}

@test "where there is no room the image is mounted where it is, and one line per node says so" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH/full"
    on_nodes sh -c 'mkdir -p "$0/full" && mount -t tmpfs -o size=3m,mode=1777 small "$0/full" && chmod 1777 "$0/full"' "$CLUSTER_SCRATCH"
    LOUD=1 run step -N2 -n4 --container-image="$IMAGES/mpich.sif" sh -c 'echo ran'
    echo "$output"
    [[ $status == 0 && $(lines_with '^ran$' "$output") == 4 ]]
    [[ $(lines_with 'the image is not copied to this node, but mounted from' "$output") == 2 && $(lines_with 'no space: ' "$output") == 2 ]]
    nothing_half
    no_node_is_drained
}

@test "inside an allocation sbcast brings it to all nodes, once" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH"
    cat >steps.sh <<END
srun -N2 -n2 --container-image=$REGISTRY#hello sh -c 'echo in'
srun -N2 -n2 --container-image=$REGISTRY#hello sh -c 'echo in'
END
    run as_user BERTH_CONFIG_FILE="$place/site.yaml" salloc -Q -N2 -n2 sh steps.sh
    echo "$output"
    [[ $status == 0 && $(lines_with '^in$' "$output") == 4 ]]
    [[ $(lines_with "Sending the image to the job's nodes" "$output") == 1 && $output != *"Copying the image"* ]]
    one_copy_each
    nothing_half
}

@test "where sbcast fails the nodes copy it themselves" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH/only"
    "$CLUSTER" exec n1 install -d -m 1777 "$CLUSTER_SCRATCH/only"
    LOUD=1 run as_user BERTH_CONFIG_FILE="$place/site.yaml" salloc -Q -N2 -n2 srun -N2 -n2 --container-image="$REGISTRY#hello" sh -c 'echo in'
    echo "$output"
    [[ $status == 0 && $(lines_with '^in$' "$output") == 2 ]]
    [[ $(lines_with 'so each node copies the image itself' "$output") == 1 && $output == *"Copying the image"* ]]
    one_copy_each
    nothing_half
    no_node_is_drained
}

@test "gc on a node removes its copies, but not those that run" {
    site 'stage: always' "stage-path: $CLUSTER_SCRATCH" 'cache-max-bytes: 0'
    LOUD=1 run step -N1 -n1 -w n1 --container-image="$IMAGES/hello.sif" true
    [[ $status == 0 && $(copies n1 | wc -l) == 1 ]]
    local gc="find $CLUSTER_SCRATCH/berth-* -type f -exec touch -d '9 days ago' {} +; $BERTH cache gc"
    cat >steps.sh <<END
srun --overlap -N1 -n1 --container-image=$IMAGES/hello.sif sh -c 'touch $place/work/runs; while [ ! -e $place/work/stop ]; do sleep 0.2; done' &
until [ -e $place/work/runs ]; do sleep 0.2; done
srun --overlap -N1 -n1 sh -c "$gc"
touch $place/work/stop
wait
srun --overlap -N1 -n1 sh -c "$gc"
END
    run as_user BERTH_CONFIG_FILE="$place/site.yaml" salloc -Q -N1 -n4 -w n1 sh steps.sh
    echo "$output"
    [[ $status == 0 && $(lines_with "$CLUSTER_SCRATCH/berth-.*open in a process of this machine" "$output") == 1 ]]
    [[ $(lines_with "$CLUSTER_SCRATCH/berth-.*Removed 1 file" "$output") == 1 && $(copies n1 | wc -l) == 0 ]]
}
