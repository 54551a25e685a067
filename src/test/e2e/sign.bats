#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats sets status, output and stderr
#
# Signatures and keys against other programs: gpg, openssl, ssh-keygen. Apptainer's own files are in SignatureTest.

bats_require_minimum_version 1.5.0
load helper

keys() { # [NAME=value...] ARGUMENT...: berth with a keyring of the test's own
    berth APPTAINER_KEYSDIR="$place/work/keys" "$@"
}

answering() { # TEXT ARGUMENT...: the same with these lines on standard input
    local text=$1
    shift
    # shellcheck disable=SC2016 # the user's shell expands it
    as_user APPTAINER_KEYSDIR="$place/work/keys" sh -c 'text=$1; shift; printf "%b" "$text" | "$@"' - "$text" "$BERTH" "$@"
}

image() { # NAME
    install -o "$BERTH_USER" -m 755 "$IMAGE" "$1"
}

gnupg() { as_user GNUPGHOME="$place/work/gnupg" gpg --batch --pinentry-mode loopback "$@"; }

@test "gpg verifies what is signed in clear text, and reads the keyrings" {
    command -v gpg >/dev/null || skip "there is no gpg here"
    image s.sif
    keys key newpair -N Tester -E t@example.org -C test -P secret -b 2048
    answering 'secret\n' sign s.sif
    keys verify --local s.sif | grep -q '^\[LOCAL\]  *Signing entity: Tester (test) <t@example.org>'
    as_user mkdir -m 700 gnupg
    gnupg --passphrase secret --import keys/pgp-public keys/pgp-secret
    gnupg --passphrase secret --armor --export-secret-keys t@example.org | grep -q 'BEGIN PGP PRIVATE KEY'
    berth sif dump "$(berth sif list s.sif | awk '/Signature/ { print $1 }')" s.sif >signature
    run gnupg --verify signature
    [[ $status == 0 && $output == *'Good signature from "Tester (test) <t@example.org>"'* ]]
}

@test "keys that gpg made sign and verify; expired and revoked ones do not" {
    command -v gpg >/dev/null || skip "there is no gpg here"
    as_user mkdir -m 700 gnupg
    gnupg --passphrase '' --quick-gen-key 'Curve <c@example.org>' ed25519 sign
    gnupg --passphrase '' --faked-system-time 20240101T000000 --quick-gen-key 'Old <o@example.org>' rsa2048 sign 1d
    for who in c o; do
        as_user GNUPGHOME="$place/work/gnupg" sh -c "gpg --batch --export-secret-keys $who@example.org >$who.key"
    done
    keys key import c.key
    image s.sif
    keys sign s.sif
    keys verify s.sif | grep -q 'Curve <c@example.org>'
    keys key import o.key
    run --separate-stderr keys sign -k 1 s.sif
    refused 255 'cannot sign'
    # What was signed while the key was good is refused once it is revoked, as Apptainer does.
    # shellcheck disable=SC2016 # the user's shell expands it
    as_user GNUPGHOME="$place/work/gnupg" sh -c \
        'sed "s/^:-----BEGIN/-----BEGIN/" gnupg/openpgp-revocs.d/"$(gpg --list-keys --with-colons c@example.org | sed -n "/^fpr/{s/[^0-9A-F]//g;p;q}")".rev |
        gpg --batch --import && gpg --batch --export c@example.org >revoked.key'
    keys key remove "$(keys key list | sed -n '/Curve/,/Fingerprint/s/.*Fingerprint: *//p')"
    keys key import revoked.key
    run --separate-stderr keys verify s.sif
    refused 255 'signature made by revoked key'
}

@test "openssl verifies the envelopes of each kind of key, and ssh-keygen knows their ids" {
    local kind
    for kind in 'ed25519' 'rsa -pkeyopt rsa_keygen_bits:2048' 'ec -pkeyopt ec_paramgen_curve:P-256'; do
        rm -f secret.pem
        # shellcheck disable=SC2086 # words
        as_user openssl genpkey -quiet -algorithm $kind -out secret.pem 2>/dev/null ||
            as_user openssl genpkey -algorithm $kind -out secret.pem
        openssl pkey -in secret.pem -pubout -out public.pem
        image s.sif
        berth sign --key secret.pem s.sif
        berth verify --key public.pem s.sif
        berth sif dump "$(berth sif list s.sif | awk '/Signature/ { print $1 }')" s.sif >envelope
        python3 - <<'END'
import base64, json
e = json.load(open("envelope"))
kind, body = e["payloadType"].encode(), base64.b64decode(e["payload"])
open("signed", "wb").write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body))
open("sig", "wb").write(base64.b64decode(e["signatures"][0]["sig"]))
open("id", "w").write(e["signatures"][0]["keyid"])
END
        if [[ $kind == ed25519 ]]; then
            openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in signed -sigfile sig
        else
            openssl dgst -sha256 -verify public.pem -signature sig signed
            ! command -v ssh-keygen >/dev/null ||
                [[ $(ssh-keygen -i -m PKCS8 -f public.pem | ssh-keygen -l -f -) == *" $(<id) "* ]]
        fi
    done
}

@test "a private key file with a passphrase" {
    image s.sif
    as_user openssl genpkey -algorithm ed25519 -aes256 -pass pass:secret -out secret.pem
    openssl pkey -in secret.pem -passin pass:secret -pubout -out public.pem
    run --separate-stderr answering 'wrong\n' sign --key secret.pem s.sif
    refused 255 secret.pem passphrase
    answering 'secret\n' sign --key secret.pem s.sif
    berth verify --key public.pem s.sif
}

@test "a passphrase that is typed is not shown" {
    image s.sif
    keys key newpair -N Tester -E t@example.org -C '' -P s3cret -b 2048
    cat >type.py <<'END'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while b"passphrase" not in seen:
    seen += os.read(fd, 4096)
os.write(fd, b"s3cret\n")
try:
    while True:
        seen += os.read(fd, 4096)
except OSError:
    pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    run as_user APPTAINER_KEYSDIR="$place/work/keys" timeout 60 python3 type.py "$BERTH" sign s.sif
    echo "$output"
    [[ $status == 0 && $output == *applied* && $output != *s3cret* ]]
}

@test "a changed image is refused and the object named" {
    image s.sif
    as_user openssl genpkey -algorithm ed25519 -out secret.pem
    openssl pkey -in secret.pem -pubout -out public.pem
    berth sign --key secret.pem s.sif
    local id offset
    read -r id offset < <(berth sif list s.sif | awk '/System/ { split($4, at, "[|-]"); print $1, at[2] }')
    printf X | dd of=s.sif bs=1 seek=$((offset + 5000)) conv=notrunc status=none
    run --separate-stderr berth verify --key public.pem s.sif
    refused 255 "data object integrity compromised: $id"
}

@test "signing that is killed leaves an image that works" {
    image s.sif
    as_user openssl genpkey -algorithm ed25519 -out secret.pem
    openssl pkey -in secret.pem -pubout -out public.pem
    local after objects
    for after in 0.05 0.15 0.25 0.3 0.35 0.4 0.45 0.5 0.6; do
        as_user timeout -s KILL "$after" "$BERTH" sign --key secret.pem s.sif 2>/dev/null || true
        objects=$(berth sif list s.sif)
        [[ $objects != *Signature* ]] || berth verify --key public.pem s.sif
    done
    berth sign --key secret.pem s.sif
    berth verify --key public.pem s.sif
}

@test "sif new, add, setprim and del" {
    echo hi >g.txt
    berth sif new n.sif
    berth sif add --datatype 7 n.sif g.txt
    [[ $(berth sif list n.sif | tail -n 1) == '1    |NONE    |NONE    |32176-32179               |Generic/Raw' ]]
    [[ $(berth sif dump 1 n.sif) == hi ]]
    berth sif add --datatype 4 --partfs 1 --parttype 1 --partarch 4 --groupid 1 --filename root n.sif g.txt
    berth sif setprim 2 n.sif
    [[ $(berth sif header n.sif) == *arm64* ]]
    berth sif del 1 n.sif
    [[ $(berth sif list n.sif | wc -l) == 4 ]]
    run --separate-stderr berth sif info 99 n.sif
    [[ $status == 1 && $stderr == 'Error for command "info": object not found'* ]]
    run --separate-stderr berth sif add n.sif g.txt
    [[ $status == 1 && $stderr == *--datatype* ]]
}
