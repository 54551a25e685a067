#!/bin/bash
# What a command costs before anything of the user's runs, against the bare command and, where they are here, bubblewrap and ch-run.
set -euo pipefail
# shellcheck source=src/bench/lib.bash
. "$(dirname "$0")/lib.bash"

registry hello
berth pull "$bench_work/work/hello.sif" "docker://$REGISTRY/hello" >/dev/null 2>&1
offset=$(python3 -c 'import struct, sys
data = open(sys.argv[1], "rb").read(40000)
print(next(struct.unpack_from("<q", data, 4096 + 585 * i + 17)[0] for i in range(48) if struct.unpack_from("<i", data, 4096 + 585 * i)[0] == 0x4004))' "$bench_work/work/hello.sif")
as_user unsquashfs -q -n -d "$bench_work/work/dir" -o "$offset" "$bench_work/work/hello.sif" >/dev/null 2>&1 || true

runs=20
measure $runs "bare true" as_user /bin/true
if command -v bwrap >/dev/null; then
    measure $runs "bwrap dir true" as_user bwrap --bind "$bench_work/work/dir" / --dev /dev --proc /proc /bin/true
fi
if command -v ch-run >/dev/null; then
    measure $runs "ch-run dir true" as_user ch-run "$bench_work/work/dir" -- /bin/true
fi
measure $runs "berth exec dir true" berth exec "$bench_work/work/dir" true
measure $runs "berth exec image.sif true" berth exec "$bench_work/work/hello.sif" true
measure $runs "berth --version" berth --version
measure $runs "berth cache list" berth cache list
measure $runs "planning an exec (--dry-run)" berth exec --dry-run "$bench_work/work/hello.sif" true
table "bare true"
