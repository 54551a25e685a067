#!/usr/bin/env bats
# Execution control and copies on the nodes: what runs is what was verified. The rules and the keyring are those of the installation
# under test, and are put back.
# shellcheck disable=SC2016,SC2154 # texts for other shells; variables of the helper

bats_require_minimum_version 1.5.0
load helper

signer=4979B4C1C74CE79EE271F3EB466BAA50EFAB0E0E

setup_file() {
    install -d -m 1777 "$STORE"
    echo "required $PLUGIN store=$STORE" >"$CLUSTER_DIR/etc/plugstack.conf"
    SETTINGS=${BERTH%/bin/berth}/etc/berth
    # Where the user can read them, on the nodes too; the clone may be out of reach of both.
    SIF=$CLUSTER_SHARED/sif
    cp -r "$TREE/src/test/resources/sif" "$SIF"
    chmod -R a+rX "$SIF"
    export SETTINGS SIF
    cp "$SETTINGS/berth.yaml" "$BATS_FILE_TMPDIR"
    "$BERTH" key import --global "$SIF/pgp.asc" >/dev/null
}

teardown_file() {
    cp "$BATS_FILE_TMPDIR/berth.yaml" "$SETTINGS"
    "$BERTH" key remove --global "$signer"
    echo "required $PLUGIN" >"$CLUSTER_DIR/etc/plugstack.conf"
    rm -rf "$STORE" "$SIF"
}

teardown() {
    cd /
    cp "$BATS_FILE_TMPDIR/berth.yaml" "$SETTINGS"
    on_nodes sh -c 'rm -rf "$0"/* "$0"/.berth*' "$CLUSTER_SCRATCH" || true
    rm -rf "$place"
}

rules() { # of the site: images in the working directory need the signature
    cat >"$SETTINGS/berth.yaml" <<END
execution-control:
  - {name: production, mode: whitelist, directory: $place/work, keys: [$signer]}
END
}

step() { # srun's arguments: on one node, which copies every image
    printf '%s\n' 'stage: always' "stage-path: $CLUSTER_SCRATCH" >"$place/own.yaml"
    as_user BERTH_CONFIG_FILE="$place/own.yaml" srun -N1 -n1 -w n1 "$@"
}

programs='echo programs /bin/*'

# What is in an image, told without a copy; nothing of the host is mounted on /bin.
told_of() { as_user "$BERTH" exec "$1" sh -c "$programs"; } # IMAGE

refused() { # WORD...: the last `run` of a step, in words, and no node suffered
    local word
    [[ $status != 0 && $output != *programs* ]] || { echo "it ran: $output"; return 1; }
    for word; do
        [[ $output == *"$word"* ]] || { echo "not a word of '$word': $output"; return 1; }
    done
    no_node_is_drained
}

own() { install -o "$BERTH_USER" -m 644 "$1" "$2"; } # FILE NAME

# A trailer that fits the file, with the digest of another one.
forge() { # FILE OTHER
    python3 - "$1" "$2" <<'END'
import os, struct, sys
with open(sys.argv[2], "rb") as other:
    other.seek(-32, os.SEEK_END)
    digest = other.read()
with open(sys.argv[1], "ab") as file:
    file.write(b"BERTHSUM" + struct.pack("<q", file.tell()) + digest)
END
}

@test "a trailer appended by hand chooses no copy: what was verified runs" {
    own "$SIF/signed-pgp.sif" signed.sif
    step --container-image="$REGISTRY#hello" true
    local other signed
    other=$(find "$STORE" -path '*/oci-tmp/*' -type f)
    signed=$(told_of signed.sif)
    [[ $signed != "$(told_of "$IMAGES/hello.sif")" ]]
    own signed.sif g.sif
    forge g.sif "$other"
    rules
    LOUD=1 run step --container-image=./g.sif sh -c "$programs"
    echo "$output"
    [[ $status == 0 && $output == *Copying* && $output == *"$signed"* ]]
    # And the reverse: a copy of a signed image is no proof for another file.
    own "$IMAGES/hello.sif" unsigned.sif
    forge unsigned.sif g.sif
    LOUD=1 run step --container-image=./unsigned.sif sh -c "$programs"
    refused "unsigned.sif may not be run" "signature not found for object group 1"
}

@test "a file that was replaced in place, with its size and time kept, is not run from an old copy" {
    own "$SIF/signed-pgp.sif" mine.sif
    own "$IMAGES/hello.sif" other.sif
    local size mine other
    mine=$(told_of mine.sif)
    other=$(told_of other.sif)
    [[ $mine != "$other" ]]
    size=$(stat -c %s mine.sif other.sif | sort -n | tail -1)
    truncate -s "$size" mine.sif other.sif
    LOUD=1 run step --container-image=./mine.sif sh -c "$programs"
    [[ $status == 0 && $output == *Copying* && $output == *"$mine"* ]]
    touch -r mine.sif time
    dd if=other.sif of=mine.sif conv=notrunc status=none
    touch -r time mine.sif
    LOUD=1 run step --container-image=./mine.sif sh -c "$programs"
    echo "$output"
    [[ $status == 0 && $output == *Copying* && $output == *"$other"* ]]
    rules
    LOUD=1 run step --container-image=./mine.sif sh -c "$programs"
    refused "mine.sif may not be run"
    dd if="$SIF/signed-pgp.sif" of=mine.sif conv=notrunc status=none
    touch -r time mine.sif
    [[ $(step --container-image=./mine.sif sh -c "$programs") == "$mine" ]]
}

@test "a file of the user's own switches no rule off under srun, and can add one" {
    own "$SIF/signed-pgp.sif" signed.sif
    own "$IMAGES/hello.sif" unsigned.sif
    rules
    printf 'execution-control: no\nallow-container-sif: yes\n' >"$place/open.yaml"
    local variable
    for variable in "BERTH_CONFIG_FILE=$place/open.yaml" "APPTAINER_CONFIG_FILE=$place/open.yaml" BERTH_CONFIG_FILE=/dev/null; do
        run as_user "$variable" srun -N1 -n1 --container-image=./unsigned.sif sh -c "$programs"
        refused "unsigned.sif may not be run: execution control, group 'production' (whitelist" || { echo "$variable"; return 1; }
        run as_user "$variable" srun -N1 -n1 --container-image=./signed.sif sh -c "$programs"
        [[ $status == 0 && $output == *programs* ]] || { echo "$variable: $output"; return 1; }
    done
    printf 'limit-container-owners: [nobody]\n' >"$place/open.yaml"
    run as_user BERTH_CONFIG_FILE="$place/open.yaml" srun -N1 -n1 --container-image=./signed.sif sh -c "$programs"
    refused "image is not owned by required user(s)" "$place/open.yaml has limit-container-owners"
}

@test "a named container runs what was verified, each time that it starts" {
    own "$SIF/signed-pgp.sif" signed.sif
    rules
    run as_user salloc -Q -N1 -n1 -w n1 sh -c "srun --container-image=./signed.sif --container-name=c sh -c '$programs'
        printf X | dd of=signed.sif bs=1 seek=300000 conv=notrunc status=none && touch -r $SIF/signed-pgp.sif signed.sif
        srun --container-name=c sh -c '$programs' || echo refused"
    echo "$output"
    [[ $(lines_with ^programs "$output") == 1 && $(lines_with ^refused "$output") == 1 ]]
    no_node_is_drained
}

@test "edits of a signed file, by a copied step" {
    local where at signed
    signed=$(told_of "$SIF/signed-pgp.sif")
    rules
    # Names and offsets: the parts of header and descriptors, and of the objects themselves.
    while read -r where at; do
        own "$SIF/signed-pgp.sif" "$where.sif"
        python3 -c 'import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    old = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([old ^ 1]))' "$where.sif" "$at"
        LOUD=1 run step --container-image="./$where.sif" sh -c "$programs"
        if [[ $where == free-* ]]; then
            [[ $status == 0 && $output == *"$signed"* ]] || { echo "$where: $output"; return 1; }
        else
            refused "$where.sif" || { echo "$where"; return 1; }
        fi
    done <<'END'
launch-line 5
image-id 50
free-modified 72
table-offset 97
type-of-partition 4681
group-of-partition 4690
offset-of-partition 4699
size-of-partition 4707
free-modified-of-partition 4730
architecture-of-partition 4890
data 300000
END
    no_node_is_drained
}
