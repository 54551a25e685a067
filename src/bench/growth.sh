#!/bin/bash
# How a conversion grows with its work: synthetic layouts (growth.py) of more and more layers, paths and bytes, each alone, and of one and two processors.
# CPU time should grow with the work and peak memory with the paths alone; the bar is 350 MB. The cache is not used and the layouts are read where they lie.
# usage: growth.sh [layers|paths|bytes|cores…]; BERTH_GROWTH_BYTES (MB, 1000) is the largest step of bytes: 10000 takes 12 GB of disk.
set -euo pipefail
# shellcheck source=src/bench/lib.bash
. "$(dirname "$0")/lib.bash"

here=$(cd "$(dirname "$0")" && pwd)

layout() { # LAYERS PATHS MEGABYTES: made anew
    rm -rf "$bench_work/layout"
    python3 "$here/growth.py" "$bench_work/layout" "$1" "$2" $(($3 * 1000000))
}

convert() { # NAME [PREFIX…]: the least CPU time of two
    local name=$1
    shift
    measure 2 "$name" as_user "$@" "$BERTH" build --force --disable-cache "$bench_work/work/x.sif" "oci:$bench_work/layout:latest"
    rm -f "$bench_work/work/x.sif"
}

growth_table() { # WHAT: CPU time above that of the first row, per unit of work above the first row's
    python3 - "$bench_work/rows" "$1" <<'END'
import json, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
amount = lambda r: float(r["name"].split()[0])
print(f"| {sys.argv[2]} | wall s | CPU s | CPU ms for each further unit | peak MB |")
print("|---|---|---|---|---|")
for r in rows:
    more = amount(r) - amount(rows[0])
    each = f"{(r['cpu'] - rows[0]['cpu']) * 1000 / more:.3g}" if more > 0 else ""
    print(f"| {r['name']} | {r['wall']:.1f} | {r['cpu']:.2f} | {each} | {r['rss']:.0f} |")
END
    : >"$bench_work/rows"
}

series() { # WHAT
    local step
    echo
    case $1 in
        layers)
            for step in 1 8 32 127; do
                layout $step 10000 100
                convert "$step layers"
            done
            growth_table "10,000 paths and 100 MB in so many layers"
            ;;
        paths)
            for step in 1 10 100 1000; do
                layout 1 $((step * 1000)) 0
                convert "$step thousand"
            done
            growth_table "paths of 16 bytes each, one layer"
            ;;
        bytes)
            for step in 10 100 1000 10000; do
                [[ $step -le ${BERTH_GROWTH_BYTES:-1000} ]] || continue
                layout 4 $step "$step"
                convert "$step MB"
            done
            growth_table "bytes in files of 1 MB, four layers"
            ;;
        cores)
            layout 4 1000 1000
            for step in 1 2; do
                convert "$step processors" taskset -c "0-$((step - 1))"
            done
            growth_table "1,000 MB by so many processors"
            ;;
        *) echo "growth.sh: no series $1" >&2 && exit 2 ;;
    esac
}

[[ $# != 0 ]] || set -- layers paths bytes cores
for name; do
    series "$name"
done
