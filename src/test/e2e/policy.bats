#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # texts for other shells; bats sets status, output and stderr
#
# What a site lets its users run: settings, keyring and images of a site of the test's own, asked as an ordinary user.

bats_require_minimum_version 1.5.0
load helper

# The installed tree once more, by hard links where that can be; its settings and its keyring are the test's.
setup_file() {
    SITE=${SUITE:?}/site
    export SITE
    cp -al "$(dirname "$(dirname "$(readlink -f "$BERTH")")")" "$SITE" 2>/dev/null ||
        { rm -rf "$SITE" && cp -a "$(dirname "$(dirname "$(readlink -f "$BERTH")")")" "$SITE"; }
    rm -rf "$SITE/etc/berth"
    install -d "$SITE/etc/berth"
    # Where the user can read them; the clone may be out of his reach.
    SIF=$SUITE/sif
    cp -r "$BATS_TEST_DIRNAME/../resources/sif" "$SIF"
    chmod -R a+rX "$SIF"
    export SIF BERTH=$SITE/bin/berth
    "$BERTH" key import --global "$SIF/pgp.asc" >/dev/null
}

teardown_file() { rm -rf "$SITE" "$SIF"; }

settings() { cat >"$SITE/etc/berth/berth.yaml"; } # from standard input

signer=4979B4C1C74CE79EE271F3EB466BAA50EFAB0E0E

image() { install -o "$BERTH_USER" -m 755 "$SIF/$1" "$1"; } # NAME of a fixture

# What Apptainer signed may be run; busybox is in it.
trusted() { [[ $(berth exec signed-pgp.sif echo it runs) == "it runs" ]]; }

@test "an image that is signed by the right key runs, in all ways and in a step" {
    image signed-pgp.sif
    settings <<END
execution-control:
  - name: production
    mode: whitelist
    directory: $PWD
    keys: [$signer]
END
    trusted
    [[ $(berth run signed-pgp.sif -c "echo it runs") == "it runs" ]]
    [[ $(berth shell signed-pgp.sif </dev/null 2>&1) != *"may not be run"* ]]
    [[ $(berth test signed-pgp.sif 2>&1) != *"may not be run"* ]]
    [[ $(berth exec --unsquash signed-pgp.sif echo it runs) == *"it runs" ]]
}

@test "an image without a signature is refused in all ways and in a step" {
    settings <<END
execution-control:
  - {name: production, mode: blacklist, keys: [$signer]}
END
    image mini.sif
    local how
    for how in "exec mini.sif /bin/hello" "run mini.sif" "shell mini.sif" "test mini.sif" "exec --unsquash mini.sif /bin/hello" \
        "hold --ready-fd 1 --release-fd 0 mini.sif"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr berth $how
        refused 255 "image $PWD/mini.sif may not be run: execution control, group 'production' (blacklist)" \
            "signature not found for object group 1" "'berth verify' shows" || { echo "$how"; return 1; }
    done
    settings </dev/null
    berth exec mini.sif /bin/hello
}

@test "the wrong key, a changed image and the wrong directory are refused" {
    image signed-pgp.sif
    settings <<END
execution-control:
  - {name: other, mode: whitestrict, directory: $PWD, keys: [$signer, 5994BE54C31CF1B5E1994F987C52CF6D055F072B]}
END
    run --separate-stderr berth exec signed-pgp.sif true
    refused 255 "needs all of $signer, 5994BE54C31CF1B5E1994F987C52CF6D055F072B and has $signer"
    settings <<END
execution-control:
  - {name: other, mode: whitelist, directory: $PWD, keys: [$signer]}
END
    as_user mkdir below
    as_user cp signed-pgp.sif below
    run --separate-stderr berth exec below/signed-pgp.sif true
    refused 255 "$PWD/below is the directory of no group" "images in $PWD may be run"
    printf X | dd of=signed-pgp.sif bs=1 seek=300000 conv=notrunc status=none
    run --separate-stderr berth exec signed-pgp.sif true
    refused 255 "data object integrity compromised: 2"
}

@test "edits of a signed file: what was signed runs, or nothing" {
    image signed-pgp.sif
    settings <<END
execution-control:
  - {name: production, mode: whitelist, directory: $PWD, keys: [$signer]}
END
    trusted
    # The launcher is told which state of which file was verified.
    [[ $(berth exec --dry-run signed-pgp.sif true) =~ image-squash\ $PWD/signed-pgp.sif\ [0-9]+\ [^\ ]+\ $(stat -c %d:%i signed-pgp.sif):[0-9]+ ]]
    cat >edit.py <<'END'
import sys
at, bit, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
data = bytearray(open(name, "rb").read())
data[at] ^= 1 << bit
open(name, "r+b").write(data)
END
    local expected at bit runs=0
    # Offsets in the header, in the descriptors of the partition (4681) and of the signature (5266), and in the objects.
    for at in 0 31 32 43 46 48 63 64 72 80 88 96 97 104 112 120 4681 4685 4686 4690 4694 4698 4699 4706 4707 4714 4722 4730 4738 \
        4746 4754 4882 4886 4890 4893 5266 5270 5271 5275 5279 5283 5291 5467 5471 100000 1000000; do
        for bit in 0 6; do
            install -o "$BERTH_USER" -m 644 "$SIF/signed-pgp.sif" edited.sif
            python3 edit.py "$at" "$bit" edited.sif
            run --separate-stderr berth exec edited.sif sh -c 'echo it runs /bin/*'
            if [[ $status == 0 ]]; then
                runs=$((runs + 1))
                expected=${expected:-$(berth exec signed-pgp.sif sh -c 'echo it runs /bin/*')}
                [[ $output == "$expected" ]] || { echo "$at.$bit: $output"; return 1; }
                cmp <(berth sif dump 2 edited.sif) <(berth sif dump 2 "$SIF/signed-pgp.sif") || { echo "$at.$bit"; return 1; }
            else
                refused 255 edited.sif || { echo "$at.$bit"; return 1; }
            fi
        done
    done
    [[ $runs -gt 5 && $runs -lt 45 ]]
}

@test "Apptainer's ecl.toml is obeyed" {
    image signed-pgp.sif
    cat >"$SITE/etc/berth/ecl.toml" <<END
activated = true
[[execgroup]]
  tagname = "group1"
  mode = "blacklist"
  dirpath = ""
  keyfp = ["$signer"]
END
    settings <<<"execution-control: $SITE/etc/berth/ecl.toml"
    run --separate-stderr berth exec signed-pgp.sif true
    refused 255 "group 'group1' (blacklist): image signed by a forbidden entity: $signer"
    sed -i 's/activated = true/activated = false/' "$SITE/etc/berth/ecl.toml"
    trusted
}

@test "what comes from a registry is refused until it is signed" {
    settings <<END
execution-control:
  - {name: own, mode: whitelist, directory: $PWD, keys: [$signer]}
  - {name: rest, mode: whitelist, keys: [$signer]}
END
    run --separate-stderr berth exec "docker://$REGISTRY/hello" true
    refused 255 "image docker://$REGISTRY/hello may not be run: execution control, group 'rest' (whitelist)" "pull it into a file, have that signed"
    as_user mkdir tmp
    run --separate-stderr berth APPTAINER_TMPDIR="$PWD/tmp" exec --disable-cache "docker://$REGISTRY/hello" true
    refused 255 "image docker://$REGISTRY/hello may not be run"
    [[ -z $(ls -A tmp) ]]
    berth pull hello.sif "docker://$REGISTRY/hello"
    run --separate-stderr berth run hello.sif
    refused 255 "$PWD/hello.sif"
    as_user "$BERTH" key newpair --keysdir "$place/work/keys" -N T -E t@example.org -C '' -P '' -b 2048
    berth sign --keysdir keys hello.sif
    run --separate-stderr berth run hello.sif
    refused 255 "not verified with the site's keys"
    "$BERTH" key import --global keys/pgp-public
    local mine
    mine=$(berth key list --keysdir "$place/work/keys" | sed -n 's/.*Fingerprint: *//p')
    sed -i "s/keys: \[$signer\]/keys: [$mine]/" "$SITE/etc/berth/berth.yaml"
    [[ $(berth run hello.sif) == "hello, world"* ]]
    "$BERTH" key remove --global "$mine"
}

@test "kinds of images that the site does not allow" {
    image mini.sif
    berth build --sandbox box mini.sif
    settings <<<"allow-container-dir: no"
    run --separate-stderr berth exec box /bin/hello
    refused 255 "could not open image $PWD/box: configuration disallows users from running sandbox containers" "allow-container-dir: no"
    berth exec mini.sif /bin/hello
    settings <<<"allow-container-sif: no"
    run --separate-stderr berth run mini.sif
    refused 255 "configuration disallows users from running unencrypted SIF containers"
    berth exec box /bin/hello
    run --separate-stderr berth hold --ready-fd 1 --release-fd 0 mini.sif
    refused 255 "configuration disallows users from running unencrypted SIF containers"
    berth sif dump 2 mini.sif >plain.sqfs
    berth exec plain.sqfs /bin/hello
    settings <<<"allow-container-squashfs: no"
    run --separate-stderr berth exec plain.sqfs /bin/hello
    refused 255 "configuration disallows users from running squashFS containers"
    truncate -s 8192 plain.ext3
    printf '\x53\xef' | dd of=plain.ext3 bs=1 seek=1080 conv=notrunc status=none
    run --separate-stderr berth exec plain.ext3 /bin/hello
    refused 255 plain.ext3 "ext3 images are not available yet"
    settings <<<"allow-container-extfs: no"
    run --separate-stderr berth exec plain.ext3 /bin/hello
    refused 255 "configuration disallows users from running extFS containers"
}

@test "owners, groups and places of images that the site allows" {
    image mini.sif
    settings <<<"limit-container-owners: [root]"
    run --separate-stderr berth run mini.sif
    refused 255 "image is not owned by required user(s)" "limit-container-owners: root"
    chown root mini.sif
    berth exec mini.sif /bin/hello
    settings <<<"limit-container-groups: [$(id -gn "$BERTH_USER")]"
    run --separate-stderr berth run mini.sif
    refused 255 "image is not owned by required group(s)"
    chgrp "$(id -gn "$BERTH_USER")" mini.sif
    berth exec mini.sif /bin/hello
    settings <<<"limit-container-paths: [$PWD/allowed]"
    run --separate-stderr berth run mini.sif
    refused 255 "image is not in an allowed configured path" "$PWD/allowed"
    run --separate-stderr berth run "docker://$REGISTRY/hello"
    refused 255 "docker://$REGISTRY/hello" "kept in $place/cache"
    as_user mkdir allowed
    cp mini.sif allowed
    as_user ln -s allowed/mini.sif link.sif
    berth exec link.sif /bin/hello
}

@test "mistakes of the site are one line each" {
    image mini.sif
    local text
    while read -r text; do
        printf '%b\n' "$text" | settings
        run --separate-stderr berth run mini.sif
        refused 255 "$SITE/etc/berth/berth.yaml" || { echo "$text"; return 1; }
    done <<'END'
driver-root: !!java.io.File [/x]
mount-home: !!set {yes}
driver-root: "/a\\0b"
bind-path: ["/a\\0b:/x"]
execution-control: [{name: x, mode: greylist}]
execution-control: [{name: x, mode: whitelist, directory: /nowhere, keys: [4979B4C1C74CE79EE271F3EB466BAA50EFAB0E0E]}]
execution-control: /nowhere/ecl.toml
limit-container-owners: {a: b}
a: &x [*x]
allow-container-dri: no
allow-container-dir: [no]
allow-container-dir: no\nallow container dir: yes
limit-container-owners:
limit-container-paths: ""
user-bind-control: []
execution-control: [no]
execution-control:
execution-control: [{name: x, mode: whitestrict, keys: []}]
limit container ownrs = root
END
}

@test "a mistake in an ecl.toml is one line with its place, and nothing runs" {
    image signed-pgp.sif
    settings <<<"execution-control: $SITE/etc/berth/ecl.toml"
    local line text group
    group="tagname = 't'\\nmode = 'blacklist'\\nkeyfp = ['$(printf 'A%.0s' {1..40})']\\n"
    while IFS='|' read -r line text; do
        printf '%b' "${text//GROUP/$group}" >"$SITE/etc/berth/ecl.toml"
        run --separate-stderr berth exec signed-pgp.sif true
        refused 255 "$SITE/etc/berth/ecl.toml, line $line:" || { echo "$text"; return 1; }
    done <<'END'
1|
2|activated = true\nactive = false\n
1|legacyinsecure = false\n
5|[[execgroup]]\nGROUPactivated = true\n
2|activated = true\n[[execgroup]]\nmode = 'blacklist'\nkeyfp = []\n
4|activated = true\n[[execgroup]]\nmode = 'blacklist'\nKeyFPs = ['x']\n
2|activated = false\nActivated = true\n
END
    printf '%b' "Activated = true\n[[ExecGroup]]\n$group" >"$SITE/etc/berth/ecl.toml"
    trusted
    printf '%b' "Activated = true\n[[ExecGroup]]\nMode = 'blacklist'\nKeyFP = ['$signer']\n" >"$SITE/etc/berth/ecl.toml"
    run --separate-stderr berth exec signed-pgp.sif true
    refused 255 "image signed by a forbidden entity"
}

@test "a file of the user's own adds to the site's rules and takes none away" {
    image signed-pgp.sif
    image mini.sif
    berth build --sandbox box mini.sif
    settings <<END
allow-container-dir: no
user-bind-control: no
execution-control:
  - {name: site, mode: whitelist, keys: [$signer]}
END
    printf 'allow-container-dir: yes\nexecution-control: no\nlimit-container-paths: []\nmount-home: no\n' >open.yaml
    printf 'allow container dir = yes\nuser bind control = yes\n' >open.conf
    local how
    for how in "--config open.yaml" "--config /dev/null" "BERTH_CONFIG_FILE=$PWD/open.yaml" "APPTAINER_CONFIG_FILE=$PWD/open.conf" \
        "SINGULARITY_CONFIG_FILE=/dev/null"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr berth $how exec box /bin/hello
        refused 255 "configuration disallows users from running sandbox containers" "$SITE/etc/berth/berth.yaml has allow-container-dir: no" ||
            { echo "$how"; return 1; }
        # shellcheck disable=SC2086 # words
        run --separate-stderr berth $how exec mini.sif /bin/hello
        refused 255 "group 'site' (whitelist): image signature not valid" || { echo "$how"; return 1; }
        # shellcheck disable=SC2086 # words
        [[ $(berth $how exec signed-pgp.sif echo it runs) == "it runs" ]]
    done
    printf 'execution-control:\n  - {name: mine, mode: blacklist, keys: [%s]}\n' "$signer" >own.yaml
    run --separate-stderr berth --config own.yaml exec signed-pgp.sif true
    refused 255 "group 'mine' (blacklist): image signed by a forbidden entity"
    printf 'limit-container-owners: [nobody]\nimage-max-depth: 7\n' >own.yaml
    run --separate-stderr berth --config own.yaml exec signed-pgp.sif true
    refused 255 "image is not owned by required user(s)" "own.yaml has limit-container-owners: nobody"
    printf 'limit-container-paths: [%s]\n' "$PWD" >own.yaml
    run --separate-stderr berth --config own.yaml exec --explain signed-pgp.sif true
    [[ $output == *"rules of $SITE/etc/berth/berth.yaml: user-bind-control, allow-container-dir, execution-control"* ]]
    [[ $output == *"rules of $PWD/own.yaml: limit-container-paths"* ]]
    run --separate-stderr berth -d --config own.yaml exec signed-pgp.sif true
    [[ $stderr == *"VERBOSE: rules of $PWD/own.yaml: limit-container-paths"* ]]
    run --separate-stderr as_user unshare -r "$BERTH" --config /dev/null exec box /bin/hello
    refused 255 "configuration disallows users from running sandbox containers"
    run --separate-stderr "$BERTH" --config "$PWD/open.yaml" exec mini.sif /bin/hello
    [[ $status == 0 ]]
    settings <<<"allow-container-dri: no"
    run --separate-stderr berth --config open.yaml exec mini.sif /bin/hello
    refused 255 "$SITE/etc/berth/berth.yaml, line 1: unknown setting 'allow-container-dri'"
}

@test "an environment file that ends in the middle of something" {
    settings </dev/null
    image signed-pgp.sif
    local text
    # shellcheck disable=SC1003,SC2016 # as they are
    for text in 'A=one\' 'A=one B=\' "A='one" 'A=$(' 'A=one\\\'; do
        printf '%s' "$text" >variables
        # An error or a value, but an end.
        run --separate-stderr berth exec --env-file variables signed-pgp.sif sh -c 'echo "<$A>"'
        echo "$text: $status $output $stderr"
        [[ $status == 0 || $status == 255 ]]
        [[ $stderr != *Exception* ]]
    done
}

library_server() { # runs a library with one image, hello:1.0, whose first answer breaks off; its address goes to $LIBRARY
    cat >library.py <<'END'
import hashlib, http.server, json, sys
image = open(sys.argv[1], "rb").read()
digest = hashlib.sha256(image).hexdigest()
broken = []

class Library(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        known = [f"/v1/{kind}/lib/tools/hello:{tag}" for kind in ("images", "imagefile") for tag in ("1.0", "sha256." + digest)]
        if path == "/file":
            start = int(self.headers.get("Range", "bytes=0-")[6:-1])
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(image) - 1}/{len(image)}")
            self.send_header("Content-Length", str(len(image) - start))
            self.end_headers()
            self.wfile.write(image[start:] if broken else image[: len(image) // 2])
            broken.append(1)
            self.close_connection = True
        elif path not in known or query not in ("arch=amd64", "arch=arm64"):
            self.send_error(404)
        elif path.startswith("/v1/imagefile/"):
            self.send_response(303)
            self.send_header("Location", "/file")
            self.end_headers()
        else:
            body = json.dumps({"data": {"hash": "sha256." + digest, "size": len(image)}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Library)
print(server.server_address[1], flush=True)
server.serve_forever()
END
    timeout 300 python3 library.py "$1" >port 3>&- 4>&- &
    library=$!
    local i
    for ((i = 0; i < 600; i++)); do
        [[ ! -s port ]] || break
        sleep 0.1
    done
    LIBRARY=http://127.0.0.1:$(<port)
}

@test "images of a library" {
    settings </dev/null
    run --separate-stderr berth pull library://lib/tools/hello:1.0
    refused 255 "library://lib/tools/hello:1.0: no library is configured" "--library URL"
    library_server "$SIF/signed-pgp.sif"
    berth pull --library "$LIBRARY" library://lib/tools/hello:1.0
    cmp hello_1.0.sif "$SIF/signed-pgp.sif"
    run --separate-stderr berth APPTAINER_LIBRARY="$LIBRARY" exec library://lib/tools/hello:1.0 echo it runs
    [[ $status == 0 && $output == "it runs" && $stderr == *"Using cached SIF image"* ]]
    settings <<<"library: $LIBRARY/"
    [[ $(berth run library:lib/tools/hello:1.0 -c "echo it runs") == "it runs" ]]
    berth build --sandbox box "library://lib/tools/hello:sha256.$(sha256sum <"$SIF/signed-pgp.sif" | cut -d' ' -f1)"
    [[ -x box/bin/busybox ]]
    settings </dev/null
    [[ $(berth exec "library://${LIBRARY#http://}/lib/tools/hello:1.0" echo it runs) == "it runs" ]]
    run --separate-stderr berth pull --library "$LIBRARY" library://lib/tools/hello:2.0
    refused 255 "image does not exist in the library: lib/tools/hello:2.0 (" "$LIBRARY"
    [[ ! -e hello_2.0.sif ]]
    run --separate-stderr berth pull --library "ftp://x" library://lib/tools/hello:2.0
    refused 255 "'ftp://x' is not the address of a library"
    run --separate-stderr berth push hello_1.0.sif library://lib/tools/hello:3.0
    refused 255 "libraries can be pulled from, not pushed to" "oras://HOST/NAME:TAG"
    [[ $(berth cache list) == *"There are 1 container file(s)"* ]]
    kill "$library"
}
