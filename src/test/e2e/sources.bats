#!/usr/bin/env bats
# shellcheck shell=bash disable=SC2154
# Images that are not in a registry, and what build and pull make of them.

bats_require_minimum_version 1.5.0
load helper

corpus_file() { # IMAGE FILE: copied here, readable for the user
    local from
    from=$("$CORPUS" path "$1")/$2
    [[ -e $from ]] || skip "$from is not built: corpus build core odd evil"
    cp -r "$from" . && chown -R "$BERTH_USER" .
}

is_hello() { [[ ${output} == "hello, world"* ]] || { echo "not hello: $output $stderr"; return 1; }; }

# What lies there from before the test is another's.
leaves_nothing() { # of its own beside the work
    local left
    left=$(find . /tmp /var/tmp -maxdepth 1 -user "$BERTH_USER" -newer "$place/home" \( -name '.berth-*' -o -name 'berth-image-*' -o -name 'berth-archive-*' \))
    [[ -z $left ]] || { echo "left: $left"; return 1; }
}

@test "docker-archive in both layouts, plain and compressed, whatever it is called" {
    corpus_file hello docker.tar
    corpus_file hello docker25.tar
    gzip -c docker.tar >old.txt
    zstd -qc docker25.tar >new.tgz
    for archive in docker.tar docker25.tar old.txt new.tgz; do
        run --separate-stderr berth -q run "docker-archive:$archive"
        is_hello
    done
    run --separate-stderr berth run "docker-archive://docker.tar"
    is_hello
    [[ $stderr == *"Using cached SIF image"* ]]
    leaves_nothing
}

@test "a layout in a directory and in an archive, with and without a tag" {
    corpus_file hello oci
    tar cf dotted.tar -C oci .
    tar cf plain.tar -C oci oci-layout index.json blobs
    for source in oci:oci oci:oci:latest oci://oci oci-archive:dotted.tar oci-archive:plain.tar:latest; do
        run --separate-stderr berth -q run "$source"
        is_hello
    done
    run --separate-stderr berth exec oci:oci:other true
    refused 255 "no image other" ":latest"
}

@test "what skopeo writes is read" {
    command -v skopeo >/dev/null || skip "skopeo is not installed"
    corpus_file hello oci
    skopeo copy -q oci:oci:latest docker-archive:s.tar:localhost/hello:1
    skopeo copy -q oci:oci:latest oci-archive:s-oci.tar:one
    skopeo copy -q --dest-compress --dest-compress-format zstd oci:oci:latest oci:s-oci:two
    chown -R "$BERTH_USER" .
    for source in docker-archive:s.tar docker-archive:s.tar:localhost/hello:1 oci-archive:s-oci.tar oci-archive:s-oci.tar:one oci:s-oci:two; do
        run --separate-stderr berth -q run "$source"
        is_hello
    done
}

@test "a layout that umoci has changed is read, and its images are told apart" {
    command -v umoci >/dev/null || skip "umoci is not installed"
    corpus_file hello oci
    echo inserted >file
    umoci insert --image oci:latest --tag changed file /inserted
    umoci config --image oci:changed --config.env ADDED=yes
    chown -R "$BERTH_USER" .
    run --separate-stderr berth -q exec oci:oci:changed sh -c 'cat /inserted; echo $ADDED'
    [[ $output == $'inserted\nyes' ]]
    run --separate-stderr berth exec oci:oci true
    refused 255 "one must be named" ":changed"
}

@test "hostile archives and layouts are refused in one message and leave nothing" {
    local archive name
    corpus_file archives layer-link.tar
    for archive in "$("$CORPUS" path archives)"/*.tar; do
        name=${archive##*/}
        cp "$archive" evil.tar && chown "$BERTH_USER" evil.tar
        run --separate-stderr berth build -F evil.sif docker-archive:evil.tar
        case $name in
            good.tar | tags-null.tar | entry-dotdot.tar) [[ $status == 0 ]] ;;
            *) refused 255 "" && [[ ! -e evil.sif ]] ;;
        esac || { echo "$name"; return 1; }
        rm -f evil.sif
    done
    for name in layout-empty layout-links layout-notjson layout-path; do
        rm -rf oci && corpus_file "$name" oci
        run --separate-stderr berth build evil.sif oci:oci
        refused 255 "" && [[ ! -e evil.sif ]] || { echo "$name"; return 1; }
    done
    leaves_nothing
    [[ -z $(find /tmp -maxdepth 1 -name 'corpus-escape*') ]]
}

@test "build makes a SIF that other tools read" {
    corpus_file nasty docker.tar
    run --separate-stderr berth build n.sif docker-archive:docker.tar
    [[ $status == 0 && $stderr == *"Build complete: n.sif"* ]]
    [[ $(stat -c %a n.sif) == 755 ]]
    command -v unsquashfs >/dev/null || skip "unsquashfs is not installed"
    offset=$(berth sif list n.sif | sed -n 's/.*|\([0-9]*\)-.*Squashfs.*/\1/p')
    unsquashfs -o "$offset" -lls n.sif >list
    [[ $(wc -l <list) -gt 1000 ]]
}

@test "build --fix-perms: the owner of a sandbox may read and write all of it, and remove it" {
    mkdir -p tree/closed/in tree/bin
    echo secret >tree/closed/in/file
    mksquashfs tree closed.sqfs -quiet -no-progress -p 'closed m 555 0 0' -p 'closed/in m 055 0 0' -p 'closed/in/file m 044 0 0' >/dev/null
    chmod 644 closed.sqfs
    run --separate-stderr berth build --sandbox kept closed.sqfs
    [[ $status == 0 && $(stat -c %a kept/closed/in kept/closed/in/file) == $'55\n44' ]]
    run --separate-stderr berth build --sandbox --fix-perms fixed closed.sqfs
    [[ $status == 0 && $(stat -c %a fixed/closed fixed/closed/in fixed/closed/in/file) == $'755\n755\n644' ]]
    as_user sh -c 'echo more >>fixed/closed/in/file && rm -r fixed'
    [[ ! -e fixed ]]
}

@test "run --runscript-timeout is taken, as an option and as a variable" {
    run --separate-stderr berth run --runscript-timeout 30s "$IMAGE"
    is_hello
    run --separate-stderr berth APPTAINER_RUNSCRIPT_TIMEOUT=30s run "$IMAGE"
    is_hello
    [[ $stderr == "" ]]
}

@test "a sandbox is made, changed and packed again" {
    corpus_file nasty docker.tar
    run --separate-stderr berth build --sandbox box docker-archive:docker.tar
    [[ $status == 0 && $stderr == *"Creating sandbox directory..."* ]]
    run --separate-stderr berth exec -w box sh -c 'echo kept >/kept'
    [[ $status == 0 && $(<box/kept) == kept ]]
    run --separate-stderr berth build again.sif box
    [[ $status == 0 ]]
    run --separate-stderr berth exec again.sif cat /kept
    [[ $output == kept ]]
    # Files that are closed to their owner are in it, and are closed as before.
    run --separate-stderr berth build --sandbox second again.sif
    [[ $status == 0 ]]
    difference=$(diff <(cd box && find . -printf '%p %m %y %l %n\n' | sort) <(cd second && find . -printf '%p %m %y %l %n\n' | sort)) || true
    [[ -z $difference ]] || { echo "$difference"; return 1; }
    leaves_nothing
}

@test "pull makes a sandbox" {
    run --separate-stderr berth pull --sandbox box "docker://$REGISTRY/hello"
    [[ $status == 0 && -d box/.singularity.d ]]
    run --separate-stderr berth run box
    is_hello
    run --separate-stderr berth pull --sandbox "docker://$REGISTRY/hello"
    [[ $status == 0 && -d hello_latest ]]
    run --separate-stderr berth pull --sandbox box "docker://$REGISTRY/hello"
    refused 255 "already exists"
}

@test "build replaces only what it may, and only when the new image is whole" {
    as_user cp "$IMAGE" old.sif
    run --separate-stderr berth build old.sif "$IMAGE"
    refused 255 "build target 'old.sif' already exists. Use --force"
    as_user mkdir plain && as_user touch plain/mine
    run --separate-stderr berth build --sandbox plain "$IMAGE"
    refused 255 "is not empty and is not a sandbox"
    [[ -e plain/mine ]]
    before=$(sha256sum <old.sif)
    corpus_file archives layer-other.tar
    run --separate-stderr berth build --force old.sif docker-archive:layer-other.tar
    refused 255 "has the digest"
    [[ $(sha256sum <old.sif) == "$before" ]]
    run --separate-stderr berth build --force --sandbox . "$IMAGE"
    refused 255 "working directory"
    run --separate-stderr berth build --force --sandbox plain "$IMAGE"
    [[ $status == 0 && -d plain/.singularity.d && ! -e plain/mine ]]
    run --separate-stderr berth build --force plain "$IMAGE"
    [[ $status == 0 && -f plain ]]
    leaves_nothing
}

@test "build asks on a terminal" {
    command -v script >/dev/null || skip "script (util-linux) is not installed"
    as_user cp "$IMAGE" old.sif
    run as_user script -qec "$BERTH build old.sif $IMAGE" /dev/null <<<n
    [[ $output == *"Do you want to continue? [y/N]"*"stopping build"* ]]
}

@test "reproducible builds are the same byte for byte" {
    corpus_file hello docker.tar
    run --separate-stderr berth build --reproducible a.sif docker-archive:docker.tar
    run --separate-stderr berth build --reproducible b.sif docker-archive:docker.tar
    cmp a.sif b.sif
    run --separate-stderr berth build --sandbox box a.sif
    run --separate-stderr berth build --reproducible c.sif box
    run --separate-stderr berth build --reproducible d.sif box
    cmp c.sif d.sif
}

@test "a definition file is told apart from other files" {
    printf 'Bootstrap: docker\nFrom: hello\n' >x.def
    run --separate-stderr berth build x.sif x.def
    refused 255 "definition files is not available yet"
    run --separate-stderr berth build x.sif /etc/passwd
    refused 255 "image format not recognized"
    run --separate-stderr berth exec library://x true
    refused 255 "no library is configured"
    run --separate-stderr berth exec shub://x true
    refused 255 "closed"
}

@test "pull --dir with a whole path as output is refused" {
    run --separate-stderr berth pull --dir "$PWD" "$PWD/y.sif" "docker://$REGISTRY/hello"
    refused 255 "--dir" "$PWD/y.sif"
    [[ ! -e y.sif ]]
}

@test "what is pushed says when, and with SOURCE_DATE_EPOCH the same digest each time" {
    local first second manifest
    first=$(berth SOURCE_DATE_EPOCH=1700000000 push "$IMAGE" "oras://$REGISTRY/pushed:1" 2>&1 | sed -n 's/.*Digest: //p')
    second=$(berth SOURCE_DATE_EPOCH=1700000000 push "$IMAGE" "oras://$REGISTRY/pushed:2" 2>&1 | sed -n 's/.*Digest: //p')
    [[ -n $first && $first == "$second" ]]
    manifest=$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$REGISTRY/v2/pushed/manifests/1")
    [[ $(jq -r '.annotations["org.opencontainers.image.created"]' <<<"$manifest") == 2023-11-14T22:13:20Z ]]
    berth push "$IMAGE" "oras://$REGISTRY/pushed:3"
    manifest=$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$REGISTRY/v2/pushed/manifests/3")
    [[ $(jq -r '.annotations["org.opencontainers.image.created"]' <<<"$manifest") == "$(date -u +%Y-%m-%dT)"* ]]
}
