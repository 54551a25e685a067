#!/bin/bash
# From the last byte of a slow download until the SIF has its name. The registry's answers are held to 50 MB/s by a proxy, which notes when its last
# byte went out; the SIF's change time is when it was published. usage: tail.sh [IMAGE…] (python and big; the bar is 0.5 s)
set -euo pipefail
# shellcheck source=src/bench/lib.bash
. "$(dirname "$0")/lib.bash"

[[ $# != 0 ]] || set -- python big
"$CORPUS" build "$@" >/dev/null
registry "$@"
python3 "$(dirname "$0")/throttle.py" "$REGISTRY" 5621 50 "$bench_work/last" &
proxy=$!
trap 'kill $proxy; bench_end' EXIT
until [[ -e $bench_work/last ]]; do sleep 0.1; done

echo "| image | download s | last byte to published SIF, s |"
echo "|---|---|---|"
for image; do
    rm -f "$bench_work/work/x.sif"
    began=$(date +%s.%N)
    berth pull --disable-cache "$bench_work/work/x.sif" "docker://127.0.0.1:5621/$image" >/dev/null 2>&1
    python3 - "$image" "$began" "$bench_work/last" "$bench_work/work/x.sif" <<'END'
import os, sys

image, began, last, sif = sys.argv[1:]
end = float(open(last).read())
print(f"| {image} | {end - float(began):.1f} | {os.stat(sif).st_ctime - end:.2f} |")
END
done
