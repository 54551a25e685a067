#!/bin/bash
# What each further rank of a node costs in memory: a program with its libraries, from an image file and from the same image as a directory. The bar:
# 3 MB more per rank than on a directory. Memory is what /proc calls Pss, of all processes of the user: ranks, holder, squashfs server.
set -euo pipefail
# shellcheck source=src/bench/lib.bash
. "$(dirname "$0")/lib.bash"

slurm "${IMAGE:=mpich}"
berth build --sandbox "$share/$IMAGE" "$share/$IMAGE.sif" >/dev/null 2>&1
# Reads what a program with large libraries reads.
# shellcheck disable=SC2016 # for the container's shell
program='cat /usr/lib/x86_64-linux-gnu/*.so* >/dev/null; : >"ready.$SLURM_PROCID"; while [ ! -e done ]; do sleep 0.2; done'

memory() { # IMAGE RANKS: MB of all the user's processes while they run
    local i step
    rm -f "$share"/ready.* "$share/done"
    (cd "$share" && as_user env SLURM_CONF="$SLURM_CONF" srun -Q -n"$2" --mpi=none --container-image="$1" sh -c "$program") &
    step=$!
    for ((i = 0; i < $2; i++)); do
        until [[ -e $share/ready.$i ]]; do
            kill -0 $step || { echo "bench: the step ended" >&2; exit 1; }
            sleep 0.1
        done
    done
    # shellcheck disable=SC2016 # for the node's shell
    "$cluster" exec --dir "$bench_cluster" n1 sh -c 'ps -o pid= -u "$0" | while read -r pid; do cat "/proc/$pid/smaps_rollup"; done 2>/dev/null' "$BERTH_USER" |
        awk '/^Pss:/ { sum += $2 } END { printf "%.1f", sum / 1024 }'
    as_user touch "$share/done"
    wait $step
}

echo "| image | 1 rank, MB | 32 ranks, MB | MB for each further one |"
echo "|---|---|---|---|"
for image in "$share/$IMAGE.sif" "$share/$IMAGE"; do
    one=$(memory "$image" 1)
    all=$(memory "$image" 32)
    awk -v name="${image##*/}" -v one="$one" -v all="$all" 'BEGIN { printf "| %s | %.1f | %.1f | %.2f |\n", name, one, all, (all - one) / 31 }'
done
