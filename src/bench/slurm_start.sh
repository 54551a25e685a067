#!/bin/bash
# What a container adds to a Slurm step that does nothing: medians of 15 rounds, each of them once without and once with a container, and once the
# planner by itself, which every node starts once per step. The bars: 0.7 s in all; without the planner 0.06 s at -n1 and 0.12 s at -n32.
set -euo pipefail
# shellcheck source=src/bench/lib.bash
. "$(dirname "$0")/lib.bash"

slurm hello
python3 - "$BERTH" "$BERTH_USER" "$share" "${ROUNDS:-15}" <<'END'
import os, statistics, subprocess, sys, time

berth, user, share, rounds = sys.argv[1:]
environment = ["env", "-i", "PATH=/usr/bin:/bin", "HOME=" + share, "SLURM_CONF=" + os.environ["SLURM_CONF"]]


def seconds(*command):
    # The job before still holds the node for a moment.
    while subprocess.run(["squeue", "-h"], check=True, capture_output=True).stdout:
        time.sleep(0.05)
    began = time.monotonic()
    subprocess.run(["runuser", "-u", user, "--", *environment, *command], check=True, stdout=subprocess.DEVNULL, cwd=share)
    return time.monotonic() - began


image = share + "/hello.sif"
print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores\n")
print("| tasks | plain s | container s | more | planner s | more without it |\n|---|---|---|---|---|---|")
for tasks in 1, 8, 32:
    plain, contained, planner = [], [], []
    for _ in range(int(rounds)):
        plain.append(seconds("srun", f"-n{tasks}", "true"))
        contained.append(seconds("srun", f"-n{tasks}", "--container-image=" + image, "true"))
        planner.append(seconds(berth, "exec", "--dry-run", image, "true"))
    p, c, j = (statistics.median(values) for values in (plain, contained, planner))
    print(f"| {tasks} | {p:.2f} | {c:.2f} | {c - p:.2f} | {j:.2f} | {c - p - j:.2f} |", flush=True)
END
