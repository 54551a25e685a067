#!/usr/bin/env bats
# shellcheck shell=bash disable=SC2016,SC2154 # texts for other shells; variables of the helper
# What a second user of the machine tries on every place that Berth uses. He makes directories, links, fifos and files beforehand, or changes
# them after the first use. His image writes a file when it runs as the victim: it may never be there, and the victim is told what was wrong.

bats_require_minimum_version 1.5.0
load helper
load attacker

setup_file() {
    export VICTIM HELLO=docker://$REGISTRY/hello
    VICTIM=$(id -u "$BERTH_USER")
    make_attacker "$SUITE/evil"
}

setup() {
    place=$(mktemp -d "$SUITE/test.XXXXXX")
    chmod 755 "$place"
    install -d -o "$BERTH_USER" "$place"/{home,cache,work}
    # Where everybody may write, as /tmp and a plugin's store= are; and where everybody may do everything.
    install -d -m 1777 "$place/shared"
    install -d -m 777 "$place/open"
    cd "$place/work" || return
    rm -f "/tmp/evil-ran-$VICTIM"
}

# Also with a directory of settings of his own: without it the home directory of the password database counts.
as_user() {
    local -a more=()
    while [[ ${1:-} == [A-Z_]*=* ]]; do
        more+=("$1")
        shift
    done
    runuser -u "$BERTH_USER" -- env -i PATH="$(dirname "$BERTH"):/usr/bin:/bin" HOME="$place/home" USER="$BERTH_USER" LANG=C.UTF-8 TERM=dumb \
        APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$place/cache" APPTAINER_CONFIGDIR="$place/home/.apptainer" "${more[@]}" "$@" </dev/null 3>&- 4>&-
}

teardown() {
    end_attacker
    cd /
    rm -f "/tmp/evil-ran-$VICTIM"
    rm -rf "$place"
}

# The last `run --separate-stderr` ran the right image or none, and did say that.
unharmed() { # WORD...
    local word
    [[ ! -e /tmp/evil-ran-$VICTIM && $stderr != *EVIL* ]] || { echo "the attacker's image ran: $stderr"; return 1; }
    [[ $stderr != *$'\tat '* && $stderr != *Exception* ]] || { echo "a stack trace: $stderr"; return 1; }
    for word; do
        [[ $stderr == *"$word"* ]] || { echo "not a word of '$word': $stderr"; return 1; }
    done
}

@test "the attack works where it is allowed to: the planted image is what Berth would run" {
    plant "$place/shared/mine" go-w
    run --separate-stderr other APPTAINER_CACHEDIR="$place/shared/mine" exec "$HELLO" true
    [[ $stderr == *EVIL* ]] || { echo "$stderr"; return 1; }
    rm -f "/tmp/evil-ran-$(id -u "$OTHER")"
}

@test "cache: another's, whatever named it, is refused with his name, and the next place is used" {
    local words=("berth-other (user $(id -u "$OTHER"))" "is used in its place")
    plant "$place/shared/c" a+rwX
    for variable in BERTH_CACHEDIR APPTAINER_CACHEDIR SINGULARITY_CACHEDIR; do
        run --separate-stderr berth APPTAINER_CACHEDIR= "$variable=$place/shared/c" exec "$HELLO" true
        [[ $status == 0 ]]
        unharmed "the cache of $variable is not used: $place/shared/c/cache belongs to" "${words[@]}"
    done
    printf 'cache-path: [%s]\n' "$place/shared/c" >site.yaml
    run --separate-stderr berth APPTAINER_CACHEDIR= --config site.yaml exec "$HELLO" true
    [[ $status == 0 ]]
    unharmed
    run --separate-stderr berth APPTAINER_CACHEDIR= --config site.yaml cache where --explain
    [[ $output == *"refused $place/shared/c"*"berth-other"* ]]
    [[ -e $place/home/.apptainer/cache/oci-tmp ]]
}

@test "cache: where there is no other the image is run without one, with one warning" {
    plant "$place/shared/c" a+rwX
    as_other 'mkdir -p "$0/cache" && chmod -R 777 "$0"' "$place/shared/home"
    run --separate-stderr berth APPTAINER_CACHEDIR= APPTAINER_CONFIGDIR="$place/shared/home" exec "$HELLO" true
    [[ $status == 0 && $(grep -c WARNING <<<"$stderr") == 1 ]]
    unharmed "no cache is used" berth-other
    run --separate-stderr berth APPTAINER_CACHEDIR="$place/shared/c" APPTAINER_CONFIGDIR="$place/shared/home" cache list
    refused 255 "no cache" berth-other
}

@test "cache: below a directory of the victim's too: each of its directories and files" {
    local part theirs
    for part in oci-tmp blob blob/blobs blob/blobs/sha256 blob/names used pins net library oras; do
        rm -rf "$place/cache/cache"
        berth exec "$HELLO" true >/dev/null 2>&1
        as_user sh -c 'mkdir -p "$0" && chmod 777 "$0"' "$place/cache/cache/$part"
        run --separate-stderr berth exec "$HELLO" true
        unharmed "$place/cache/cache/$part may be written to by everybody"
    done
    rm -rf "$place/cache/cache"
    berth exec "$HELLO" true >/dev/null 2>&1
    theirs=$(ls "$place"/cache/cache/oci-tmp/*)
    with_trailer "$EVIL/evil.sif" "$theirs"
    chown "$OTHER" "$theirs"
    run --separate-stderr berth exec "$HELLO" true
    [[ $status == 0 ]]
    unharmed "Converting OCI blobs"
    run stat -c %U "$theirs"
    [[ $output == "$BERTH_USER" ]]
}

@test "cache: links, fifos and files in its place" {
    plant "$place/shared/c" a+rwX
    as_other 'mkdir "$0/link" "$0/fifo" "$0/file"; ln -s ../c/cache "$0/link/cache"; mkfifo "$0/fifo/cache"; echo >"$0/file/cache"; chmod -R a+rwX "$0"/*' "$place/shared"
    for kind in link fifo file; do
        run --separate-stderr timeout 100 runuser -u "$BERTH_USER" -- env HOME="$place/home" APPTAINER_NOHTTPS=1 \
            APPTAINER_CACHEDIR="$place/shared/$kind" "$BERTH" exec "$HELLO" true
        [[ $status == 0 ]]
        unharmed "$place/shared/$kind/cache is "
    done
}

@test "cache: exchanged after the first use, in a directory where everybody may rename" {
    local i
    install -d -m 777 "$place/open/c"
    run --separate-stderr berth APPTAINER_CACHEDIR="$place/open/c" exec "$HELLO" true
    [[ $status == 0 ]]
    unharmed
    [[ $(stat -c '%a %U' "$place/open/c/cache") == "700 $BERTH_USER" ]]
    plant "$place/open/e" a+rwX
    as_other 'cd "$0" && mv c/cache c/old && mv e/cache c/cache' "$place/open"
    run --separate-stderr berth APPTAINER_CACHEDIR="$place/open/c" exec "$HELLO" true
    [[ $status == 0 ]]
    unharmed "$place/open/c/cache belongs to berth-other"
    # And while it is used: to and fro, as quickly as that goes.
    as_other 'cd "$0/c" && while :; do mv -T cache evil; mv -T old cache; mv -T cache old; mv -T evil cache; done' "$place/open" >/dev/null 2>&1 &
    local swapper=$!
    for i in {1..12}; do
        run --separate-stderr berth APPTAINER_CACHEDIR="$place/open/c" exec "$HELLO" true
        unharmed || { kill $swapper; return 1; }
    done
    pkill -P $swapper || true
    kill $swapper || true
}

@test "cache: what Berth makes is the user's alone, under any umask, setgid bit and default access list" {
    install -d -m 3777 "$place/shared/group"
    chgrp "$(id -g "$OTHER")" "$place/shared/group"
    chmod 3777 "$place/shared/group"
    /usr/bin/python3 - "$place/shared/group" "$(id -u "$OTHER")" <<'END'
import os, struct, sys
entry = lambda tag, perm, who=0xffffffff: struct.pack("<HHI", tag, perm, who)
acl = struct.pack("<I", 2) + entry(1, 7) + entry(2, 7, int(sys.argv[2])) + entry(4, 7) + entry(16, 7) + entry(32, 7)
os.setxattr(sys.argv[1], "system.posix_acl_default", acl)
END
    for mask in 000 022 077 777; do
        run --separate-stderr runuser -u "$BERTH_USER" -- sh -c 'umask "$1"; export HOME="$2" APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$3"; exec "$4" exec "$5" true' sh \
            "$mask" "$place/home" "$place/shared/group/$mask" "$BERTH" "$HELLO"
        [[ $mask == 777 || $status == 0 ]] || { echo "$mask: $stderr"; return 1; }
        unharmed
        run find "$place/shared/group/$mask" -type d ! -perm 0700 ! -perm 2700
        [[ -z $output ]] || { echo "$mask: $output"; return 1; }
        run runuser -u "$OTHER" -- sh -c 'ls "$0"/* || cat "$0"/cache/oci-tmp/* || touch "$0/x" "$0/cache/x"' "$place/shared/group/$mask"
        [[ $status != 0 ]]
    done
}

@test "cache: an owner that shows as nobody is refused with the setting's name" {
    plant "$place/shared/c" a+rwX
    chown -R 65534 "$place/shared/c"
    run --separate-stderr berth APPTAINER_CACHEDIR="$place/shared/c" exec "$HELLO" true
    [[ $status == 0 ]]
    unharmed "user 65534" trusted-owners
}

@test "cache: other owners count only where root's berth.yaml says so" {
    plant "$place/shared/c" go-w
    chmod -R a+rX "$place/shared/c"
    printf 'trusted-owners: [berth-other]\n' >"$place/site.yaml"
    chmod 644 "$place/site.yaml"
    as_user cp "$place/site.yaml" mine.yaml
    run --separate-stderr berth APPTAINER_CACHEDIR="$place/shared/c" --config mine.yaml exec "$HELLO" true
    refused 255 "mine.yaml: trusted-owners and trusted-groups count only in a file that is root's"
    unharmed
}

@test "an image that the user names is never refused for its owner" {
    cp "$EVIL/evil.sif" "$place/shared/colleague.sif"
    chown "$OTHER" "$place/shared/colleague.sif"
    run --separate-stderr berth exec "$place/shared/colleague.sif" true
    [[ $status == 0 && $stderr == *EVIL* ]]
    rm -f "/tmp/evil-ran-$VICTIM"
}

@test "tmp: the place is the attacker's: what is made in it is not read back from somebody else" {
    as_other 'mkdir -m 777 "$0/t"' "$place/shared"
    # He puts his image in the place of whatever appears.
    as_other 'cd "$0/t" && while :; do for f in berth-image-*.sif; do if [ -f "$f" ] && [ ! -O "$f" ]; then cp "$1" .n && mv -f .n "$f"; fi; done; done' \
        "$place/shared" "$EVIL/evil.sif" >/dev/null 2>&1 &
    local swapper=$!
    run --separate-stderr berth APPTAINER_TMPDIR="$place/shared/t" exec --disable-cache "$HELLO" true
    kill $swapper
    echo "$stderr"
    [[ $status == 0 || $status == 255 ]]
    unharmed
}

@test "tmp: an unpacked image is nobody else's to read" {
    install -d -m 1777 "$place/shared/t"
    berth APPTAINER_TMPDIR="$place/shared/t" exec --unsquash "$IMAGE" sleep 5 >/dev/null 2>&1 &
    local i
    for i in {1..100}; do [[ -d $(echo "$place"/shared/t/berth-rootfs-*/root/bin) ]] && break; sleep 0.05; done
    run runuser -u "$OTHER" -- sh -c 'ls "$0"/berth-rootfs-*/root' "$place/shared/t"
    [[ $status != 0 ]]
    run stat -c '%a %U' "$place"/shared/t/berth-rootfs-*
    [[ $output == "700 $BERTH_USER" ]]
    wait
    for i in {1..100}; do compgen -G "$place/shared/t/berth-rootfs-*" >/dev/null || break; sleep 0.05; done
}

@test "kept containers: names that are taken, and records that are none" {
    local own
    printf 'container-path: %s\n' "$place/shared" >site.yaml
    own=$place/shared/berth-$VICTIM
    for kind in 'mkdir -m 777' 'mkfifo -m 666' 'touch' 'ln -s /etc'; do
        as_other "$kind"' "$0"' "$own"
        run --separate-stderr berth --config site.yaml container list
        [[ $status == 0 && $output == NAME* ]]
        unharmed
        run --separate-stderr berth --config site.yaml container remove --all
        [[ $status == 0 ]]
        as_other 'rm -rf "$0"' "$own"
    done
    # The attacker's own one under a name as the fallback has it.
    as_other 'mkdir -m 777 "$0"; mkdir -p "$0.0123456789abcdef/evil"; echo "{}" >"$0.0123456789abcdef/evil/container.json"' "$own"
    run --separate-stderr berth --config site.yaml container list
    [[ $status == 0 && $output != *evil* ]]
}

@test "kept containers: a fifo, a huge file or a link as a record keeps nobody waiting" {
    local own
    printf 'container-path: %s\n' "$place/shared" >site.yaml
    own=$place/shared/berth-$VICTIM
    for kind in 'mkfifo' 'truncate -s 5G' 'ln -s /dev/zero'; do
        as_user sh -c 'umask 077; rm -rf "$0"; mkdir -p "$0/job-7/x"; '"$kind"' "$0/job-7/x/container.json"' "$own"
        run --separate-stderr timeout 60 runuser -u "$BERTH_USER" -- env HOME="$place/home" "$BERTH" --config site.yaml container remove --job=7
        echo "$kind: $stderr"
        refused 255 container.json
    done
}

@test "nobody else reads: credentials are 0600, in a directory that is 0700, and not on a command line" {
    # A registry that wants a name and a password.
    /usr/bin/python3 -c '
import http.server, sys
class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("Authorization")
        self.send_response(200 if known else 401)
        if not known:
            self.send_header("WWW-Authenticate", "Basic realm=\"x\"")
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Registry)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()' "$place/port" 2>/dev/null 3>&- &
    local server=$! i
    for i in {1..100}; do [[ -s $place/port ]] && break; sleep 0.1; done
    run --separate-stderr berth registry login --username ann --password geheim "docker://127.0.0.1:$(<"$place/port")"
    kill $server
    echo "$stderr"
    [[ $status == 0 ]]
    run stat -c '%a %n' "$place"/home/.docker{,/config.json} "$place"/home/.apptainer{,/remote.yaml}
    echo "$output"
    [[ ${lines[0]} == "700 "* && ${lines[1]} == "600 "* && ${lines[2]} == "700 "* && ${lines[3]} == "600 "* ]]
    # A password that came by the environment is in no argument of any process.
    printf 'export APPTAINER_DOCKER_USERNAME=ann APPTAINER_DOCKER_PASSWORD=geheim123\nexec "$@"\n' >with-password
    as_user sh with-password "$BERTH" pull x.sif "$HELLO" >/dev/null 2>&1 &
    for i in {1..40}; do
        : "$i"
        run sh -c 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" " " | grep -c "gehei[m]123"'
        [[ $output == 0 ]]
        sleep 0.02
    done
    wait || true
}

@test "nobody else reads: the environment of a launch is on no disk" {
    # Not written here: bats keeps a copy of this file.
    local secret=geheim$((SECONDS * 7919 + $$))
    run --separate-stderr berth TOP_SECRET="$secret" exec "$IMAGE" true
    [[ $status == 0 ]]
    run grep -rls "$secret" "$place" /tmp /var/tmp /dev/shm
    [[ -z $output ]]
}
