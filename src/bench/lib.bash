# shellcheck shell=bash
#
# What the benchmarks share. `measure NAME COMMAND…` runs a command as the ordinary user and keeps wall and CPU seconds, peak memory (MB) and written
# megabytes; `table` prints them with the ratio to a named row. Each benchmark measures its peers in the same run: only ratios are worth comparing.

: "${BERTH:?the command}" "${BERTH_USER:?the ordinary user}" "${CORPUS:?the corpus script}"
bench_work=$(mktemp -d "${BERTH_DEV_STATE:?}"/bench.XXXXXX)
chmod 755 "$bench_work"
install -d -o "$BERTH_USER" "$bench_work"/{home,cache,tmp,work}
trap 'bench_end' EXIT
bench_end() {
    [[ -z ${bench_port:-} ]] || "$CORPUS" stop --port "$bench_port"
    [[ -z ${bench_cluster:-} ]] || "$cluster" down --dir "$bench_cluster"
    rm -rf "$bench_work"
}

registry() { # NAME…: started with these images; sets REGISTRY
    bench_port=5620
    REGISTRY=$("$CORPUS" serve --port $bench_port "$@" 2>/dev/null)
    REGISTRY=${REGISTRY#http://}
}

cluster=$(dirname "${BASH_SOURCE[0]}")/../test/testbed/cluster

slurm() { # IMAGE…: a node of 32 CPUs with the plugin; sets SLURM_CONF, and share: a directory that it sees, with each image as IMAGE.sif
    local name plugin
    plugin=$(dirname "$BERTH")/../lib/slurm/spank_berth.so
    [[ -e $plugin ]] || { echo "bench: no Slurm plugin at $plugin" >&2; exit 1; }
    bench_cluster=/tmp/berth-slurm-bench
    "$cluster" up --dir "$bench_cluster" -n 1 -c 32 --spank "required $plugin"
    eval "$("$cluster" env --dir "$bench_cluster")"
    share=$CLUSTER_SHARED/bench
    install -d -o "$BERTH_USER" "$share"
    registry "$@"
    for name; do
        berth pull "$share/$name.sif" "docker://$REGISTRY/$name" >/dev/null 2>&1
    done
}

berth() { # ARGUMENT…
    as_user "$BERTH" "$@"
}

as_user() {
    runuser -u "$BERTH_USER" -- env -i PATH="$(dirname "$BERTH"):/usr/local/bin:/usr/bin:/bin" HOME="$bench_work/home" USER="$BERTH_USER" LANG=C.UTF-8 \
        APPTAINER_NOHTTPS=1 APPTAINER_CACHEDIR="$bench_work/cache" APPTAINER_TMPDIR="$bench_work/tmp" "$@" </dev/null
}

# RUNS NAME COMMAND…: the run with the least CPU time of RUNS; a row of the table. Written bytes are the file system's output of the command
# and all its children (ru_oublock).
measure() {
    local runs=$1 name=$2
    shift 2
    python3 - "$bench_work/rows" "$runs" "$name" "$(declare -p BERTH BERTH_USER bench_work | sed 's/^declare -[-x]* //')" "$(declare -f as_user berth)" "$@" <<'END'
import json, os, subprocess, sys, threading, time

rows, runs, name, variables, functions, *command = sys.argv[1:]


best = None
for _ in range(int(runs)):
    began = time.monotonic()
    p = subprocess.Popen(["bash", "-c", variables + "\n" + functions + '\n"$@"', "-", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = []
    reader = threading.Thread(target=lambda: errors.append(p.stderr.read()))
    reader.start()
    _, status, usage = os.wait4(p.pid, 0)
    reader.join()
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"bench: {name}: {command} failed:\n{errors[0].decode()[-1500:]}")
    run = dict(name=name, wall=time.monotonic() - began, cpu=usage.ru_utime + usage.ru_stime, rss=usage.ru_maxrss / 1024, written=usage.ru_oublock * 512 / 1e6)
    if best is None or run["cpu"] < best["cpu"]:
        best = run
with open(rows, "a") as f:
    f.write(json.dumps(best) + "\n")
END
}

table() { # REFERENCE: a Markdown table, CPU and wall also as multiples of that row
    python3 - "$bench_work/rows" "$1" <<'END'
import json, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
base = next(r for r in rows if r["name"] == sys.argv[2])
print(f"| what | wall s | CPU s | CPU / {base['name']} | peak MB | written MB |")
print("|---|---|---|---|---|---|")
for r in rows:
    print(f"| {r['name']} | {r['wall']:.3f} | {r['cpu']:.3f} | {r['cpu'] / base['cpu']:.2f} | {r['rss']:.0f} | {r['written']:.0f} |")
END
    : >"$bench_work/rows"
}
