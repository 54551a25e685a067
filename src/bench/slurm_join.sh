#!/bin/bash
# What each task of a Slurm step pays for entering its container, in process time (the bar is 20 microseconds).
set -euo pipefail
# shellcheck source=src/bench/lib.bash
. "$(dirname "$0")/lib.bash"

here=$(dirname "$0")
gcc -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -I"$here/../main/c" -isystem "${SLURM_INCLUDE:-/usr/include}" -o "$bench_work/work/join" \
    "$here/slurm_join.c" "$here/../../slurm-plugin/ns.c" "$here"/../main/c/common/*.c
as_user "$bench_work/work/join"
